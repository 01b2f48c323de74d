package autodiff

import (
	"fmt"
	"slices"
	"testing"
)

// TestReductions steps along gradients for every way to say which axes are
// meant, in the opset before axes became an input and in the one after.
func TestReductions(t *testing.T) {
	initialize(t)
	shape := []int64{2, 3, 4, 5}
	axes := map[string][]int64{"middle": {1, -2}, "last": {-1}, "image": {2, 3}}
	for _, operator := range []string{"ReduceSum", "ReduceMean", "ReduceSumSquare", "ReduceL1", "ReduceL2", "ReduceLogSumExp", "ReduceMax", "ReduceMin"} {
		for name, over := range axes {
			for _, keep := range []int{0, 1} {
				for _, opset := range []int64{17, 18} {
					t.Run(fmt.Sprintf("%s over %s keepdims %d opset %d", operator, name, keep, opset), func(t *testing.T) {
						reduction(opset, operator, over, keep, shape).checkSteps(t, spaced(120))
					})
				}
			}
		}
	}
}

func reduction(opset int64, operator string, axes []int64, keep int, shape []int64) network {
	n := network{opset: opset, shape: shape, constants: map[string]*tensor{"axes": int64Tensor(axes)}}
	if opset >= 18 || operator == "ReduceSum" {
		n.nodes = []*nodeProto{op(operator, "x axes", "z", attribute{"keepdims", keep})}
	} else {
		n.nodes = []*nodeProto{op(operator, "x", "z", attribute{"axes", axes}, attribute{"keepdims", keep})}
	}
	left := slices.Clone(shape)
	for _, axis := range axes {
		left[(axis+4)%4] = 1
	}
	return n.classified("z", left)
}

// spaced are numbers of which no two are near each other or zero, so that
// extremes and signs stay when they are moved a little.
func spaced(n int) []float32 {
	order := normal(9, int64(n))
	sorted := slices.Sorted(slices.Values(order))
	x := make([]float32, n)
	for i, v := range order {
		x[i] = (float32(slices.Index(sorted, v)) - float32(n)/2 + 0.5) / 8
	}
	return x
}

// TestReductionOverNothing leaves numbers as they are where a node says so.
func TestReductionOverNothing(t *testing.T) {
	initialize(t)
	got := slopes(t, 18, []float32{1, 2, 3}, nil, op("ReduceSum", "x", "y", attribute{"noop_with_empty_axes", 1}))
	for _, slope := range got {
		if slope < 0.999 || slope > 1.001 {
			t.Errorf("got the slopes %v, want ones", got)
		}
	}
}

// TestExtremesShare gives equal maxima equal parts.
func TestExtremesShare(t *testing.T) {
	initialize(t)
	n := network{shape: []int64{1, 2, 4}, nodes: []*nodeProto{
		op("ReduceMax", "x", "y", attribute{"axes", []int64{2}}, attribute{"keepdims", 0}),
	}}
	got := evaluate(t, n.differentiate(t), []float32{1, 3, 3, 0, 5, 1, 1, 1}, []int64{1})
	near(t, "gradient", got.gradient, []float32{0, 0.0596, 0.0596, 0, -0.1192, 0, 0, 0}, 1e-3)
}

// TestNormOfNothing is 0, not NaN.
func TestNormOfNothing(t *testing.T) {
	initialize(t)
	n := network{shape: []int64{1, 2, 2}, nodes: []*nodeProto{
		op("ReduceL2", "x", "y", attribute{"axes", []int64{2}}, attribute{"keepdims", 0}),
	}}
	got := evaluate(t, n.differentiate(t), []float32{0, 0, 3, 4}, []int64{1})
	near(t, "gradient", got.gradient, []float32{0, 0, -0.00402, -0.00535}, 1e-2)
}

func TestGlobalPools(t *testing.T) {
	initialize(t)
	shape := []int64{2, 3, 4, 5}
	for _, operator := range []string{"GlobalAveragePool", "GlobalMaxPool"} {
		t.Run(operator, func(t *testing.T) {
			network{shape: shape, nodes: []*nodeProto{op(operator, "x", "z")}}.
				classified("z", []int64{2, 3, 1, 1}).checkSteps(t, spaced(120))
		})
	}
}
