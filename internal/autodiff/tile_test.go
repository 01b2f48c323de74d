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
	const c = tileWidth
	return map[string]*tensor{
		"w": numbers(1, 0, c, c), "v": numbers(2, 0, c, c), "b": numbers(3, 0, c), "row": numbers(4, 1, 1, 1, c), "column": numbers(7, 1, c, 1),
		"gamma": numbers(5, 1, c), "square": numbers(14, 1, 8, c), "beta": numbers(6, 0, c), "cube": numbers(8, 2, 1, 1, 1),
		"narrow": numbers(10, 0, c, 1), "wide": numbers(11, 0, 1, c), "single": numbers(12, 1, 1, 1), "stack": numbers(13, 0, 2, c, c),
		"one": scalar(float32Type, 1), "half": scalar(float32Type, 0.5), "root": scalar(float32Type, math.Sqrt2),
		"last": int64Tensor([]int64{-1}), "zero": int64Tensor([]int64{0}), "two": int64Tensor([]int64{2}), "four": int64Tensor([]int64{4}),
		"eight": int64Tensor([]int64{8}), "rows": int64Tensor([]int64{16, c}), "shape": int64Tensor([]int64{2, 8, c}),
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
		"another epsilon": {[]*onnxpb.NodeProto{op("LayerNormalization", "x gamma beta", "n", attribute{"epsilon", float32(0.5)}), op("Tanh", "n", "t"), op("Sigmoid", "t", "z")}, "LayerNormalization Tanh Sigmoid"},
		"layers of one number": {[]*onnxpb.NodeProto{
			op("MatMul", "x narrow", "p"), op("Tanh", "p", "q"), op("MatMul", "q single", "r"), op("Sigmoid", "r", "s"), op("MatMul", "s wide", "z"),
		}, "MatMul Tanh MatMul Sigmoid MatMul"},
		"a layer for each image": {[]*onnxpb.NodeProto{op("MatMul", "x stack", "p"), op("Tanh", "p", "q"), op("Sigmoid", "q", "z")}, "Tanh Sigmoid"},
		"weights on the left":    {[]*onnxpb.NodeProto{op("MatMul", "w x", "p"), op("Tanh", "p", "q"), op("Sigmoid", "q", "z")}, "Tanh Sigmoid"},
		"another shape": {[]*onnxpb.NodeProto{
			op("MatMul", "x w", "p"), op("Reshape", "p rows", "r"), op("Tanh", "r", "t"), op("Sigmoid", "t", "u"), op("Reshape", "u shape", "z"),
		}, "Tanh Sigmoid"},
		"a mean without its axis": {[]*onnxpb.NodeProto{
			op("MatMul", "x w", "p"), op("Tanh", "p", "t"), op("ReduceMean", "t", "m", attribute{"axes", []int64{-1}}, attribute{"keepdims", 0}), op("Unsqueeze", "m two", "u"),
			op("Sub", "t u", "z"),
		}, "MatMul Tanh"},
		"float64": {[]*onnxpb.NodeProto{
			op("MatMul", "x w", "p"), op("Cast", "p", "d", attribute{"to", int(float64Type)}), op("ReduceSum", "d last", "r"), op("Sub", "d r", "s"), op("ReduceSum", "s last", "u"),
			op("Sub", "s u", "v64"), op("Cast", "v64", "z", attribute{"to", int(float32Type)}),
		}, ""},
		"behind a softmax":         {[]*onnxpb.NodeProto{op("Softmax", "x", "r"), op("Tanh", "r", "s"), op("Sigmoid", "s", "z")}, "Tanh Sigmoid"},
		"behind two axes":          {[]*onnxpb.NodeProto{op("LayerNormalization", "x square", "r", attribute{"axis", 1}), op("Tanh", "r", "s"), op("Sigmoid", "s", "z")}, "Tanh Sigmoid"},
		"a sum that is no bias":    {[]*onnxpb.NodeProto{op("MatMul", "x stack", "p"), op("Add", "p x", "q"), op("Tanh", "q", "r"), op("Sigmoid", "r", "z")}, "Add Tanh Sigmoid"},
		"a bias of outside layers": {[]*onnxpb.NodeProto{op("MatMul", "x stack", "p"), op("Add", "p b", "q"), op("Tanh", "q", "r"), op("Sigmoid", "r", "z")}, "Tanh Sigmoid"},
		"one value read twice":     {[]*onnxpb.NodeProto{op("MatMul", "x w", "p"), op("Mul", "p x", "q"), op("Add", "q x", "z")}, "MatMul Mul Add"},
		"chains behind chains": {[]*onnxpb.NodeProto{
			op("MatMul", "x w", "p"), op("Tanh", "p", "q"), op("Softmax", "q", "q2"), op("Softmax", "x", "x1"), op("MatMul", "x1 w", "r0"), op("Tanh", "r0", "r"), op("Softmax", "r", "s"),
			op("MatMul", "s v", "t0"), op("Tanh", "t0", "t"), op("Softmax", "t", "t2"), op("Mul", "r q2", "u"), op("Mul", "q t2", "n"), op("Add", "t2 u", "a"), op("Add", "a n", "z"),
		}, "MatMul Tanh"},
		"what must come between": {[]*onnxpb.NodeProto{
			op("MatMul", "x w", "p"), op("Tanh", "p", "q"), op("Transpose", "q", "t", attribute{"perm", []int64{0, 2, 1}}), op("MatMul", "q t", "k"), op("MatMul", "k q", "r"),
			op("Sigmoid", "r", "s"), op("Mul", "s q", "z"),
		}, "MatMul Tanh"},
		"a value that something else needs": {[]*onnxpb.NodeProto{
			op("MatMul", "x w", "p"), op("Tanh", "p", "q"), op("Softmax", "q", "r"), op("Mul", "q r", "s"), op("Sigmoid", "s", "z"),
		}, "MatMul Tanh"},
		"means of columns": {[]*onnxpb.NodeProto{
			op("MatMul", "x w", "p"), op("ReduceMean", "p", "m", attribute{"axes", []int64{1}}), op("Sub", "p m", "d"), op("Tanh", "d", "z"),
		}, "Tanh Mul"},
	}
	shape := []int64{2, 8, tileWidth}
	x, labels := normal(9, count(shape)), []int64{0, 4}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			n := network{shape: shape, nodes: test.nodes, constants: tileConstants()}.classified("z", shape)
			g := n.cut(t, tiniest)
			checkOrder(t, g)
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

// TestTilesLeaveImages to the layout of convolutions.
func TestTilesLeaveImages(t *testing.T) {
	initialize(t)
	n := network{shape: []int64{2, 4, 4, 8}, nodes: []*onnxpb.NodeProto{
		op("Sigmoid", "x", "s"), op("Mul", "x s", "t"), op("Tanh", "t", "z"),
	}}.classified("z", []int64{2, 4, 4, 8})
	if all := loops(t, n.cut(t, tiniest)); len(all) > 0 {
		t.Errorf("there must be no loop, got %q", all)
	}
}

// TestTilesAreWorthIt: short values, few rows and large weights stay whole.
func TestTilesAreWorthIt(t *testing.T) {
	initialize(t)
	shape := []int64{2, 8, tileWidth}
	n := network{shape: shape, constants: tileConstants(), nodes: []*onnxpb.NodeProto{
		op("MatMul", "x w", "p"), op("Add", "p b", "q"), op("Tanh", "q", "r"), op("Mul", "q q", "s"), op("Exp", "s", "e"), op("Div", "r e", "u"), op("MatMul", "u v", "z"),
	}}.classified("z", shape)
	const (
		all    = 4 * 2 * 8 * tileWidth // bytes of a value
		weight = 4 * tileWidth * tileWidth
		inner  = "Tanh Mul Exp Div"
		whole  = "MatMul Add " + inner + " MatMul"
		tiles  = all / 64
	)
	tests := map[string]struct {
		tiling tiling
		first  string
	}{
		"all":               {tiniest, whole},
		"short values":      {tiling{tile: 64, whole: all + 1, weights: 2 * weight}, ""},
		"long enough":       {tiling{tile: 64, whole: all, weights: 2 * weight}, whole},
		"few rows":          {tiling{tile: 64, weights: 2 * weight, rows: 3}, inner},
		"large weights":     {tiling{tile: 64, weights: weight - 1}, inner},
		"weights of a half": {tiling{tile: 64, weights: 2*weight - 1}, "MatMul Add " + inner},
		"dear calls":        {tiling{tile: 64, weights: 2 * weight, call: all}, ""},
		"larger than all":   {tiling{tile: all, weights: 2 * weight}, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := append(loops(t, n.cut(t, test.tiling)), "")[0]
			if !strings.HasPrefix(got, test.first) || test.first == "" && got != "" || test.first != whole && strings.HasPrefix(got, whole) {
				t.Errorf("the first loop must begin with %q, is %q", test.first, got)
			}
		})
	}
}

// TestCostOfTiles: what stays in the cache must be worth the calls.
func TestCostOfTiles(t *testing.T) {
	tests := []struct {
		tiling tiling
		cut    bool
	}{
		// 1024 bytes stay inside; 8 tiles of 3 nodes are 56 calls.
		{tiling{tile: 64, weights: 1 << 20, call: 18}, true},
		{tiling{tile: 64, weights: 1 << 20, call: 19}, false},
		{tiling{tile: 64, weights: 1 << 20, rows: 2}, true},
		{tiling{tile: 64, weights: 1 << 20, rows: 3}, false},
	}
	for _, test := range tests {
		nodes := chainOfThree(test.tiling, []string{"z"})
		if cut := slices.ContainsFunc(nodes, func(n *onnxpb.NodeProto) bool { return n.OpType == "Scan" && len(n.Attribute[0].G.Node) == 3 }); cut != test.cut {
			t.Errorf("%+v: cut is %v, want %v", test.tiling, cut, test.cut)
		}
	}
}

// chainOfThree tiles z = Sigmoid(Tanh(x·w)), of which p and q are the values between.
func chainOfThree(by tiling, outputs []string) []*onnxpb.NodeProto {
	shape := []int64{16, tileWidth}
	b := newBuilder(&trace{
		shapes:    map[string][]int64{"x": shape, "p": shape, "q": shape, "z": shape, "w": {tileWidth, tileWidth}},
		types:     map[string]elementType{"x": float32Type, "p": float32Type, "q": float32Type, "z": float32Type},
		constants: map[string]*tensor{"w": numbers(1, 0, tileWidth, tileWidth)},
	}, gradientOpset)
	b.tiling = by
	return b.tiled([]*onnxpb.NodeProto{op("MatMul", "x w", "p"), op("Tanh", "p", "q"), op("Sigmoid", "q", "z")}, outputs)
}

// TestFitting: tiles are equal, have room and are not tiny.
func TestFitting(t *testing.T) {
	p := &tilePlan{builder: &builder{tiling: tiling{tile: 400, whole: 600}}}
	tests := []struct{ rows, width, want int64 }{
		{10, 14, 1}, // short
		{10, 15, 2},
		{9, 30, 3},
		{10, 100, 10},
		{10, 101, 1}, // a row has no room
		{7, 30, 7},
		{190, 4, 10},
		{194, 4, 1}, // tiles of 32 bytes are tiny
		{100, 13, 20},
	}
	for _, test := range tests {
		if got := p.fitting(test.rows, test.width); got != test.want {
			t.Errorf("%d rows of %d numbers: %d tiles, want %d", test.rows, test.width, got, test.want)
		}
	}
}

// TestTiledOutputs: what nothing but the graph's user uses is there.
func TestTiledOutputs(t *testing.T) {
	made := map[string]bool{}
	nodes := chainOfThree(tiniest, []string{"q", "z"})
	for _, n := range nodes {
		for _, name := range n.Output {
			made[name] = true
		}
	}
	if !made["q"] || !made["z"] || made["p"] {
		t.Errorf("q and z must be made and p must not, got %v", nodes)
	}
}

// checkOrder says that nodes read what is there.
func checkOrder(t rapid.TB, g *Gradient) {
	t.Helper()
	model := &onnxpb.ModelProto{}
	check(t, proto.Unmarshal(g.Model, model))
	made := map[string]bool{"": true}
	for _, in := range model.Graph.Input {
		made[in.Name] = true
	}
	for _, i := range model.Graph.Initializer {
		made[i.Name] = true
	}
	checkNodes(t, model.Graph.Node, made)
}

func checkNodes(t rapid.TB, nodes []*onnxpb.NodeProto, made map[string]bool) {
	t.Helper()
	for _, n := range nodes {
		for _, name := range n.Input {
			if !made[name] {
				t.Fatalf("%s reads %q too early", n.Name, name)
			}
		}
		for _, a := range n.Attribute {
			for _, g := range subgraphs(a) {
				inside := maps.Clone(made)
				for _, in := range g.Input {
					inside[in.Name] = true
				}
				checkNodes(t, g.Node, inside)
			}
		}
		for _, name := range n.Output {
			if name != "" && made[name] {
				t.Fatalf("%q is made twice", name)
			}
			made[name] = true
		}
	}
}

// TestTilesKeepGradients of random networks of layers.
func TestTilesKeepGradients(t *testing.T) {
	initialize(t)
	shape := []int64{2, 8, tileWidth}
	piece := func(in, out string) map[string][]*onnxpb.NodeProto {
		mid := out + "_"
		return map[string][]*onnxpb.NodeProto{
			"layer":     {op("MatMul", in+" w", mid), op("Add", mid+" b", out)},
			"norm":      {op("LayerNormalization", in+" gamma beta", out)},
			"tanh":      {op("Tanh", in, out)},
			"swish":     {op("Sigmoid", in, mid), op("Mul", mid+" "+in, out)},
			"scale":     {op("Mul", in+" row", out)},
			"left":      {op("Sub", "one "+in, out)},
			"narrow":    {op("MatMul", in+" narrow", mid), op("Tanh", mid, mid+"t"), op("MatMul", mid+"t wide", out)},
			"back":      {op("Softmax", in, mid), op("Mul", mid+" "+in, mid+"m"), op("Add", mid+"m "+in, out)},
			"flat":      {op("Reshape", in+" rows", mid), op("Tanh", mid, mid+"t"), op("Sigmoid", mid+"t", mid+"s"), op("Reshape", mid+"s shape", out)},
			"halves":    {op("Slice", in+" zero four last", mid+"a"), op("Slice", in+" four eight last", mid+"b"), op("Tanh", mid+"a", mid+"t"), op("Concat", mid+"b "+mid+"t", out, attribute{"axis", -1})},
			"rows":      {op("Mul", in+" column", out)},
			"shortcut":  {op("MatMul", in+" v", mid), op("Add", mid+" "+in, out)},
			"attention": {op("Transpose", in, mid+"t", attribute{"perm", []int64{0, 2, 1}}), op("MatMul", in+" "+mid+"t", mid), op("Softmax", mid, mid+"s"), op("MatMul", mid+"s "+in, out)},
			"centre":    {op("ReduceSum", in+" last", mid), op("Sub", in+" "+mid, out)},
			"gelu":      {op("Div", in+" root", mid+"u"), op("Erf", mid+"u", mid+"e"), op("Add", mid+"e one", mid+"s"), op("Mul", in+" "+mid+"s", mid+"h"), op("Mul", mid+"h half", out)},
			"mixing":    {op("Transpose", in, mid, attribute{"perm", []int64{1, 0, 2}}), op("Tanh", mid, mid+"h"), op("Transpose", mid+"h", out, attribute{"perm", []int64{1, 0, 2}})},
		}
	}
	cut := 0
	rapid.Check(t, func(t *rapid.T) {
		n := network{opset: rapid.SampledFrom([]int64{17, 18, 21}).Draw(t, "opset"), shape: shape, constants: tileConstants()}
		values := []string{"x"}
		for i := range rapid.IntRange(2, 8).Draw(t, "length") {
			next := fmt.Sprint("h", i)
			pieces := piece(rapid.SampledFrom(values[max(0, len(values)-4):]).Draw(t, "input"), next)
			n.nodes = append(n.nodes, pieces[rapid.SampledFrom(slices.Sorted(maps.Keys(pieces))).Draw(t, "piece")]...)
			values = append(values, next)
		}
		n.nodes = append(n.nodes, op("Sum", strings.Join(values[1:], " "), "sum"), op("LayerNormalization", "sum gamma", "z"))
		n = n.classified("z", shape)
		by := tiniest
		by.tile = rapid.SampledFrom([]int64{32, 64, 128, 192}).Draw(t, "tile")
		g := n.cut(t, by)
		checkOrder(t, g)
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
