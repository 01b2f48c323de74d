package autodiff

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"google.golang.org/protobuf/proto"

	"quba/internal/onnxpb"
	"quba/internal/ort"
)

// linearNode is a node that is linear, or between kinks affine, in one of its
// inputs, x.
type linearNode struct {
	operator   string
	attributes []attribute
	opset      int64 // 0 is 17
	inputs     []any // *tensor, "" for an absent one, or shape of x
	outputs    int   // 0 is 1
	ignored    []int // outputs without a cotangent
	// kinks asks for an x whose elements are distinct whole numbers; it is then
	// moved by less than a half.
	kinks bool
}

// shape marks the input that is differentiated.
type shape []int64

// failer is what *testing.T and *rapid.T have in common.
type failer interface {
	Helper()
	Fatalf(format string, args ...any)
}

// checkAdjoint compares the rule with the forward node by the identity
// <g, J·v> = <Jᵀ·g, v> for random v and g, where J·v = f(x+v) - f(x).
func checkAdjoint(t failer, c linearNode, seed uint64) {
	t.Helper()
	random := rand.New(rand.NewPCG(seed, 1))
	p := newSingleNode(t, c)
	x, v := p.point(random)
	before, after := p.forward(t, x), p.forward(t, added(x, v))
	g, rises := make([]ort.Array, len(before)), 0.0
	for i := range before {
		if slices.Contains(c.ignored, i) {
			continue
		}
		g[i] = ort.Array{Shape: before[i].Shape, Data: p.cotangent(random, before[i])}
		rises += inner(g[i], ort.Array{Data: minus(after[i].Data.([]float32), before[i].Data.([]float32))})
	}
	dx := p.backward(t, x, g)
	predicted, size := inner(dx, ort.Array{Data: v}), 0.0
	for i, d := range dx.Data.([]float32) {
		size += math.Abs(float64(d) * float64(v[i]))
	}
	if !slices.Equal(dx.Shape, p.shape) {
		t.Fatalf("%s: gradient has shape %v, want %v", c.operator, dx.Shape, p.shape)
	}
	if math.Abs(predicted-rises) > 2e-5*size+1e-5 {
		t.Fatalf("%s %v: the gradient predicts a rise of %v, the node gives %v", c.operator, c.attributes, predicted, rises)
	}
}

// singleNode runs one node forward and backward.
type singleNode struct {
	linearNode
	node    *onnxpb.NodeProto
	builder *builder
	shape   []int64
}

func newSingleNode(t failer, c linearNode) *singleNode {
	t.Helper()
	c.opset, c.outputs = max(c.opset, 17), max(c.outputs, 1)
	p := &singleNode{linearNode: c, node: &onnxpb.NodeProto{OpType: c.operator, Name: "node"}}
	p.builder = testBuilder(map[string][]int64{})
	p.builder.opset = c.opset
	for i, input := range c.inputs {
		p.node.Input = append(p.node.Input, p.input(i, input))
	}
	for i := range c.outputs {
		p.node.Output = append(p.node.Output, fmt.Sprintf("y%d", i))
	}
	for _, a := range c.attributes {
		p.node.Attribute = append(p.node.Attribute, a.proto())
	}
	return p
}

func (p *singleNode) input(i int, input any) string {
	switch v := input.(type) {
	case shape:
		p.shape = v
		p.builder.shapes["x"], p.builder.types["x"] = v, float32Type
		return "x"
	case *tensor:
		name := fmt.Sprintf("constant%d", i)
		p.builder.constants[name], p.builder.shapes[name], p.builder.types[name] = v, v.shape, v.kind
		return name
	}
	return ""
}

// point is an x and a step away from it.
func (p *singleNode) point(random *rand.Rand) (x, v []float32) {
	n := int(count(p.shape))
	x, v = make([]float32, n), make([]float32, n)
	for i, order := range random.Perm(n) {
		// Sixteenths: sums with whole numbers are exact.
		v[i] = float32(random.IntN(15)-7) / 16
		if p.kinks {
			x[i] = float32(order - n/2)
		}
	}
	return x, v
}

func (p *singleNode) cotangent(random *rand.Rand, y ort.Array) []float32 {
	g := make([]float32, len(y.Data.([]float32)))
	for i := range g {
		g[i] = random.Float32()*2 - 1
	}
	return g
}

func (p *singleNode) forward(t failer, x []float32) []ort.Array {
	t.Helper()
	outputs := p.node.Output[:p.outputs]
	y := p.run(t, []*onnxpb.NodeProto{p.node}, []string{"x"}, outputs, []ort.Array{{Shape: p.shape, Data: x}})
	for i, output := range outputs {
		p.builder.shapes[output], p.builder.types[output] = y[i].Shape, float32Type
	}
	return y
}

func (p *singleNode) backward(t failer, x []float32, g []ort.Array) ort.Array {
	t.Helper()
	inputs, names, cotangents := []ort.Array{{Shape: p.shape, Data: x}}, []string{"x"}, make([]string, len(g))
	for i := range g {
		if slices.Contains(p.ignored, i) {
			continue
		}
		cotangents[i] = fmt.Sprintf("g%d", i)
		p.builder.shapes[cotangents[i]], p.builder.types[cotangents[i]] = g[i].Shape, float32Type
		inputs, names = append(inputs, g[i]), append(names, cotangents[i])
	}
	p.builder.nodes = []*onnxpb.NodeProto{p.node}
	if err := p.builder.apply(p.builder.forwardNodes()[0], cotangents); err != nil {
		t.Fatalf("%s %v: %v", p.operator, p.attributes, err)
	}
	p.builder.rename(p.builder.total("x"), "dx")
	return p.run(t, p.builder.nodes, names, []string{"dx"}, inputs)[0]
}

func (p *singleNode) run(t failer, nodes []*onnxpb.NodeProto, inputs, outputs []string, values []ort.Array) []ort.Array {
	t.Helper()
	graph := &onnxpb.GraphProto{Name: "g", Node: nodes}
	for _, name := range inputs {
		graph.Input = append(graph.Input, valueInfo(name, float32Type, p.builder.shapes[name]))
	}
	for _, name := range outputs {
		graph.Output = append(graph.Output, &onnxpb.ValueInfoProto{Name: name})
	}
	for name, constant := range p.builder.constants {
		graph.Initializer = append(graph.Initializer, constant.proto(name))
	}
	model, err := proto.Marshal(&onnxpb.ModelProto{
		IrVersion: 8, Graph: graph, OpsetImport: []*onnxpb.OperatorSetIdProto{{Version: p.opset}},
	})
	if err != nil {
		t.Fatalf("%v", err)
	}
	session, err := ort.OpenGraph(model, ort.GraphOptions{Inputs: inputs, Outputs: outputs})
	if err != nil {
		t.Fatalf("%s %v: %v", p.operator, p.attributes, err)
	}
	defer session.Close()
	y, err := session.Run(context.Background(), values)
	if err != nil {
		t.Fatalf("%s %v: %v", p.operator, p.attributes, err)
	}
	return y
}

func inner(x, y ort.Array) float64 {
	sum, other := 0.0, y.Data.([]float32)
	for i, v := range x.Data.([]float32) {
		sum += float64(v) * float64(other[i])
	}
	return sum
}

func added(x, y []float32) []float32 {
	sum := slices.Clone(x)
	for i := range sum {
		sum[i] += y[i]
	}
	return sum
}

func minus(x, y []float32) []float32 {
	difference := slices.Clone(x)
	for i := range difference {
		difference[i] -= y[i]
	}
	return difference
}

// randomTensor has elements between -1 and 1.
func randomTensor(seed uint64, shape ...int64) *tensor {
	random := rand.New(rand.NewPCG(seed, 2))
	v := make([]float32, count(shape))
	for i := range v {
		v[i] = random.Float32()*2 - 1
	}
	return float32Tensor(shape, v)
}

// testNode is a node without a graph.
func testNode(operator string, inputs []string, attributes ...attribute) *node {
	n := &node{
		NodeProto:  &onnxpb.NodeProto{OpType: operator, Name: "node", Input: inputs, Output: []string{"y"}},
		attributes: map[string]*onnxpb.AttributeProto{},
	}
	for _, a := range attributes {
		n.attributes[a.name] = a.proto()
	}
	return n
}

// testBuilder knows float32 values by their shapes; "x" is active.
func testBuilder(shapes map[string][]int64) *builder {
	b := &builder{
		opset: 17, shapes: shapes, types: map[string]elementType{}, constants: map[string]*tensor{},
		active: map[string]bool{"x": true}, cotangents: map[string][]string{}, made: map[string]string{},
	}
	for name := range shapes {
		b.types[name] = float32Type
	}
	return b
}
