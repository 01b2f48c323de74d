package autodiff

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"quba/internal/onnxpb"
	"quba/internal/ort"
)

// trace is what one run of a graph tells: the nodes between input and output
// that depend on the input's numbers, in the order of execution, the shape and
// type of all their values, and everything else as constants.
type trace struct {
	nodes     []*onnxpb.NodeProto
	shapes    map[string][]int64
	types     map[string]elementType
	constants map[string]*tensor
}

// traceGraph runs the graph once on random numbers. With the shape of the
// input fixed, all shapes are, so that this is shape inference and constant
// folding at once.
func traceGraph(ctx context.Context, model *onnxpb.ModelProto, input, output string, shape []int64) (*trace, error) {
	live, err := liveNodes(model.Graph, output)
	if err != nil {
		return nil, err
	}
	dependent := dependentValues(live, input)
	if !dependent[output] {
		return nil, noGradient(input, output)
	}
	p := &tracer{prefix: freePrefix(live, "probe/"), input: input, shape: shape}
	t := &trace{
		shapes:    map[string][]int64{input: shape},
		types:     map[string]elementType{input: float32Type},
		constants: map[string]*tensor{},
	}
	if err := t.collect(p, live, dependent, model.Graph.Initializer); err != nil {
		return nil, err
	}
	return t, p.run(ctx, t, model, live)
}

// noGradient is the error of an output that does not change with the input.
func noGradient(input, output string) error {
	return &UnsupportedError{Reason: fmt.Sprintf("output %q does not depend differentiably on the input %q", output, input)}
}

// collect keeps the nodes that depend on the input, and asks the probe for
// their outputs and for the values that flow into them.
func (t *trace) collect(p *tracer, live []*onnxpb.NodeProto, dependent map[string]bool, initialisers []*onnxpb.TensorProto) error {
	known := map[string]*onnxpb.TensorProto{}
	for _, i := range initialisers {
		known[i.Name] = i
	}
	for _, n := range live {
		if !dependsOn(n, dependent) {
			continue
		}
		if sequences[n.OpType] {
			return unsupported(n, "")
		}
		t.nodes = append(t.nodes, n)
		for _, name := range n.Input {
			if name == "" || dependent[name] || t.constants[name] != nil {
				continue
			}
			if err := t.constant(p, name, known[name]); err != nil {
				return err
			}
		}
		for _, name := range n.Output {
			if name != "" {
				p.values = append(p.values, name)
			}
		}
	}
	return nil
}

// constant is an initialiser, or a value that the probe computes.
func (t *trace) constant(p *tracer, name string, initialiser *onnxpb.TensorProto) error {
	if initialiser == nil {
		t.constants[name] = &tensor{}
		p.constants = append(p.constants, name)
		return nil
	}
	made, err := fromProto(initialiser)
	if err != nil {
		return err
	}
	t.constants[name], t.shapes[name], t.types[name] = made, made.shape, made.kind
	return nil
}

// sequences make lists of tensors, which have no shape to ask for.
var sequences = map[string]bool{
	"SequenceConstruct": true, "SequenceEmpty": true, "SequenceInsert": true, "SequenceErase": true,
	"SequenceMap": true, "SplitToSequence": true, "Optional": true,
}

// liveNodes are those that the output needs, in an order of execution.
func liveNodes(g *onnxpb.GraphProto, output string) ([]*onnxpb.NodeProto, error) {
	producers := map[string]*onnxpb.NodeProto{}
	for _, n := range g.Node {
		for _, name := range n.Output {
			if name != "" {
				producers[name] = n
			}
		}
	}
	if producers[output] == nil {
		return nil, fmt.Errorf("there must be a node that makes the output %q", output)
	}
	var live []*onnxpb.NodeProto
	const entered, done = 1, 2
	state := map[*onnxpb.NodeProto]int{}
	var visit func(n *onnxpb.NodeProto) error
	visit = func(n *onnxpb.NodeProto) error {
		if n == nil || state[n] == done {
			return nil
		}
		if state[n] == entered {
			return fmt.Errorf("the graph must have no cycle, node %q (%s) is in one", n.Name, n.OpType)
		}
		state[n] = entered
		for _, name := range usedBy(n) {
			if err := visit(producers[name]); err != nil {
				return err
			}
		}
		state[n] = done
		live = append(live, n)
		return nil
	}
	return live, visit(producers[output])
}

// usedBy are the inputs of a node and what its subgraphs use; names of their
// own are among them, but the names of a model are unique.
func usedBy(n *onnxpb.NodeProto) []string {
	names := slices.Clip(n.Input) // which appending does not change
	for _, a := range n.Attribute {
		for _, g := range subgraphs(a) {
			eachNode(g, func(inner *onnxpb.NodeProto) { names = append(names, inner.Input...) })
			for _, out := range g.Output {
				names = append(names, out.Name)
			}
		}
	}
	return names
}

// dependentValues are those that change with the numbers of the input. Shapes
// do not.
func dependentValues(nodes []*onnxpb.NodeProto, input string) map[string]bool {
	dependent := map[string]bool{input: true}
	for _, n := range nodes {
		if !dependsOn(n, dependent) {
			continue
		}
		for _, name := range n.Output {
			if name != "" {
				dependent[name] = true
			}
		}
	}
	return dependent
}

func dependsOn(n *onnxpb.NodeProto, dependent map[string]bool) bool {
	if standard(n.Domain) && (n.OpType == "Shape" || n.OpType == "Size") {
		return false
	}
	return slices.ContainsFunc(usedBy(n), func(name string) bool { return dependent[name] })
}

// freePrefix is the wish, made longer until it starts no name of the nodes.
func freePrefix(nodes []*onnxpb.NodeProto, prefix string) string {
	taken := func(name string) bool { return strings.HasPrefix(name, prefix) }
	for slices.ContainsFunc(nodes, func(n *onnxpb.NodeProto) bool {
		return slices.ContainsFunc(n.Output, taken) || slices.ContainsFunc(n.Input, taken)
	}) {
		prefix += "_"
	}
	return prefix
}

// tracer asks onnxruntime for shapes, types and constants. It adds nodes that
// tell them: scalars cannot be outputs in onnxruntime_go, and activations need
// not be copied.
type tracer struct {
	prefix, input string
	shape         []int64
	values        []string // depend on the input: shape and type
	constants     []string // do not: shape and elements

	nodes        []*onnxpb.NodeProto
	initialisers []*onnxpb.TensorProto
	outputs      []string
}

func (p *tracer) run(ctx context.Context, t *trace, model *onnxpb.ModelProto, live []*onnxpb.NodeProto) error {
	p.ask()
	data, err := proto.Marshal(p.model(model, live))
	if err != nil {
		return &UnsupportedError{Reason: fmt.Sprintf("the model with its weights must be under 2 GiB: %v", err)}
	}
	graph, err := ort.OpenGraph(data, ort.GraphOptions{Inputs: []string{p.input}, Outputs: p.outputs, Plain: true})
	if err != nil {
		return err
	}
	answers, err := graph.Run(ctx, []ort.Array{{Shape: p.shape, Data: noise(count(p.shape))}})
	if err := errors.Join(err, graph.Close()); err != nil {
		return err
	}
	return p.read(t, answers)
}

// noise is in [0, 1), like a picture, and always the same.
func noise(n int64) []float32 {
	r := rand.New(rand.NewPCG(1, 2))
	x := make([]float32, n)
	for i := range x {
		x[i] = r.Float32()
	}
	return x
}

// ask adds two outputs for each value: its shape, then one number of its type
// or all its elements.
func (p *tracer) ask() {
	flat, one := p.prefix+"flat", p.prefix+"one"
	p.initialisers = []*onnxpb.TensorProto{
		int64Tensor([]int64{-1}).proto(flat),
		float32Tensor([]int64{1}, []float32{1}).proto(one),
	}
	for _, name := range p.values {
		p.tell("Shape", name)
		p.tell("CastLike", one, name)
	}
	for _, name := range p.constants {
		p.tell("Shape", name)
		p.tell("Reshape", name, flat)
	}
}

func (p *tracer) tell(operator string, inputs ...string) {
	out := fmt.Sprint(p.prefix, len(p.outputs))
	p.nodes = append(p.nodes, &onnxpb.NodeProto{OpType: operator, Input: inputs, Output: []string{out}})
	p.outputs = append(p.outputs, out)
}

// model is the graph with the nodes that tell.
func (p *tracer) model(model *onnxpb.ModelProto, live []*onnxpb.NodeProto) *onnxpb.ModelProto {
	g := &onnxpb.GraphProto{
		Name:        "probe",
		Node:        slices.Concat(live, p.nodes),
		Initializer: slices.Concat(model.Graph.Initializer, p.initialisers),
		Input:       []*onnxpb.ValueInfoProto{valueInfo(p.input, float32Type, p.shape)},
	}
	for _, name := range p.outputs {
		g.Output = append(g.Output, &onnxpb.ValueInfoProto{Name: name})
	}
	return &onnxpb.ModelProto{IrVersion: model.IrVersion, OpsetImport: model.OpsetImport, Graph: g}
}

// valueInfo declares a value of fixed shape.
func valueInfo(name string, t elementType, shape []int64) *onnxpb.ValueInfoProto {
	dims := &onnxpb.TensorShapeProto{}
	for _, d := range shape {
		dims.Dim = append(dims.Dim, &onnxpb.TensorShapeProto_Dimension{
			Value: &onnxpb.TensorShapeProto_Dimension_DimValue{DimValue: d},
		})
	}
	return &onnxpb.ValueInfoProto{Name: name, Type: &onnxpb.TypeProto{Value: &onnxpb.TypeProto_TensorType{
		TensorType: &onnxpb.TypeProto_Tensor{ElemType: int32(t), Shape: dims},
	}}}
}

// read puts the answers into the trace.
func (p *tracer) read(t *trace, answers []ort.Array) error {
	for i, name := range slices.Concat(p.values, p.constants) {
		shape, ok := answers[2*i].Data.([]int64)
		if !ok {
			return fmt.Errorf("value %q: onnxruntime gave no shape", name)
		}
		told, err := fromArray(answers[2*i+1])
		if err != nil {
			return fmt.Errorf("value %q: %w", name, err)
		}
		t.shapes[name], t.types[name] = shape, told.kind
		if i >= len(p.values) {
			t.constants[name] = &tensor{kind: told.kind, shape: shape, data: told.data}
		}
	}
	return nil
}

// fromArray is the tensor of the same elements.
func fromArray(a ort.Array) (*tensor, error) {
	t := &tensor{shape: a.Shape}
	switch a.Data.(type) {
	case []float32:
		t.kind = float32Type
	case []float64:
		t.kind = float64Type
	case []int64:
		t.kind = int64Type
	case []int32:
		t.kind = int32Type
	case []int16:
		t.kind = int16Type
	case []int8:
		t.kind = int8Type
	case []uint16:
		t.kind = uint16Type
	case []uint8:
		t.kind = uint8Type
	case []bool:
		t.kind = boolean
	}
	var err error
	t.data, err = binary.Append(nil, binary.LittleEndian, a.Data)
	return t, err
}
