package autodiff

import (
	"strings"
	"testing"

	"quba/internal/onnxpb"
)

// TestSumsChannelsLast: residual sums move where that saves transpositions; the
// logits stay, and the gradient is right either way.
func TestSumsChannelsLast(t *testing.T) {
	initialize(t)
	last, first := attribute{"perm", toChannelsLast}, attribute{"perm", toChannelsFirst}
	pads := attribute{"pads", []int64{1, 1, 1, 1}}
	// block is the first half of ConvNeXt's: a convolution, and a layer on its channels.
	block := func(in, out string) []*onnxpb.NodeProto {
		return []*onnxpb.NodeProto{
			op("Conv", in+" w", out+"c", pads), op("Transpose", out+"c", out+"l", last), op("MatMul", out+"l m", out+"p"), op("Tanh", out+"p", out+"t"), op("Transpose", out+"t", out, first),
		}
	}
	join := func(parts ...[]*onnxpb.NodeProto) []*onnxpb.NodeProto {
		var all []*onnxpb.NodeProto
		for _, part := range parts {
			all = append(all, part...)
		}
		return all
	}
	one := func(n *onnxpb.NodeProto) []*onnxpb.NodeProto { return []*onnxpb.NodeProto{n} }
	stem := join(one(op("Conv", "x w", "s", pads)), block("s", "a"), one(op("Add", "a s", "b")))
	tests := map[string]struct {
		nodes []*onnxpb.NodeProto
		// apart is how many transpositions stay as passes over memory.
		apart int
	}{
		"chain of blocks": {join(one(op("Conv", "x w", "s", pads)), block("s", "a"), one(op("Add", "a s", "b")), block("b", "c"), one(op("Add", "b c", "d")),
			one(op("Conv", "d w", "z", pads))), 1},
		"end of a stage": {join(one(op("Conv", "x w", "s", pads)), block("s", "a"), one(op("Add", "a s", "b")), []*onnxpb.NodeProto{
			op("Transpose", "b", "l", last), op("MatMul", "l m", "n"), op("Transpose", "n", "f", first), op("Conv", "f w", "z", pads),
		}), 1},
		"behind identities": {join(one(op("Conv", "x w", "s", pads)), block("s", "a"), []*onnxpb.NodeProto{op("Identity", "a", "i"), op("Add", "i s", "b")},
			block("b", "c"), []*onnxpb.NodeProto{op("Identity", "c", "j"), op("Add", "b j", "d"), op("Conv", "d w", "z", pads)}), 1},
		"seen by something else": {join(one(op("Conv", "x w", "s", pads)), block("s", "a"), []*onnxpb.NodeProto{
			op("Add", "a s", "b"), op("Sigmoid", "b", "g"), op("Conv", "g w", "z", pads),
		}), 2},
		"not of a convolution": {join(one(op("Sigmoid", "x", "s")), block("s", "a"), []*onnxpb.NodeProto{op("Add", "a s", "b"), op("Conv", "b w", "z", pads)}), 1},
		"broadcast":            {join(block("x", "a"), []*onnxpb.NodeProto{op("Add", "a k", "b"), op("Conv", "b w", "z", pads)}), 1},
		"broadcast convolution": {join(block("x", "a"), []*onnxpb.NodeProto{
			op("Conv", "x whole", "s"), op("Add", "a s", "b"), op("Conv", "b w", "z", pads),
		}), 1},
		"added to something else": {join(one(op("Sigmoid", "x", "r")), one(op("Conv", "r w", "s", pads)), block("s", "a"), []*onnxpb.NodeProto{
			op("Add", "a s", "b"), op("Add", "b r", "d"), op("Conv", "d w", "z", pads),
		}), 1},
		"chain with another end": {join(one(op("Conv", "x w", "s", pads)), block("s", "a"), one(op("Add", "a s", "b")), block("b", "c"), []*onnxpb.NodeProto{
			op("Add", "b c", "d"), op("Sigmoid", "d", "z"),
		}), 3},
		"sums with convolutions": {join(stem, []*onnxpb.NodeProto{
			op("Conv", "b w", "c", pads), op("Add", "b c", "d"), op("Sigmoid", "d", "e"), op("Conv", "e w", "f", pads), op("Add", "d f", "g"), op("Sigmoid", "g", "h"), op("Conv", "h w", "z", pads),
		}), 2},
		"two groups that meet": {join(stem, block("s", "A"), []*onnxpb.NodeProto{
			op("Add", "A s", "B"), op("Sigmoid", "b", "e"), op("Conv", "e w", "f", pads), op("Add", "b B", "d"), op("Sigmoid", "d", "g"), op("Add", "g f", "h"), op("Conv", "h w", "z", pads),
		}), 3},
		"what layers made is seen": {join(stem, []*onnxpb.NodeProto{
			op("Conv", "b w", "c", pads), op("Sigmoid", "a", "g"), op("Mul", "g c", "h"), op("Conv", "h w", "z", pads),
		}), 2},
		"identity behind a sum": {join(stem, []*onnxpb.NodeProto{
			op("Identity", "b", "i"), op("Transpose", "i", "l", last), op("MatMul", "l m", "n"), op("Transpose", "n", "f", first), op("Conv", "f w", "z", pads),
		}), 1},
		"convolutions only": {[]*onnxpb.NodeProto{op("Conv", "x w", "s", pads), op("Conv", "s w", "t", pads), op("Add", "s t", "u"), op("Conv", "u w", "z", pads)}, 0},
		"another order": {[]*onnxpb.NodeProto{
			op("Conv", "x w", "s", pads), op("Tanh", "s", "t"), op("Transpose", "t", "a", attribute{"perm", []int64{0, 1, 3, 2}}), op("Add", "a s", "b"), op("Conv", "b w", "z", pads),
		}, 1},
		"the output": {join(one(op("Conv", "x w", "s", pads)), block("s", "a"), one(op("Add", "a s", "z"))), 2},
	}
	shape := []int64{2, 4, 5, 5}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			n := network{shape: shape, nodes: test.nodes, constants: map[string]*tensor{
				"w": numbers(1, 0, 4, 4, 3, 3), "whole": numbers(4, 0, 4, 4, 5, 5), "m": numbers(2, 0, 4, 4), "k": numbers(3, 0, 4, 1, 1),
			}}.classified("z", shape)
			x, labels := normal(7, count(shape)), []int64{0, 4}
			g := n.differentiate(t)
			if got := transposesApart(t, g); got != test.apart {
				t.Errorf("%d transpositions are not beside a convolution, want %d", got, test.apart)
			}
			near(t, "logits", evaluate(t, g, x, labels).logits, n.output(t, x).Data.([]float32), 1e-5)
			n.checkSteps(t, x)
		})
	}
}

// transposesApart counts the transpositions of images that no convolution
// makes or takes.
func transposesApart(t testing.TB, g *Gradient) int {
	t.Helper()
	model, err := parseModel(g.Model)
	check(t, err)
	convolves := func(n *onnxpb.NodeProto) bool { return strings.HasPrefix(n.OpType, "Conv") }
	makers, convolved := map[string]*onnxpb.NodeProto{}, map[string]bool{}
	for _, n := range model.Graph.Node {
		for _, name := range n.Output {
			makers[name] = n
		}
		for _, name := range n.Input {
			convolved[name] = convolved[name] || convolves(n)
		}
	}
	apart := 0
	for _, n := range model.Graph.Node {
		maker := makers[n.Input[0]]
		if n.OpType == "Transpose" && maker != nil && !convolves(maker) && !convolved[n.Output[0]] {
			apart++
		}
	}
	return apart
}
