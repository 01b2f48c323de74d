package autodiff

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"quba/internal/onnxpb"
	"quba/internal/ort"
)

// network is a small model of the input "x" and the output "y".
type network struct {
	opset int64 // 0 is 17
	shape []int64
	nodes []*onnxpb.NodeProto
	// constants are initialisers by name.
	constants map[string]*tensor
}

// op is a node with one output.
func op(operator, inputs, output string, attributes ...attribute) *onnxpb.NodeProto {
	n := &onnxpb.NodeProto{OpType: operator, Name: "node_" + output, Input: strings.Fields(inputs), Output: []string{output}}
	for i, name := range n.Input {
		if name == "-" {
			n.Input[i] = ""
		}
	}
	for _, a := range attributes {
		n.Attribute = append(n.Attribute, testAttribute(a))
	}
	return n
}

// testAttribute knows lists of numbers too, which no rule writes.
func testAttribute(a attribute) *onnxpb.AttributeProto {
	if floats, ok := a.value.([]float32); ok {
		return &onnxpb.AttributeProto{Name: a.name, Type: onnxpb.AttributeProto_FLOATS, Floats: floats}
	}
	return a.proto()
}

// model has a batch of any size.
func (n network) model() *onnxpb.ModelProto {
	x := valueInfo("x", float32Type, n.shape)
	x.Type.GetTensorType().Shape.Dim[0] = &onnxpb.TensorShapeProto_Dimension{}
	g := &onnxpb.GraphProto{
		Name: "test", Node: n.nodes, Input: []*onnxpb.ValueInfoProto{x},
		Output: []*onnxpb.ValueInfoProto{{Name: "y"}},
	}
	for name, t := range n.constants {
		g.Initializer = append(g.Initializer, t.proto(name))
	}
	opset := n.opset
	if opset == 0 {
		opset = gradientOpset
	}
	return &onnxpb.ModelProto{
		IrVersion: 10, Graph: g,
		OpsetImport: []*onnxpb.OperatorSetIdProto{{Version: opset}},
	}
}

func (n network) options() Options { return Options{Input: "x", Output: "y", Shape: n.shape} }

func (n network) differentiate(t rapid.TB) *Gradient {
	t.Helper()
	g, err := differentiate(context.Background(), proto.CloneOf(n.model()), n.options())
	check(t, err)
	return g
}

// refusal is the error of a model that must be unsupported.
func (n network) refusal(t testing.TB, want string) {
	t.Helper()
	_, err := differentiate(context.Background(), proto.CloneOf(n.model()), n.options())
	var missing *UnsupportedError
	if !errors.As(err, &missing) || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want an UnsupportedError with %q", err, want)
	}
}

// output runs the plain model.
func (n network) output(t rapid.TB, x []float32) ort.Array {
	t.Helper()
	return runModel(t, n.model(), ort.Array{Shape: n.shape, Data: x})
}

func runModel(t rapid.TB, model *onnxpb.ModelProto, x ort.Array) ort.Array {
	t.Helper()
	data, err := proto.Marshal(model)
	check(t, err)
	graph, err := ort.OpenGraph(data, ort.GraphOptions{Inputs: []string{"x"}, Outputs: []string{"y"}})
	check(t, err)
	defer func() { check(t, graph.Close()) }()
	out, err := graph.Run(context.Background(), []ort.Array{x})
	check(t, err)
	return out[0]
}

// classified is the network with a dense head on the value z, so that the
// cotangent of z has no structure of its own. The shape is that of z.
func (n network) classified(z string, shape []int64) network {
	const classes = 5
	width := count(shape[1:])
	n.constants = with(n.constants, map[string]*tensor{
		"head": float32Tensor([]int64{width, classes}, normal(7, width*classes)),
	})
	n.nodes = append(n.nodes[:len(n.nodes):len(n.nodes)], op("Flatten", z, "flat"), op("MatMul", "flat head", "y"))
	return n
}

func with(a, b map[string]*tensor) map[string]*tensor {
	both := map[string]*tensor{}
	for _, m := range []map[string]*tensor{a, b} {
		for name, t := range m {
			both[name] = t
		}
	}
	return both
}

func normal(seed uint64, n int64) []float32 {
	r := rand.New(rand.NewPCG(seed, 5))
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(r.NormFloat64())
	}
	return v
}

// checkSteps compares the rise of the loss along the gradient, and along
// random directions, with what the gradient predicts.
func (n network) checkSteps(t rapid.TB, x []float32) {
	t.Helper()
	g := n.differentiate(t)
	labels := make([]int64, g.Batch)
	for i := range labels {
		labels[i] = int64(i % g.Classes)
	}
	run := open(t, g, labels)
	defer run.close(t)
	run.steps(t, x, 0.02)
}

// steps takes central differences of two widths, of which the error is of the
// fourth order. The tolerance is a part of the gradient's length, and what the
// rounding of logits in float32 does to a difference. Where the loss bends much,
// the steps must be shorter.
func (r running) steps(t rapid.TB, x []float32, tolerance float64) {
	t.Helper()
	const width = 0.005
	start := r.at(t, x)
	gradient := start.gradient
	along, size := unit(gradient)
	directions := [][]float32{along}
	for seed := range uint64(3) {
		directions = append(directions, normal(seed, int64(len(x))))
	}
	for i, v := range directions {
		want := product64(gradient, v)
		agrees := func(width float32) (got float64, ok bool) {
			const roundings = 16 // of half a unit in the last place
			noise := roundings * 0x1p-24 * max(1, float64(largest(start.logits))) / (float64(width) / 2)
			got = (4*r.slope(t, x, v, width/2) - r.slope(t, x, v, width)) / 3
			return got, math.Abs(got-want) <= tolerance*size+noise
		}
		got, ok := agrees(width)
		if !ok {
			_, ok = agrees(width / 4)
		}
		if !ok {
			t.Errorf("direction %d: the loss rises by %g, the gradient predicts %g, its length is %g", i, got, want, size)
		}
	}
}

func largest(v []float32) float32 {
	most := float32(0)
	for _, f := range v {
		most = max(most, f, -f)
	}
	return most
}

// unit is the vector with length 1.
func unit(v []float32) (direction []float32, length float64) {
	length = math.Sqrt(product64(v, v))
	direction = make([]float32, len(v))
	for i, d := range v {
		direction[i] = d / float32(length+1e-30)
	}
	return direction, length
}

// slope is the central difference of the loss in the direction v.
func (r running) slope(t rapid.TB, x, v []float32, width float32) float64 {
	t.Helper()
	there, back := make([]float32, len(x)), make([]float32, len(x))
	for i := range x {
		there[i], back[i] = x[i]+width*v[i], x[i]-width*v[i]
	}
	return (total(r.at(t, there).loss) - total(r.at(t, back).loss)) / (2 * float64(width))
}

func product64(a, b []float32) float64 {
	sum := 0.0
	for i := range a {
		sum += float64(a[i]) * float64(b[i])
	}
	return sum
}

func total(v []float32) float64 {
	sum := 0.0
	for _, f := range v {
		sum += float64(f)
	}
	return sum
}

// slopes are dy/dx of an operator that works on each number by itself. It
// reads them off a network without a head: the gradient of the loss is softmax
// less one-hot label, times the slope.
func slopes(t testing.TB, opset int64, x []float32, constants map[string]*tensor, nodes ...*onnxpb.NodeProto) []float64 {
	t.Helper()
	n := network{opset: opset, shape: []int64{1, int64(len(x))}, nodes: nodes, constants: constants}
	got := evaluate(t, n.differentiate(t), x, []int64{0})
	p := softmaxOf(got.logits)
	p[0]--
	for i := range p {
		p[i] = float64(got.gradient[i]) / p[i]
	}
	return p
}
