package autodiff

import (
	"errors"
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"

	"quba/internal/onnxpb"
)

// newBuilder starts with the forward graph.
func newBuilder(t *trace, opset int64) *builder {
	return &builder{
		opset: opset, tiling: usualTiling, shapes: t.shapes, types: t.types, constants: t.constants,
		active: map[string]bool{}, cotangents: map[string][]string{},
		nodes: t.nodes, made: map[string]string{}, merged: map[string]rule{}, centred: map[string]bool{}, attention: map[string]*node{},
	}
}

// gradient writes the loss, the backward nodes and the model around them.
func (b *builder) gradient(model *onnxpb.ModelProto, o Options, notes []string) (*Gradient, error) {
	logits, notes, err := b.logits(o.Output, notes)
	if err != nil {
		return nil, err
	}
	b.mergePads()
	b.foldScales(logits)
	b.sumChannelsLast(logits)
	b.mergeGelus(logits)
	b.findAttention(logits)
	forward := b.forwardNodes()
	ended, err := b.activate(o.Input, forward)
	if err != nil {
		return nil, err
	}
	if !b.active[logits] && ended != nil {
		return nil, unsupported(ended.NodeProto, fmt.Sprintf("output %q does not depend differentiably on the input %q, but only through operators whose derivative is zero", o.Output, o.Input))
	}
	if !b.active[logits] {
		return nil, noGradient(o.Input, o.Output)
	}
	g := &Gradient{
		Images: o.Input, Labels: b.freeName("labels"), Loss: b.freeName("loss"), Input: b.freeName("input_gradient"),
		Shape: b.shapes[o.Input], Batch: int(b.shapes[o.Input][0]), Notes: notes,
	}
	if err := b.seed(g, logits); err != nil {
		return nil, err
	}
	if err := b.sweep(forward); err != nil {
		return nil, err
	}
	total := b.total(o.Input)
	if total == "" {
		return nil, noGradient(o.Input, o.Output)
	}
	b.rename(total, g.Input)
	g.Model, err = b.model(model, g)
	return g, err
}

// freeName is the hint itself, or a name that nothing has.
func (b *builder) freeName(hint string) string {
	if _, taken := b.shapes[hint]; taken {
		return b.name(hint)
	}
	b.shapes[hint] = nil
	return hint
}

// forwardNodes are the nodes up to now with their attributes at hand.
func (b *builder) forwardNodes() []*node { return attributed(b.nodes) }

func attributed(protos []*onnxpb.NodeProto) []*node {
	nodes := make([]*node, len(protos))
	for i, n := range protos {
		nodes[i] = &node{NodeProto: n, attributes: map[string]*onnxpb.AttributeProto{}}
		for _, a := range n.Attribute {
			nodes[i].attributes[a.Name] = a
		}
	}
	return nodes
}

// flat operators depend on the input, but their derivative is zero wherever
// there is one.
var flat = map[string]bool{
	"Floor": true, "Ceil": true, "Round": true, "Sign": true,
}

// discrete operators say which number is larger, or the largest. With the Cast
// to whole numbers they are all that may end a path of numbers: where another
// does, as a quantisation, the gradient would lack the path, and attacks would
// look weaker than they are.
var discrete = map[string]bool{
	"ArgMax": true, "ArgMin": true, "Equal": true, "Greater": true, "GreaterOrEqual": true, "Less": true, "LessOrEqual": true,
	"IsInf": true, "IsNaN": true, "Shape": true, "Size": true,
}

// activate marks the floating-point values that change smoothly with the input.
// It gives the first node at which a path of such ends, nil for none.
func (b *builder) activate(input string, nodes []*node) (ended *node, err error) {
	b.active[input] = true
	for _, n := range nodes {
		if !slices.ContainsFunc(usedBy(n.NodeProto), func(name string) bool { return b.active[name] }) {
			continue
		}
		goesOn := false
		for _, name := range n.Output {
			t := b.types[name]
			b.active[name] = !isFlat(n) && (t == float32Type || t == float64Type)
			goesOn = goesOn || b.active[name]
		}
		if goesOn {
			continue
		}
		if !isFlat(n) && !b.isDiscrete(n) {
			return nil, unsupported(n.NodeProto, "")
		}
		if ended == nil {
			ended = n
		}
	}
	return ended, nil
}

func isFlat(n *node) bool { return flat[n.OpType] && standard(n.Domain) }

func (b *builder) isDiscrete(n *node) bool {
	if !standard(n.Domain) {
		return false
	}
	switch b.types[n.out(0)] {
	case boolean, int8Type, int16Type, int32Type, int64Type, uint8Type, uint16Type:
		return discrete[n.OpType] || n.OpType == "Cast"
	}
	return false
}

// sweep walks the nodes backwards and adds up the cotangents of their inputs.
func (b *builder) sweep(nodes []*node) error {
	for _, n := range slices.Backward(nodes) {
		g := make([]string, len(n.Output))
		reached := false
		for i, name := range n.Output {
			if b.active[name] {
				g[i] = b.total(name)
			}
			reached = reached || g[i] != ""
		}
		if !reached {
			continue
		}
		if err := b.apply(n, g); err != nil {
			return err
		}
	}
	return nil
}

func (b *builder) apply(n *node, g []string) error {
	write, known := rules[n.OpType]
	if merged := b.merged[n.out(0)]; merged != nil {
		write = merged
	} else if !known || !standard(n.Domain) {
		return unsupported(n.NodeProto, "")
	}
	err := write(b, n, g)
	var wrong *shapeError
	if errors.As(err, &wrong) {
		return fmt.Errorf("rule of %s, node %q: %w; this is a mistake of the program", n.OpType, n.Name, err)
	}
	if err != nil {
		return unsupported(n.NodeProto, err.Error())
	}
	return nil
}

// rename gives a value a second name, that of an output of the graph.
func (b *builder) rename(value, name string) {
	b.shapes[name], b.types[name] = b.shapes[value], b.types[value]
	b.node("Identity", name, []string{value}, name)
}

// model is the gradient as a serialised model.
func (b *builder) model(source *onnxpb.ModelProto, g *Gradient) ([]byte, error) {
	outputs := []string{g.Logits, g.Loss, g.Input}
	nodes := b.lowered(b.tiled(needed(unique(b.nodes, outputs), outputs), outputs))
	graph := &onnxpb.GraphProto{
		Name: "input gradient",
		Node: nodes,
		Input: []*onnxpb.ValueInfoProto{
			valueInfo(g.Images, float32Type, g.Shape),
			valueInfo(g.Labels, int64Type, []int64{int64(g.Batch)}),
		},
		Initializer: b.initialisers(nodes),
	}
	for _, name := range outputs {
		graph.Output = append(graph.Output, valueInfo(name, b.types[name], b.shapes[name]))
	}
	data, err := proto.MarshalOptions{Deterministic: true}.Marshal(&onnxpb.ModelProto{
		IrVersion: source.IrVersion, OpsetImport: source.OpsetImport, ProducerName: "quba", Graph: graph,
	})
	if err != nil {
		return nil, &UnsupportedError{Reason: fmt.Sprintf("the gradient with its weights must be under 2 GiB: %v", err)}
	}
	return data, nil
}

// initialisers are the constants that the nodes use, in the order of use.
func (b *builder) initialisers(nodes []*onnxpb.NodeProto) []*onnxpb.TensorProto {
	var made []*onnxpb.TensorProto
	seen := map[string]bool{}
	for _, n := range nodes {
		for _, name := range usedBy(n) {
			if t := b.constants[name]; t != nil && !seen[name] {
				seen[name] = true
				made = append(made, t.proto(name))
			}
		}
	}
	return made
}
