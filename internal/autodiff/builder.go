package autodiff

import (
	"fmt"
	"slices"

	"quba/internal/onnxpb"
)

// builder writes the backward graph. Values are known by name; every value
// that a rule may touch has a static shape and an element type.
type builder struct {
	opset  int64
	tiling tiling
	shapes map[string][]int64
	types  map[string]elementType
	// constants are the initialisers of the graph and what was folded.
	constants map[string]*tensor
	// active values depend differentiably on the input.
	active map[string]bool
	// cotangents are the contributions to the gradient of a value, by name.
	cotangents map[string][]string

	nodes   []*onnxpb.NodeProto // in the order of execution
	made    map[string]string   // constant -> name, so that equal ones are there once
	counter int
	// merged are the rules of values that several nodes compute, which are
	// differentiated as one.
	merged map[string]rule
	// centred are the normalised values whose cotangents sum to zero.
	centred map[string]bool
	// attention are the products of a Softmax that nothing else uses, by the
	// Softmax's output.
	attention map[string]*node
	// placements are the values that pad made, as far as joined needs them.
	placements map[string]placement
}

// rule writes the vector-Jacobian product of a node: given the cotangents of
// its outputs, "" where an output has none, it adds those of its active inputs
// with b.add. Most rules read one output only.
type rule func(b *builder, n *node, g []string) error

// rules are the operators that can be differentiated; each file of rules
// registers its own in init.
var rules = map[string]rule{}

// register adds the rule of an operator of the ONNX domain.
func register(operator string, r rule) {
	if _, twice := rules[operator]; twice {
		panic("autodiff: two rules for " + operator)
	}
	rules[operator] = r
}

// node is a forward node whose attributes are at hand.
type node struct {
	*onnxpb.NodeProto
	attributes map[string]*onnxpb.AttributeProto
}

// in is the name of input i, "" when it is absent.
func (n *node) in(i int) string {
	if i >= len(n.Input) {
		return ""
	}
	return n.Input[i]
}

// out is the name of output i, "" when it is absent.
func (n *node) out(i int) string {
	if i >= len(n.Output) {
		return ""
	}
	return n.Output[i]
}

func (n *node) integer(name string, otherwise int64) int64 {
	if a, ok := n.attributes[name]; ok {
		return a.GetI()
	}
	return otherwise
}

func (n *node) number(name string, otherwise float32) float32 {
	if a, ok := n.attributes[name]; ok {
		return a.GetF()
	}
	return otherwise
}

func (n *node) text(name, otherwise string) string {
	if a, ok := n.attributes[name]; ok {
		return string(a.GetS())
	}
	return otherwise
}

// integers is nil when the attribute is absent.
func (n *node) integers(name string) []int64 {
	if a, ok := n.attributes[name]; ok {
		return a.GetInts()
	}
	return nil
}

// name makes a name that nothing in the graph has.
func (b *builder) name(hint string) string {
	for {
		b.counter++
		name := fmt.Sprintf("grad/%s_%d", hint, b.counter)
		if _, taken := b.shapes[name]; !taken {
			return name
		}
	}
}

// attribute is an attribute of a node that a rule writes.
type attribute struct {
	name  string
	value any // int64, int, float32, string, []int64 or a graph
}

// op adds a node with one output of the shape and returns the output's name.
// The output has the type of the first input unless opTyped is used.
func (b *builder) op(kind string, inputs []string, shape []int64, attributes ...attribute) string {
	return b.opTyped(kind, inputs, shape, b.types[inputs[0]], attributes...)
}

func (b *builder) opTyped(kind string, inputs []string, shape []int64, t elementType, attributes ...attribute) string {
	out := b.name(kind)
	b.shapes[out], b.types[out] = slices.Clone(shape), t
	b.node(kind, out, inputs, out, attributes...)
	return out
}

// node adds a node that makes a value known already.
func (b *builder) node(kind, name string, inputs []string, output string, attributes ...attribute) {
	n := &onnxpb.NodeProto{OpType: kind, Name: name, Input: inputs, Output: []string{output}}
	for _, a := range attributes {
		n.Attribute = append(n.Attribute, a.proto())
	}
	b.nodes = append(b.nodes, n)
}

// collect gives the nodes that f adds, in place of adding them.
func (b *builder) collect(f func()) []*onnxpb.NodeProto {
	before := b.nodes
	b.nodes = nil
	f()
	added := b.nodes
	b.nodes = before
	return added
}

func (a attribute) proto() *onnxpb.AttributeProto {
	p := &onnxpb.AttributeProto{Name: a.name}
	switch v := a.value.(type) {
	case int:
		p.Type, p.I = onnxpb.AttributeProto_INT, int64(v)
	case int64:
		p.Type, p.I = onnxpb.AttributeProto_INT, v
	case float32:
		p.Type, p.F = onnxpb.AttributeProto_FLOAT, v
	case string:
		p.Type, p.S = onnxpb.AttributeProto_STRING, []byte(v)
	case []int64:
		p.Type, p.Ints = onnxpb.AttributeProto_INTS, v
	case *onnxpb.GraphProto:
		p.Type, p.G = onnxpb.AttributeProto_GRAPH, v
	default:
		panic(fmt.Sprintf("autodiff: attribute %s of type %T", a.name, v))
	}
	return p
}

// shapeError is a rule's mistake: a cotangent must have its value's shape.
type shapeError struct {
	value     string
	got, want []int64
}

func (e *shapeError) Error() string {
	return fmt.Sprintf("the cotangent of %q has shape %v, must have %v", e.value, e.got, e.want)
}

// add is a contribution to the cotangent of a value; none is added where the
// value is not active.
func (b *builder) add(value, cotangent string) error {
	if value == "" || !b.active[value] {
		return nil
	}
	if got, want := b.shapes[cotangent], b.shapes[value]; !slices.Equal(got, want) {
		return &shapeError{value, got, want}
	}
	b.cotangents[value] = append(b.cotangents[value], cotangent)
	return nil
}

// total is the cotangent of a value: the sum of its contributions, "" when
// there is none.
func (b *builder) total(value string) string {
	parts := b.cotangents[value]
	switch len(parts) {
	case 0:
		return ""
	case 1:
		return parts[0]
	}
	sum := b.joined(parts)
	if sum == "" {
		sum = b.sum(parts)
	}
	b.cotangents[value] = []string{sum}
	return sum
}

func (b *builder) sum(parts []string) string {
	kind := "Sum"
	if len(parts) == 2 {
		kind = "Add"
	}
	return b.op(kind, parts, b.shapes[parts[0]])
}

// constant adds an initialiser, or finds an equal one.
func (b *builder) constant(t *tensor) string {
	key := t.key()
	if name, ok := b.made[key]; ok {
		return name
	}
	name := b.name("constant")
	b.made[key] = name
	b.constants[name], b.shapes[name], b.types[name] = t, t.shape, t.kind
	return name
}

// like is a scalar constant of the element type of a value.
func (b *builder) like(value string, v float64) string {
	return b.constant(scalar(b.types[value], v))
}

// ints is a constant vector of int64.
func (b *builder) ints(v ...int64) string { return b.constant(int64Tensor(v)) }

// The elementwise operators broadcast as ONNX does.

func (b *builder) mul(x, y string) string  { return b.elementwise("Mul", x, y) }
func (b *builder) plus(x, y string) string { return b.elementwise("Add", x, y) }
func (b *builder) sub(x, y string) string  { return b.elementwise("Sub", x, y) }
func (b *builder) div(x, y string) string  { return b.elementwise("Div", x, y) }

func (b *builder) elementwise(kind, x, y string) string {
	return b.op(kind, []string{x, y}, broadcast(b.shapes[x], b.shapes[y]))
}

// unary applies an operator that keeps the shape.
func (b *builder) unary(kind, x string, attributes ...attribute) string {
	return b.op(kind, []string{x}, b.shapes[x], attributes...)
}

// compare is a boolean value, Greater, Less or Equal of x and y.
func (b *builder) compare(kind, x, y string) string {
	return b.opTyped(kind, []string{x, y}, broadcast(b.shapes[x], b.shapes[y]), boolean)
}

// mask is g where the boolean value is true and 0 elsewhere. It multiplies:
// Where is several times slower in onnxruntime.
func (b *builder) mask(condition, g string) string {
	return b.mul(g, b.cast(condition, b.types[g]))
}

func (b *builder) cast(x string, to elementType) string {
	if b.types[x] == to {
		return x
	}
	return b.opTyped("Cast", []string{x}, b.shapes[x], to, attribute{"to", int64(to)})
}

// reshape returns x itself where it has the shape.
func (b *builder) reshape(x string, shape []int64) string {
	if slices.Equal(b.shapes[x], shape) {
		return x
	}
	return b.op("Reshape", []string{x, b.ints(shape...)}, shape)
}

// transpose returns x itself for the identity.
func (b *builder) transpose(x string, perm []int64) string {
	shape, identity := make([]int64, len(perm)), true
	for i, p := range perm {
		shape[i] = b.shapes[x][p]
		identity = identity && int64(i) == p
	}
	if identity {
		return x
	}
	return b.op("Transpose", []string{x}, shape, attribute{"perm", perm})
}

// reduce sums (ReduceSum) or averages (ReduceMean) over axes, which are not
// negative, and keeps them with length 1.
func (b *builder) reduce(kind, x string, axes []int64) string {
	shape := slices.Clone(b.shapes[x])
	for _, axis := range axes {
		shape[axis] = 1
	}
	if kind == "ReduceSum" || b.opset >= 18 {
		return b.op(kind, []string{x, b.ints(axes...)}, shape, attribute{"keepdims", 1})
	}
	return b.op(kind, []string{x}, shape, attribute{"axes", axes}, attribute{"keepdims", 1})
}

// expand broadcasts x to the shape.
func (b *builder) expand(x string, shape []int64) string {
	if slices.Equal(b.shapes[x], shape) {
		return x
	}
	return b.op("Expand", []string{x, b.ints(shape...)}, shape)
}

// unbroadcast sums a cotangent over the axes along which an operand of the
// shape was repeated.
func (b *builder) unbroadcast(g string, shape []int64) string {
	have := b.shapes[g]
	lead := len(have) - len(shape)
	var axes []int64
	for i, n := range have {
		if i < lead || (shape[i-lead] == 1 && n != 1) {
			axes = append(axes, int64(i))
		}
	}
	if len(axes) > 0 {
		g = b.reduce("ReduceSum", g, axes)
	}
	return b.reshape(g, shape)
}

// pad adds zeros before and after each axis; it returns x itself for none.
func (b *builder) pad(x string, before, after []int64) string {
	shape, none := slices.Clone(b.shapes[x]), true
	for i := range shape {
		shape[i] += before[i] + after[i]
		none = none && before[i] == 0 && after[i] == 0
	}
	if none {
		return x
	}
	padded := b.op("Pad", []string{x, b.ints(slices.Concat(before, after)...)}, shape)
	b.place(padded, x, before, after)
	return padded
}

// slice takes [start, end) of each axis; it returns x itself for the whole.
func (b *builder) slice(x string, start, end []int64) string {
	shape, whole := make([]int64, len(start)), true
	axes := make([]int64, len(start))
	for i := range start {
		axes[i] = int64(i)
		shape[i] = end[i] - start[i]
		whole = whole && shape[i] == b.shapes[x][i]
	}
	if whole {
		return x
	}
	return b.op("Slice", []string{x, b.ints(start...), b.ints(end...), b.ints(axes...)}, shape)
}

// broadcast is the shape of an elementwise operator's output.
func broadcast(x, y []int64) []int64 {
	if len(x) < len(y) {
		x, y = y, x
	}
	shape := slices.Clone(x)
	lead := len(x) - len(y)
	for i, n := range y {
		if shape[lead+i] == 1 {
			shape[lead+i] = n
		}
	}
	return shape
}

// axis turns a negative axis of a value into a positive one.
func (b *builder) axis(value string, axis int64) int64 {
	if axis < 0 {
		return axis + int64(len(b.shapes[value]))
	}
	return axis
}

func count(shape []int64) int64 {
	n := int64(1)
	for _, d := range shape {
		n *= d
	}
	return n
}
