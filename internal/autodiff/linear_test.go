package autodiff

import (
	"math"
	"testing"

	"google.golang.org/protobuf/proto"

	"quba/internal/onnxpb"
)

// numbers is a constant of the shape, around an offset.
func numbers(seed uint64, offset float32, shape ...int64) *tensor {
	v := normal(seed, count(shape))
	for i := range v {
		v[i] = offset + v[i]/2
	}
	return float32Tensor(shape, v)
}

// TestFolding: scales go into the weights beside them only where nothing else
// sees the values; the logits stay, and the gradient is right either way.
func TestFolding(t *testing.T) {
	initialize(t)
	norm := op("LayerNormalization", "x gamma beta", "n")
	layer := []*onnxpb.NodeProto{op("MatMul", "n w", "p"), op("Add", "p b", "z")}
	gelu := func(x, y string) []*onnxpb.NodeProto {
		return []*onnxpb.NodeProto{
			op("Div", x+" root", "u"), op("Erf", "u", "e"), op("Add", "e one", "s"), op("Mul", x+" s", "h"), op("Mul", "h half", y),
		}
	}
	nodes := func(parts ...any) []*onnxpb.NodeProto {
		var all []*onnxpb.NodeProto
		for _, part := range parts {
			switch part := part.(type) {
			case *onnxpb.NodeProto:
				all = append(all, proto.CloneOf(part))
			case []*onnxpb.NodeProto:
				for _, n := range part {
					all = append(all, proto.CloneOf(n))
				}
			}
		}
		return all
	}
	tests := map[string]struct {
		nodes []*onnxpb.NodeProto
		// muls and means are how many Mul and ReduceMean there are.
		muls, means int
	}{
		"normalisation":                          {nodes(norm, layer), 3, 1},
		"normalisation into two layers":          {nodes(norm, layer[0], op("Add", "p b", "q"), op("MatMul", "n v", "r"), op("Add", "b r", "s"), op("Add", "q s", "z")), 3, 1},
		"two layers with the same weights":       {nodes(norm, layer[0], op("Add", "p b", "q"), op("MatMul", "x w", "r"), op("Add", "q r", "z")), 3, 1},
		"normalisation without a layer's bias":   {nodes(norm, op("MatMul", "n w", "z")), 5, 2},
		"normalisation that something else sees": {nodes(norm, layer[0], op("Add", "p b", "q"), op("Add", "q n", "z")), 5, 2},
		"normalisation without shift":            {nodes(op("LayerNormalization", "x gamma", "n"), op("MatMul", "n w", "z")), 3, 1},
		"layer scale":                            {nodes(op("MatMul", "x w", "p"), op("Add", "p b", "q"), op("Mul", "q gamma", "z")), 0, 0},
		"layer scale behind a transpose": {nodes(op("MatMul", "x w", "p"), op("Add", "b p", "q"),
			op("Transpose", "q", "t", attribute{"perm", []int64{0, 2, 1}}), op("Mul", "column t", "m"),
			op("Transpose", "m", "z", attribute{"perm", []int64{0, 2, 1}})), 0, 0},
		"scale along another axis":           {nodes(op("MatMul", "x w", "p"), op("Add", "p b", "q"), op("Mul", "q rows", "z")), 2, 0},
		"scale that is not all that is seen": {nodes(op("MatMul", "x w", "p"), op("Add", "p b", "q"), op("Mul", "q gamma", "r"), op("Add", "q r", "z")), 2, 0},
		"gelu":                               {nodes(op("MatMul", "x w", "p"), op("Add", "p b", "a"), gelu("a", "m"), op("MatMul", "m v", "z")), 3, 0},
		"gelu operator":                      {nodes(op("MatMul", "x w", "p"), op("Add", "p b", "a"), op("Gelu", "a", "m"), op("MatMul", "m v", "z")), 3, 0},
		"gelu whose input is seen":           {nodes(op("MatMul", "x w", "p"), op("Add", "p b", "a"), gelu("a", "m"), op("MatMul", "m v", "q"), op("Add", "q a", "z")), 5, 0},
		"gelu whose output is seen":          {nodes(op("MatMul", "x w", "p"), op("Add", "p b", "a"), gelu("a", "m"), op("MatMul", "m v", "q"), op("Add", "q m", "z")), 5, 0},
		"attention":                          {nodes(op("Transpose", "x", "k", attribute{"perm", []int64{0, 2, 1}}), op("MatMul", "x k", "l"), op("Softmax", "l", "m"), op("MatMul", "m x", "z")), 2, 0},
	}
	const c = 6
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			shape := []int64{2, 4, c}
			n := network{shape: shape, nodes: test.nodes, constants: map[string]*tensor{
				"gamma": numbers(1, 1, c), "beta": numbers(2, 0, c), "column": numbers(1, 1, c, 1), "rows": numbers(3, 1, 4, 1),
				"w": numbers(4, 0, c, c), "v": numbers(5, 0, c, c), "b": numbers(6, 0, c),
				"one": scalar(float32Type, 1), "half": scalar(float32Type, 0.5), "root": scalar(float32Type, math.Sqrt2),
			}}
			if hasNode(test.nodes, "Gelu") {
				n.opset = 20
			}
			n = n.classified("z", shape)
			x, labels := normal(7, count(shape)), []int64{0, 4}
			g := n.differentiate(t)
			const ofLoss = 1
			if n := operators(t, g); n["Mul"]-ofLoss != test.muls || n["ReduceMean"] != test.means {
				t.Errorf("%d products and %d means, want %d and %d", n["Mul"]-ofLoss, n["ReduceMean"], test.muls, test.means)
			}
			near(t, "logits", evaluate(t, g, x, labels).logits, n.output(t, x).Data.([]float32), 1e-5)
			n.checkSteps(t, x)
		})
	}
}

func hasNode(nodes []*onnxpb.NodeProto, operator string) bool {
	for _, n := range nodes {
		if n.OpType == operator {
			return true
		}
	}
	return false
}
