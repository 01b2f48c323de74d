package autodiff

import (
	"bytes"
	"context"
	"maps"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"quba/internal/onnxpb"
)

// piece draws one differentiable node that keeps the shape [2, 4, 3, 3].
func piece(t *rapid.T, opset int64, in, out string) []*nodeProto {
	mid := out + "_"
	pieces := map[string][]*nodeProto{
		"affine":    {op("Mul", in+" weight", mid), op("Add", mid+" weight", out)},
		"sigmoid":   {op("Sigmoid", in, out)},
		"swish":     {op("Sigmoid", in, mid), op("Mul", mid+" "+in, out)},
		"softplus":  {op("Softplus", in, out)},
		"conv":      {op("Conv", in+" w3", out, attribute{"pads", []int64{1, 1, 1, 1}})},
		"depthwise": {op("Conv", in+" wd", out, attribute{"pads", []int64{2, 2, 2, 2}}, attribute{"dilations", []int64{2, 2}}, attribute{"group", 4})},
		"pool":      {op("AveragePool", in, out, attribute{"kernel_shape", []int64{3, 3}}, attribute{"pads", []int64{1, 1, 1, 1}})},
		"softmax":   {op("Softmax", in, out, attribute{"axis", 1})},
		"layernorm": {op("LayerNormalization", in+" scale", out, attribute{"axis", 1})},
		"transpose": {op("Transpose", in, out, attribute{"perm", []int64{0, 1, 3, 2}})},
		"shortcut":  {op("Tanh", in, mid), op("Add", mid+" "+in, out)},
		"attention": {op("MatMul", in+" "+in, mid), op("Tanh", mid, out)},
		"split": {
			{OpType: "Split", Input: []string{in}, Output: []string{mid + "a", mid + "b"}, Attribute: attributes(attribute{"axis", 1}), Name: mid},
			op("Concat", mid+"b "+mid+"a", out, attribute{"axis", 1}),
		},
	}
	if opset >= 18 {
		// Split must then say how many outputs it has.
		pieces["split"][0].Attribute = attributes(attribute{"axis", 1}, attribute{"num_outputs", 2})
	}
	return pieces[rapid.SampledFrom(slices.Sorted(maps.Keys(pieces))).Draw(t, "piece")]
}

// TestRandomNetworks steps along gradients of chains of random nodes.
func TestRandomNetworks(t *testing.T) {
	initialize(t)
	shape := []int64{2, 4, 3, 3}
	scaled := func(shape []int64, seed uint64) *tensor {
		v := normal(seed, count(shape))
		for i := range v {
			v[i] *= 0.4
		}
		return float32Tensor(shape, v)
	}
	constants := map[string]*tensor{
		"weight": scaled([]int64{4, 1, 1}, 11), "w3": scaled([]int64{4, 4, 3, 3}, 12), "wd": scaled([]int64{4, 1, 3, 3}, 13),
		"scale": scaled([]int64{4, 3, 3}, 14),
	}
	rapid.Check(t, func(t *rapid.T) {
		n := network{opset: rapid.SampledFrom([]int64{17, 18, 21}).Draw(t, "opset"), shape: shape, constants: constants}
		value := "x"
		for i := range rapid.IntRange(1, 5).Draw(t, "length") {
			next := string(rune('a' + i))
			n.nodes = append(n.nodes, piece(t, n.opset, value, next)...)
			value = next
		}
		n.classified(value, shape).checkSteps(t, normal(rapid.Uint64().Draw(t, "seed"), count(shape)))
	})
}

// TestSameBytes writes the same gradient every time.
func TestSameBytes(t *testing.T) {
	initialize(t)
	n := dense()
	n.nodes = append(n.nodes, op("Tanh", "z", "t"), op("Softmax", "t", "y"))
	first := n.differentiate(t).Model
	for range 3 {
		if !bytes.Equal(first, n.differentiate(t).Model) {
			t.Fatal("two runs give different bytes")
		}
	}
}

// TestShapeArithmetic is folded away, however long.
func TestShapeArithmetic(t *testing.T) {
	initialize(t)
	n := network{
		shape: []int64{2, 3, 4}, constants: map[string]*tensor{"zero": int64Tensor([]int64{0}), "minus": int64Tensor([]int64{-1}), "index": int64Tensor([]int64{1})},
		nodes: []*nodeProto{
			op("Shape", "x", "s"), op("Gather", "s zero", "batch"), op("Concat", "batch minus", "rows", attribute{"axis", 0}),
			op("Reshape", "x rows", "r"), op("Size", "x", "many"), op("Cast", "many", "f", attribute{"to", 1}),
			op("Div", "r f", "y"),
		},
	}
	g := n.differentiate(t)
	for operator := range operators(t, g) {
		if operator == "Shape" || operator == "Gather" || operator == "Size" || operator == "Cast" {
			t.Errorf("%s is still there: %v", operator, operators(t, g))
		}
	}
	n.checkSteps(t, normal(5, 24))
}

// TestFixedBatch uses the batch that the model demands.
func TestFixedBatch(t *testing.T) {
	initialize(t)
	declared := dense()
	declared.nodes = append(declared.nodes, op("Tanh", "z", "y"))
	model := declared.model()
	model.Graph.Input[0] = valueInfo("x", float32Type, []int64{1, 3})
	baked := dense()
	baked.constants["row"] = int64Tensor([]int64{1, 4})
	baked.nodes = append(baked.nodes, op("Reshape", "z row", "y"))
	for name, m := range map[string]*onnxpb.ModelProto{"declared": model, "baked into a Reshape": baked.model()} {
		t.Run(name, func(t *testing.T) {
			g, err := differentiate(context.Background(), m, declared.options())
			check(t, err)
			if g.Batch != 1 || g.Shape[0] != 1 || len(g.Notes) != 0 {
				t.Errorf("batch %d, shape %v, notes %q", g.Batch, g.Shape, g.Notes)
			}
		})
	}
}

func TestDifferentiateRefuses(t *testing.T) {
	initialize(t)
	good := dense()
	good.nodes = append(good.nodes, op("Tanh", "z", "y"))
	tests := map[string]struct {
		change func(m *onnxpb.ModelProto, o *Options)
		want   string
	}{
		"two inputs": {func(m *onnxpb.ModelProto, _ *Options) {
			m.Graph.Input = append(m.Graph.Input, valueInfo("other", float32Type, []int64{1}))
		}, `must have the one input "x", has "other" too`},
		"bytes": {
			func(m *onnxpb.ModelProto, _ *Options) {
				m.Graph.Input[0].Type.GetTensorType().ElemType = int32(uint8Type)
			},
			"must be float32 or float16, is UINT8, which has no gradient",
		},
		"no input":      {func(m *onnxpb.ModelProto, _ *Options) { m.Graph.Input = nil }, `there must be a tensor input "x"`},
		"no output":     {func(_ *onnxpb.ModelProto, o *Options) { o.Output = "other" }, `a node that makes the output "other"`},
		"another rank":  {func(_ *onnxpb.ModelProto, o *Options) { o.Shape = []int64{2, 3, 1} }, `input "x" has 2 dimensions, got the shape [2 3 1]`},
		"another width": {func(_ *onnxpb.ModelProto, o *Options) { o.Shape = []int64{2, 4} }, `input "x": dimension 1 must be 3, is 4`},
		"no batch":      {func(_ *onnxpb.ModelProto, o *Options) { o.Shape = []int64{0, 3} }, "must have positive dimensions, is [0 3]"},
		"cycle":         {func(m *onnxpb.ModelProto, _ *Options) { m.Graph.Node[0].Input[1] = "y" }, "must have no cycle"},
		"rounded":       {func(m *onnxpb.ModelProto, _ *Options) { m.Graph.Node[1].OpType = "Round" }, "does not depend differentiably"},
		"no change":     {func(m *onnxpb.ModelProto, _ *Options) { m.Graph.Node[1].Input[0] = "w" }, "does not depend differentiably"},
		"unknown": {func(m *onnxpb.ModelProto, _ *Options) {
			m.Graph.Node[1].OpType = "CumSum"
			m.Graph.Node[1].Input = []string{"z", "axis"}
			m.Graph.Initializer = append(m.Graph.Initializer, int64Tensor([]int64{1}).proto("axis"))
		}, `no gradient rule for operator CumSum (node "node_y", output "y")`},
		"list of tensors": {func(m *onnxpb.ModelProto, _ *Options) { m.Graph.Node[1].OpType = "SequenceConstruct" }, "no gradient rule for operator SequenceConstruct"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			model, o := proto.CloneOf(good.model()), good.options()
			test.change(model, &o)
			_, err := differentiate(context.Background(), model, o)
			wantError(t, err, test.want)
		})
	}
}

// TestQuantised has no gradient, with whatever whole numbers it is quantised, be
// it all or one of two branches: attacks on the other would find too little.
func TestQuantised(t *testing.T) {
	initialize(t)
	for _, kind := range []elementType{int8Type, uint8Type, int16Type, uint16Type} {
		size := elementSizes[kind]
		n := network{
			opset: 21, shape: []int64{1, 2}, constants: map[string]*tensor{"scale": scalar(float32Type, 0.1), "zero": {kind: kind, data: make([]byte, size)}},
			nodes: []*nodeProto{op("QuantizeLinear", "x scale zero", "q"), op("DequantizeLinear", "q scale zero", "y")},
		}
		const want = `no gradient rule for operator QuantizeLinear (node "node_q"`
		n.refusal(t, want)
		n.nodes = []*nodeProto{n.nodes[0], op("DequantizeLinear", "q scale zero", "d"), op("Tanh", "x", "t"), op("Add", "t d", "y")}
		n.refusal(t, want)
	}
}

// TestEndedPaths: comparisons and whole numbers may end a path beside another.
func TestEndedPaths(t *testing.T) {
	initialize(t)
	shape := []int64{2, 4}
	constants := map[string]*tensor{"zero": scalar(float32Type, 0), "axes": int64Tensor([]int64{1}), "full": int64Tensor([]int64{2, 4})}
	number := attribute{"to", int(float32Type)}
	tests := map[string]struct {
		nodes []*nodeProto
		error string
	}{
		"mask":        {[]*nodeProto{op("Greater", "x zero", "m"), op("Cast", "m", "e", number)}, ""},
		"largest":     {[]*nodeProto{op("ArgMax", "x", "m", attribute{"axis", 1}), op("Cast", "m", "e", number)}, ""},
		"whole":       {[]*nodeProto{op("Cast", "x", "m", attribute{"to", int(int64Type)}), op("Cast", "m", "e", number)}, ""},
		"rounded":     {[]*nodeProto{op("Floor", "x", "e")}, ""},
		"not zero":    {[]*nodeProto{op("NonZero", "x", "m"), op("Cast", "m", "n", number), op("ReduceSum", "n", "s"), op("Expand", "s full", "e")}, `operator NonZero (node "node_m"`},
		"dynamically": {[]*nodeProto{{OpType: "DynamicQuantizeLinear", Name: "dynamic", Input: []string{"x"}, Output: []string{"q", "s", "o"}}, op("DequantizeLinear", "q s o", "e")}, `operator DequantizeLinear (node "node_e"`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			n := network{shape: shape, constants: constants, nodes: append(test.nodes, op("Tanh", "x", "t"), op("Add", "t e", "y"))}
			if test.error != "" {
				n.refusal(t, test.error)
				return
			}
			n.differentiate(t)
		})
	}
}

// TestNotNormalisedIsUnsupported lets an attack without gradients take over.
func TestNotNormalisedIsUnsupported(t *testing.T) {
	n := dense()
	n.nodes = append(n.nodes, op("Tanh", "z", "y"))
	model := n.model()
	model.Functions = []*onnxpb.FunctionProto{{Domain: "own", Name: "f"}}
	if _, err := differentiate(context.Background(), model, n.options()); !isUnsupported(err) {
		t.Errorf("got %v, want an UnsupportedError", err)
	}
}

// TestConditional differentiates past an If that does not depend on the image
// and refuses one that does.
func TestConditional(t *testing.T) {
	initialize(t)
	branch := func(from string) *onnxpb.GraphProto {
		return &onnxpb.GraphProto{Name: from, Node: []*nodeProto{op("Identity", from, "out_"+from)}, Output: []*onnxpb.ValueInfoProto{{Name: "out_" + from}}}
	}
	conditional := func(a, b string) *nodeProto {
		n := op("If", "yes", "chosen")
		n.Attribute = []*attributeProto{
			{Name: "then_branch", Type: onnxpb.AttributeProto_GRAPH, G: branch(a)},
			{Name: "else_branch", Type: onnxpb.AttributeProto_GRAPH, G: branch(b)},
		}
		return n
	}
	n := dense()
	n.constants = with(n.constants, map[string]*tensor{
		"yes": {kind: boolean, data: []byte{1}}, "two": scalar(float32Type, 2), "three": scalar(float32Type, 3),
	})
	folded, depending := n, n
	folded.nodes = append(n.nodes[:1:1], conditional("two", "three"), op("Mul", "z chosen", "y"))
	folded.checkSteps(t, normal(6, 6))
	depending.nodes = append(n.nodes[:1:1], conditional("z", "two"), op("Mul", "z chosen", "y"))
	depending.refusal(t, `no gradient rule for operator If (node "node_chosen"`)
}

// TestCanceled ends early.
func TestCanceled(t *testing.T) {
	initialize(t)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	n := dense()
	n.nodes = append(n.nodes, op("Tanh", "z", "y"))
	_, err := differentiate(ctx, n.model(), n.options())
	wantError(t, err, context.Canceled.Error())
}

// TestEqualWork computes each thing once, and nothing that nobody needs.
func TestEqualWork(t *testing.T) {
	branch := &onnxpb.GraphProto{Node: []*nodeProto{op("Neg", "seen", "d")}, Output: []*onnxpb.ValueInfoProto{{Name: "d"}}}
	nodes := []*nodeProto{
		op("Exp", "x", "a"), op("Identity", "a", "passed"), op("Exp", "x", "b"), op("Add", "passed b", "c"), op("Neg", "x", "unused"), op("Exp", "x", "kept"),
		op("Identity", "c", "named"), op("Identity", "a", "seen"), op("If", "x", "e", attribute{"then_branch", branch}),
	}
	var names []string
	outputs := []string{"named", "kept", "e"}
	for _, n := range needed(unique(nodes, outputs), outputs) {
		names = append(names, strings.Join(n.Input, "+")+">"+n.Output[0])
	}
	if got := strings.Join(names, " "); got != "x>a a+a>c x>kept c>named a>seen x>e" {
		t.Errorf("got %s", got)
	}
}

// TestPadJoinsConv leaves no Pad before the convolution and no Slice after its
// gradient, where the zeros are around the image.
func TestPadJoinsConv(t *testing.T) {
	initialize(t)
	shape := []int64{2, 4, 3, 3}
	tests := map[string]struct {
		pads   []int64
		value  float64
		auto   string
		merged bool
	}{
		"zeros":       {[]int64{0, 0, 0, 1, 0, 0, 1, 1}, 0, "NOTSET", true},
		"valid":       {[]int64{0, 0, 1, 1, 0, 0, 1, 1}, 0, "VALID", true},
		"same":        {[]int64{0, 0, 0, 1, 0, 0, 1, 1}, 0, "SAME_UPPER", false},
		"other value": {[]int64{0, 0, 0, 1, 0, 0, 1, 1}, 2, "NOTSET", false},
		"cropped":     {[]int64{0, 0, 0, -1, 0, 0, 1, 1}, 0, "NOTSET", false},
		"channels":    {[]int64{0, 1, 0, 0, 0, 0, 0, 0}, 0, "NOTSET", false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			conv := op("Conv", "p w", "z", attribute{"auto_pad", test.auto})
			if test.auto == "NOTSET" {
				conv = op("Conv", "p w", "z", attribute{"pads", []int64{1, 0, 0, 1}})
			}
			channels := 4 + test.pads[1]
			n := network{shape: shape, nodes: []*nodeProto{op("Pad", "x pads value", "p"), conv}, constants: map[string]*tensor{
				"pads": int64Tensor(test.pads), "value": scalar(float32Type, test.value), "w": float32Tensor([]int64{2, channels, 3, 3}, normal(5, 18*channels)),
			}}
			plain := n
			plain.nodes = append(n.nodes[:2:2], op("Identity", "z", "y"))
			x := normal(6, count(shape))
			n = n.classified("z", plain.output(t, x).Shape)
			n.checkSteps(t, x)
			if merged := operators(t, n.differentiate(t))["Pad"] == 0; merged != test.merged {
				t.Errorf("merged is %v, want %v", merged, test.merged)
			}
		})
	}
}
