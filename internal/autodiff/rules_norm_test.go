package autodiff

import "testing"

// TestNormalisations steps along gradients of every normalisation, with a
// scale for each channel.
func TestNormalisations(t *testing.T) {
	initialize(t)
	shape := []int64{2, 6, 3, 4}
	scales := func(n int64) *tensor { return float32Tensor([]int64{n}, normal(2, n)) }
	variances := float32Tensor([]int64{6}, []float32{1, 2, 3, 0.5, 0.1, 4})
	constants := map[string]*tensor{
		"six": scales(6), "three": scales(3), "four": scales(4), "matrix": float32Tensor([]int64{3, 4}, normal(3, 12)), "variances": variances,
	}
	tests := map[string]struct {
		opset int64
		node  *nodeProto
	}{
		"Softmax":                          {17, op("Softmax", "x", "z", attribute{"axis", 1})},
		"Softmax last":                     {17, op("Softmax", "x", "z")},
		"LogSoftmax":                       {17, op("LogSoftmax", "x", "z", attribute{"axis", -2})},
		"LayerNormalization":               {17, op("LayerNormalization", "x four", "z")},
		"LayerNormalization of two axes":   {17, op("LayerNormalization", "x matrix matrix", "z", attribute{"axis", 2})},
		"InstanceNormalization":            {17, op("InstanceNormalization", "x six six", "z")},
		"GroupNormalization of opset 18":   {18, op("GroupNormalization", "x three three", "z", attribute{"num_groups", 3})},
		"GroupNormalization of opset 21":   {21, op("GroupNormalization", "x six six", "z", attribute{"num_groups", 3})},
		"BatchNormalization":               {17, op("BatchNormalization", "x six six six variances", "z")},
		"LRN":                              {17, op("LRN", "x", "z", attribute{"size", 3}, attribute{"alpha", float32(0.5)}, attribute{"bias", float32(2)})},
		"LRN with a window beyond the end": {17, op("LRN", "x", "z", attribute{"size", 7}, attribute{"alpha", float32(0.5)})},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			network{opset: test.opset, shape: shape, nodes: []*nodeProto{test.node}, constants: constants}.
				classified("z", shape).checkSteps(t, normal(4, 144))
		})
	}
}

// TestStatisticsAreShared asks LayerNormalization for its statistics in place
// of computing them anew.
func TestStatisticsAreShared(t *testing.T) {
	initialize(t)
	g := network{
		shape: []int64{2, 8}, constants: map[string]*tensor{"scale": float32Tensor([]int64{8}, normal(2, 8))},
		nodes: []*nodeProto{op("LayerNormalization", "x scale", "y")},
	}.differentiate(t)
	if n := operators(t, g); n["ReduceMean"] != 2 || n["Sqrt"] != 0 {
		t.Errorf("got %v, want the two means of the gradient only", n)
	}
}

func operators(t testing.TB, g *Gradient) map[string]int {
	t.Helper()
	model, err := parseModel(g.Model)
	check(t, err)
	n := map[string]int{}
	for _, node := range model.Graph.Node {
		n[node.OpType]++
	}
	return n
}

func TestNormalisationsRefuse(t *testing.T) {
	initialize(t)
	constants := map[string]*tensor{"v": float32Tensor([]int64{4}, []float32{1, 2, 3, 4})}
	shape := []int64{2, 4}
	training := op("BatchNormalization", "x v v v v", "y", attribute{"training_mode", 1})
	training.Output = append(training.Output, "mean", "variance")
	network{shape: shape, constants: constants, nodes: []*nodeProto{training}}.refusal(t, "must be in inference mode")
	network{shape: shape, nodes: []*nodeProto{
		op("ReduceMean", "x", "s", attribute{"axes", []int64{0}}, attribute{"keepdims", 0}),
		op("LayerNormalization", "x s", "y"),
	}}.refusal(t, "only the first input can be differentiated")
}
