package autodiff

import (
	"slices"

	"quba/internal/onnxpb"
)

// linear is a fully connected layer x·W + bias over the last axis.
type linear struct {
	product *node // MatMul of x and the constant W, [inputs, outputs]
	sum     *node // Add of the product and the constant bias, [outputs]; nil without one
}

// output is the value that the layer computes.
func (l linear) output() string {
	if l.sum != nil {
		return l.sum.out(0)
	}
	return l.product.out(0)
}

// forwardGraph says which node of the forward graph makes a value and which
// use it.
type forwardGraph struct {
	*builder
	nodes     []*node
	producers map[string]*node
	users     map[string][]*node
}

// forwardGraph looks at the nodes up to now. The output counts as used by an
// unknown node: nothing may change it.
func (b *builder) forwardGraph(output string) *forwardGraph {
	f := &forwardGraph{b, b.forwardNodes(), map[string]*node{}, map[string][]*node{}}
	for _, n := range f.nodes {
		for _, name := range n.Output {
			f.producers[name] = n
		}
		for _, name := range usedBy(n.NodeProto) {
			f.users[name] = append(f.users[name], n)
		}
	}
	f.users[output] = append(f.users[output], &node{NodeProto: &onnxpb.NodeProto{}})
	return f
}

// before is the layer whose output is the value, nil for other values. Nothing
// else uses its product.
func (f *forwardGraph) before(value string) *linear {
	n := f.producers[value]
	if f.isProduct(n) {
		return &linear{product: n}
	}
	if !isBinary(n, "Add") {
		return nil
	}
	for i := range 2 {
		product := f.producers[n.in(i)]
		if f.isProduct(product) && f.isVector(n.in(1-i), value) && len(f.users[n.in(i)]) == 1 {
			return &linear{product, n}
		}
	}
	return nil
}

// after are the layers that use the value; nil when something else does.
func (f *forwardGraph) after(value string) []*linear {
	var layers []*linear
	for _, n := range f.users[value] {
		if !f.isProduct(n) || n.in(0) != value {
			return nil
		}
		layers = append(layers, f.layerOf(n))
	}
	return layers
}

func (f *forwardGraph) layerOf(product *node) *linear {
	users := f.users[product.out(0)]
	if len(users) == 1 {
		if l := f.before(users[0].out(0)); l != nil && l.product == product {
			return l
		}
	}
	return &linear{product: product}
}

func (f *forwardGraph) isProduct(n *node) bool {
	if n == nil || n.OpType != "MatMul" || !standard(n.Domain) {
		return false
	}
	w := f.constants[n.in(1)]
	return w != nil && w.kind == float32Type && len(w.shape) == 2
}

// isVector says whether a constant holds a number for each place along the
// last axis of a value.
func (f *forwardGraph) isVector(constant, value string) bool {
	t, shape := f.constants[constant], f.shapes[value]
	return t != nil && t.kind == float32Type && len(t.shape) == 1 && len(shape) > 0 && t.shape[0] == shape[len(shape)-1]
}

// The following change the weights of a layer, which other nodes may share.

// scaleOutputs multiplies each output by its factor.
func (f *forwardGraph) scaleOutputs(l *linear, factor func(output int) float64) {
	f.replaceWeights(l, func(w float64, _, output int) float64 { return w * factor(output) })
	if l.sum != nil {
		f.replaceBias(l, func(bias float64, output int) float64 { return bias * factor(output) })
	}
}

// scaleInputs multiplies each input by its factor.
func (f *forwardGraph) scaleInputs(l *linear, factor func(input int) float64) {
	f.replaceWeights(l, func(w float64, input, _ int) float64 { return w * factor(input) })
}

// centreWeights takes the mean over the inputs from the weights of each output.
func (f *forwardGraph) centreWeights(l *linear) {
	w := f.constants[l.product.in(1)]
	inputs, outputs := int(w.shape[0]), int(w.shape[1])
	means := make([]float64, outputs)
	for i, v := range w.float32s() {
		means[i%outputs] += float64(v) / float64(inputs)
	}
	f.replaceWeights(l, func(w float64, _, output int) float64 { return w - means[output] })
}

// shiftInputs adds a number to each input, through the bias that the layer
// must have.
func (f *forwardGraph) shiftInputs(l *linear, shift []float32) {
	w := f.constants[l.product.in(1)]
	outputs, values := int(w.shape[1]), w.float32s()
	sums := make([]float64, outputs)
	for i, v := range values {
		sums[i%outputs] += float64(v) * float64(shift[i/outputs])
	}
	f.replaceBias(l, func(bias float64, output int) float64 { return bias + sums[output] })
}

func (f *forwardGraph) replaceWeights(l *linear, change func(w float64, input, output int) float64) {
	w := f.constants[l.product.in(1)]
	outputs := int(w.shape[1])
	f.replaceInput(l.product, 1, w, func(v float64, i int) float64 { return change(v, i/outputs, i%outputs) })
}

func (f *forwardGraph) replaceBias(l *linear, change func(bias float64, output int) float64) {
	for i, name := range l.sum.Input {
		if t := f.constants[name]; t != nil {
			f.replaceInput(l.sum, i, t, change)
			return
		}
	}
}

// replaceInput gives a node a changed copy of a constant.
func (f *forwardGraph) replaceInput(n *node, input int, t *tensor, change func(v float64, i int) float64) {
	values := t.float32s()
	for i, v := range values {
		values[i] = float32(change(float64(v), i))
	}
	n.Input[input] = f.constant(float32Tensor(slices.Clone(t.shape), values))
}

// bypass makes a node pass its input on.
func (n *node) bypass(input int) {
	n.OpType, n.Input, n.Attribute = "Identity", []string{n.in(input)}, nil
	n.attributes = map[string]*onnxpb.AttributeProto{}
}

// foldScales moves factors and shifts of the channels, those of layer
// normalisation and of layer scale (CaiT, section 3.1), into the weights of
// the layers beside them: a pass over memory less each, forward and back.
func (b *builder) foldScales(output string) {
	f := b.forwardGraph(output)
	for _, n := range f.nodes {
		switch {
		case n.OpType == "LayerNormalization" && standard(n.Domain):
			f.foldNormalisation(n)
		case isBinary(n, "Mul"):
			f.foldLayerScale(n)
		}
	}
}

// foldNormalisation leaves a plain normalisation, whose gradient can use its
// output. The outputs of one sum to zero, so that a number may be taken from all
// weights of an output of the layer: with their mean taken, the cotangents sum
// to zero as well.
func (f *forwardGraph) foldNormalisation(n *node) {
	y := n.out(0)
	layers := f.after(y)
	if len(layers) == 0 || !f.isVector(n.in(1), y) || n.in(2) != "" && !f.isVector(n.in(2), y) {
		return
	}
	scale, shift := f.constants[n.in(1)], f.constants[n.in(2)]
	if shift != nil && slices.ContainsFunc(layers, func(l *linear) bool { return l.sum == nil }) {
		return
	}
	factors := scale.float32s()
	for _, l := range layers {
		if shift != nil {
			f.shiftInputs(l, shift.float32s())
		}
		f.scaleInputs(l, func(input int) float64 { return float64(factors[input]) })
		f.centreWeights(l)
	}
	f.centred[y] = true
	n.Input = []string{n.in(0), f.constant(float32Tensor(scale.shape, repeated(1, len(factors))))}
}

func repeated(v float32, n int) []float32 { return slices.Repeat([]float32{v}, n) }

// foldLayerScale does away with a product of a layer's outputs, between which
// and the layer the channels may have been moved to axis 1.
func (f *forwardGraph) foldLayerScale(n *node) {
	for i := range 2 {
		factors := f.constants[n.in(i)]
		value := n.in(1 - i)
		if factors == nil || factors.kind != float32Type || len(f.users[value]) != 1 {
			continue
		}
		l, channel := f.channelsOf(value)
		if l == nil || len(f.users[l.output()]) != 1 || !alongAxis(factors.shape, f.shapes[value], channel) {
			continue
		}
		numbers := factors.float32s()
		f.scaleOutputs(l, func(output int) float64 { return float64(numbers[output]) })
		n.bypass(1 - i)
		return
	}
}

// channelsOf is the layer that makes a value, and the axis of its outputs.
func (f *forwardGraph) channelsOf(value string) (l *linear, axis int) {
	n, rank := f.producers[value], len(f.shapes[value])
	if n != nil && n.OpType == "Transpose" && standard(n.Domain) {
		axis = slices.Index(n.integers("perm"), int64(rank-1))
		return f.before(n.in(0)), axis
	}
	return f.before(value), rank - 1
}

// alongAxis says whether numbers of a shape are broadcast to one for each place
// along an axis of a value.
func alongAxis(numbers, value []int64, axis int) bool {
	if axis < 0 || len(numbers) > len(value) {
		return false
	}
	lead := len(value) - len(numbers)
	for i, n := range numbers {
		if lead+i == axis && n != value[axis] || lead+i != axis && n != 1 {
			return false
		}
	}
	return axis >= lead
}
