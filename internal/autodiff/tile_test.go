package autodiff

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"quba/internal/onnxpb"
)

// tiniest cuts whatever can be cut, into tiles of a row or two of the tests' values.
var tiniest = tiling{tile: 64, weights: 1 << 20}

// uncut leaves all chains whole.
var uncut = tiling{whole: math.MaxInt64}

func (n network) cut(t rapid.TB, by tiling) *Gradient {
	t.Helper()
	o := n.options()
	o.tiling = &by
	g, err := differentiate(context.Background(), proto.CloneOf(n.model()), o)
	check(t, err)
	return g
}

// loops lists the operators in each Scan.
func loops(t rapid.TB, g *Gradient) []string {
	t.Helper()
	model := &onnxpb.ModelProto{}
	check(t, proto.Unmarshal(g.Model, model))
	var all []string
	for _, n := range model.Graph.Node {
		if n.OpType != "Scan" {
			continue
		}
		var inside []string
		for _, inner := range n.Attribute[0].G.Node {
			if inner.OpType != "Reshape" {
				inside = append(inside, inner.OpType)
			}
		}
		all = append(all, strings.Join(inside, " "))
	}
	return all
}

const tileWidth = 8

func tileConstants() map[string]*tensor {
	return map[string]*tensor{
		"w": numbers(1, 0, tileWidth, tileWidth), "v": numbers(2, 0, tileWidth, tileWidth), "b": numbers(3, 0, tileWidth), "row": numbers(4, 1, 1, 1, tileWidth),
		"gamma": numbers(5, 1, tileWidth), "beta": numbers(6, 0, tileWidth), "column": numbers(7, 1, 6, 1),
		"one": scalar(float32Type, 1), "half": scalar(float32Type, 0.5), "root": scalar(float32Type, math.Sqrt2), "cube": numbers(8, 2, 1, 1, 1),
		"last": int64Tensor([]int64{-1}),
	}
}

// TestTiles: chains are cut where all nodes treat rows by themselves, and the
// gradient stays.
func TestTiles(t *testing.T) {
	initialize(t)
	tests := map[string]struct {
		nodes []*onnxpb.NodeProto
		// forward are the operators that the first loop begins with.
		forward string
	}{
		"elementwise": {[]*onnxpb.NodeProto{op("MatMul", "x w", "p"), op("Sigmoid", "p", "s"), op("Tanh", "s", "z")}, "MatMul Sigmoid Tanh"},
		"layers": {[]*onnxpb.NodeProto{
			op("LayerNormalization", "x gamma beta", "n"), op("MatMul", "n w", "p"), op("Add", "b p", "q"), op("Tanh", "q", "r"), op("MatMul", "r v", "s"), op("Add", "s x", "z"),
		}, "LayerNormalization MatMul Add Tanh MatMul Add"},
		"gelu": {[]*onnxpb.NodeProto{
			op("MatMul", "x w", "p"), op("Add", "p b", "a"),
			op("Div", "a root", "u"), op("Erf", "u", "e"), op("Add", "e one", "s"), op("Mul", "a s", "h"), op("Mul", "h half", "m"),
			op("MatMul", "m v", "z"),
		}, "MatMul Add Erf BatchNormalization Mul MatMul Mul Exp Div Add"},
		"constants of many axes":  {[]*onnxpb.NodeProto{op("MatMul", "x w", "p"), op("Tanh", "p", "t"), op("Mul", "t row", "q"), op("Sigmoid", "q", "r"), op("Mul", "cube r", "z")}, "MatMul Tanh Mul Sigmoid Mul"},
		"a constant for each row": {[]*onnxpb.NodeProto{op("MatMul", "x w", "p"), op("Mul", "p column", "q"), op("Tanh", "q", "r"), op("Sigmoid", "r", "z")}, "Tanh Sigmoid"},
		"reductions": {[]*onnxpb.NodeProto{
			op("MatMul", "x w", "p"), op("ReduceMean", "p", "m", attribute{"axes", []int64{-1}}), op("Sub", "p m", "d"), op("Mul", "d d", "s"), op("ReduceSum", "s last", "r"), op("Mul", "d r", "z"),
		}, "MatMul ReduceMean Sub Mul ReduceSum Mul"},
		"what must come between": {[]*onnxpb.NodeProto{
			op("MatMul", "x w", "p"), op("Tanh", "p", "q"), op("Transpose", "q", "t", attribute{"perm", []int64{0, 2, 1}}), op("MatMul", "q t", "k"), op("MatMul", "k q", "r"),
			op("Sigmoid", "r", "s"), op("Mul", "s q", "z"),
		}, "MatMul Tanh"},
		"a value that something else needs": {[]*onnxpb.NodeProto{
			op("MatMul", "x w", "p"), op("Tanh", "p", "q"), op("Softmax", "q", "r"), op("Mul", "q r", "s"), op("Sigmoid", "s", "z"),
		}, "MatMul Tanh"},
		"images": {[]*onnxpb.NodeProto{op("Sigmoid", "x", "s"), op("Mul", "x s", "t"), op("Tanh", "t", "z")}, ""},
		"means of columns": {[]*onnxpb.NodeProto{
			op("MatMul", "x w", "p"), op("ReduceMean", "p", "m", attribute{"axes", []int64{1}}), op("Sub", "p m", "d"), op("Tanh", "d", "z"),
		}, "Tanh Mul"},
	}
	shape := []int64{2, 6, tileWidth}
	x, labels := normal(9, count(shape)), []int64{0, 4}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			n := network{shape: shape, nodes: test.nodes, constants: tileConstants()}.classified("z", shape)
			g := n.cut(t, tiniest)
			all := loops(t, g)
			if first := append(all, "")[0]; !strings.HasPrefix(first, test.forward) || test.forward == "" && first != "" {
				t.Errorf("the first loop must begin with %q, got %q", test.forward, all)
			}
			got, want := evaluate(t, g, x, labels), evaluate(t, n.cut(t, uncut), x, labels)
			near(t, "logits", got.logits, want.logits, 1e-5)
			near(t, "gradient", got.gradient, want.gradient, 1e-5)
		})
	}
}

// TestTilesAreWorthIt: short values, few rows and large weights stay whole.
func TestTilesAreWorthIt(t *testing.T) {
	initialize(t)
	shape := []int64{2, 6, tileWidth}
	n := network{shape: shape, constants: tileConstants(), nodes: []*onnxpb.NodeProto{
		op("MatMul", "x w", "p"), op("Add", "p b", "q"), op("Tanh", "q", "r"), op("Sigmoid", "r", "s"), op("MatMul", "s v", "z"),
	}}.classified("z", shape)
	const all = 4 * 2 * 6 * tileWidth // bytes of a value
	tests := map[string]struct {
		tiling tiling
		first  string
	}{
		"all":           {tiniest, "MatMul Add Tanh Sigmoid MatMul"},
		"short values":  {tiling{tile: 64, whole: all + 1, weights: 1 << 20}, ""},
		"long enough":   {tiling{tile: 64, whole: all, weights: 1 << 20}, "MatMul Add Tanh Sigmoid MatMul"},
		"few rows":      {tiling{tile: 64, weights: 1 << 20, rows: 3}, "Tanh Sigmoid"},
		"large weights": {tiling{tile: 64, weights: 4*tileWidth*tileWidth - 1}, "Tanh Sigmoid"},
		"dear calls":    {tiling{tile: 64, weights: 1 << 20, call: all}, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := append(loops(t, n.cut(t, test.tiling)), "")[0]; !strings.HasPrefix(got, test.first) || test.first == "" && got != "" {
				t.Errorf("the first loop must begin with %q, is %q", test.first, got)
			}
		})
	}
}

// TestTilesKeepGradients of random networks of layers.
func TestTilesKeepGradients(t *testing.T) {
	initialize(t)
	shape := []int64{2, 6, tileWidth}
	piece := func(in, out string) map[string][]*onnxpb.NodeProto {
		mid := out + "_"
		return map[string][]*onnxpb.NodeProto{
			"layer":     {op("MatMul", in+" w", mid), op("Add", mid+" b", out)},
			"norm":      {op("LayerNormalization", in+" gamma beta", out)},
			"tanh":      {op("Tanh", in, out)},
			"swish":     {op("Sigmoid", in, mid), op("Mul", mid+" "+in, out)},
			"scale":     {op("Mul", in+" row", out)},
			"rows":      {op("Mul", in+" column", out)},
			"shortcut":  {op("MatMul", in+" v", mid), op("Add", mid+" "+in, out)},
			"attention": {op("Transpose", in, mid+"t", attribute{"perm", []int64{0, 2, 1}}), op("MatMul", in+" "+mid+"t", mid), op("Softmax", mid, mid+"s"), op("MatMul", mid+"s "+in, out)},
			"centre":    {op("ReduceMean", in, mid, attribute{"axes", []int64{-1}}), op("Sub", in+" "+mid, out)},
			"gelu":      {op("Div", in+" root", mid+"u"), op("Erf", mid+"u", mid+"e"), op("Add", mid+"e one", mid+"s"), op("Mul", in+" "+mid+"s", mid+"h"), op("Mul", mid+"h half", out)},
			"mixing":    {op("Transpose", in, mid, attribute{"perm", []int64{1, 0, 2}}), op("Tanh", mid, mid+"h"), op("Transpose", mid+"h", out, attribute{"perm", []int64{1, 0, 2}})},
		}
	}
	cut := 0
	rapid.Check(t, func(t *rapid.T) {
		n := network{shape: shape, constants: tileConstants()}
		value := "x"
		for i := range rapid.IntRange(2, 8).Draw(t, "length") {
			next := fmt.Sprint("h", i)
			pieces := piece(value, next)
			n.nodes = append(n.nodes, pieces[rapid.SampledFrom(slices.Sorted(maps.Keys(pieces))).Draw(t, "piece")]...)
			value = next
		}
		n = n.classified(value, shape)
		by := tiniest
		by.tile = rapid.SampledFrom([]int64{32, 64, 128, 192}).Draw(t, "tile")
		g := n.cut(t, by)
		cut += len(loops(t, g))
		x, labels := normal(rapid.Uint64().Draw(t, "seed"), count(shape)), []int64{1, 3}
		got, want := evaluate(t, g, x, labels), evaluate(t, n.cut(t, uncut), x, labels)
		near(t, "logits", got.logits, want.logits, 1e-4)
		near(t, "gradient", got.gradient, want.gradient, 1e-4)
	})
	if cut == 0 {
		t.Error("nothing was cut")
	}
}
