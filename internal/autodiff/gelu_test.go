package autodiff

import (
	"math"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	"quba/internal/onnxpb"
)

// TestGelusAreMerged in every order of exporters, and nothing else is; the
// logits stay and the gradient is right either way.
func TestGelusAreMerged(t *testing.T) {
	initialize(t)
	scaled := op("Div", "x root", "u")
	erf, shifted := op("Erf", "u", "e"), op("Add", "e one", "s")
	tests := map[string]struct {
		nodes  []*onnxpb.NodeProto
		merged bool
	}{
		"half last":     {[]*onnxpb.NodeProto{scaled, erf, shifted, op("Mul", "x s", "p"), op("Mul", "p half", "z")}, true},
		"half with erf": {[]*onnxpb.NodeProto{scaled, erf, shifted, op("Mul", "half s", "p"), op("Mul", "x p", "z")}, true},
		"half with x":   {[]*onnxpb.NodeProto{scaled, erf, shifted, op("Mul", "x half", "p"), op("Mul", "s p", "z")}, true},
		"product":       {[]*onnxpb.NodeProto{op("Mul", "inverse x", "u"), erf, op("Add", "one e", "s"), op("Mul", "s x", "p"), op("Mul", "half p", "z")}, true},
		"sum used twice": {[]*onnxpb.NodeProto{
			scaled, erf, shifted, op("Mul", "x s", "p"), op("Mul", "p half", "q"), op("Add", "q s", "z"),
		}, true},
		"another factor": {[]*onnxpb.NodeProto{scaled, erf, shifted, op("Mul", "x s", "p"), op("Mul", "p third", "z")}, false},
		"another scale":  {[]*onnxpb.NodeProto{op("Mul", "x half", "u"), erf, shifted, op("Mul", "x s", "p"), op("Mul", "p half", "z")}, false},
		"another shift":  {[]*onnxpb.NodeProto{scaled, erf, op("Add", "e half", "s"), op("Mul", "x s", "p"), op("Mul", "p half", "z")}, false},
		"another x":      {[]*onnxpb.NodeProto{scaled, erf, shifted, op("Mul", "u s", "p"), op("Mul", "p half", "z")}, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			shape := []int64{2, 12}
			n := network{shape: shape, nodes: test.nodes, constants: map[string]*tensor{
				"one": scalar(float32Type, 1), "half": scalar(float32Type, 0.5), "third": scalar(float32Type, 1./3),
				"root": scalar(float32Type, math.Sqrt2), "inverse": scalar(float32Type, math.Sqrt2/2),
			}}.classified("z", shape)
			x, labels := normal(3, count(shape)), []int64{0, 4}
			g := n.differentiate(t)
			if got := hasOperator(t, g, "HardSigmoid"); got != test.merged {
				t.Errorf("merged: %v, want %v", got, test.merged)
			}
			near(t, "logits", evaluate(t, g, x, labels).logits, n.output(t, x).Data.([]float32), 1e-6)
			n.checkSteps(t, x)
		})
	}
}

func hasOperator(t testing.TB, g *Gradient, operator string) bool {
	t.Helper()
	model := &onnxpb.ModelProto{}
	check(t, proto.Unmarshal(g.Model, model))
	return slices.ContainsFunc(model.Graph.Node, func(n *onnxpb.NodeProto) bool { return n.OpType == operator })
}
