package autodiff

import (
	"math"
	"slices"
)

// mergeGelus finds Gelu, as exporters write it before opset 20 too, which is
// x·(1+erf(x/√2))/2 in five nodes, and computes it and its gradient in eight to
// ten passes over memory instead of fifteen. In a transformer these passes take
// as long as the matrix products.
func (b *builder) mergeGelus(output string) {
	f := b.forwardGraph(output)
	m := &geluMatcher{b, f.producers}
	b.nodes = nil
	for _, n := range f.nodes {
		x := m.match(n)
		switch {
		case x == "":
			b.nodes = append(b.nodes, n.NodeProto)
		case f.foldGelu(x, n):
			b.foldedGelu(x, n.out(0))
		case n.OpType == "Gelu":
			b.nodes = append(b.nodes, n.NodeProto)
		default:
			b.gelu(x, n.out(0))
		}
	}
}

// gelu writes y = x·P(x) in place of the last product of the five nodes; the
// others are left unused.
func (b *builder) gelu(x, y string) {
	probability, bell := b.gaussian(x)
	b.node("Mul", b.name("gelu"), []string{x, probability}, y)
	b.merged[y] = func(b *builder, _ *node, g []string) error {
		return b.add(x, b.mul(g[0], b.plus(probability, bell())))
	}
}

// foldGelu has the layer before make u = x/√2 in the place of x, and those
// behind take √π/√2·Gelu(x), where there are such layers and nothing else uses
// the two.
func (f *forwardGraph) foldGelu(x string, last *node) bool {
	uses := 2 // of the five nodes
	if last.OpType == "Gelu" {
		uses = 1
	}
	before, after := f.before(x), f.after(last.out(0))
	if before == nil || len(after) == 0 || len(f.users[x]) != uses {
		return false
	}
	f.scaleOutputs(before, func(int) float64 { return math.Sqrt2 / 2 })
	for _, l := range after {
		f.scaleInputs(l, func(int) float64 { return math.Sqrt2 / math.Sqrt(math.Pi) })
	}
	return true
}

// foldedGelu writes v = u·q(u) with q = √π·(1+erf(u))/2, the scaled Gelu of
// √2·u. Its slope q + u·exp(-u²) has no other constant.
func (b *builder) foldedGelu(u, v string) {
	half := math.Sqrt(math.Pi) / 2
	q := b.affine(b.unary("Erf", u), half, half)
	b.node("Mul", b.name("gelu"), []string{u, q}, v)
	b.merged[v] = func(b *builder, _ *node, g []string) error {
		bell := b.div(u, b.unary("Exp", b.mul(u, u)))
		return b.add(u, b.mul(g[0], b.plus(q, bell)))
	}
}

type geluMatcher struct {
	*builder
	producers map[string]*node
}

// match is x when the node is a Gelu or its last product; else "".
func (m *geluMatcher) match(n *node) string {
	if m.types[n.out(0)] != float32Type {
		return ""
	}
	if n.OpType == "Gelu" && standard(n.Domain) && n.text("approximate", "none") == "none" {
		return n.in(0)
	}
	if !isBinary(n, "Mul") {
		return ""
	}
	for i := range 2 {
		inner := m.producers[n.in(1-i)]
		if !isBinary(inner, "Mul") {
			continue
		}
		x := m.factors([]string{n.in(i), inner.in(0), inner.in(1)})
		if x != "" && slices.Equal(m.shapes[x], m.shapes[n.out(0)]) {
			return x
		}
	}
	return ""
}

// factors is x where the factors are 1/2, x and 1+erf(x/√2), in any order.
func (m *geluMatcher) factors(of []string) string {
	half := slices.IndexFunc(of, func(v string) bool { return m.is(v, 0.5) })
	if half < 0 {
		return ""
	}
	rest := slices.Delete(of, half, half+1)
	for i, x := range rest {
		if x != "" && m.shiftedErf(rest[1-i]) == x {
			return x
		}
	}
	return ""
}

// shiftedErf is x of a value 1+erf(x/√2).
func (m *geluMatcher) shiftedErf(value string) string {
	erf := m.producers[m.beside(value, "Add", 1)]
	if erf == nil || erf.OpType != "Erf" {
		return ""
	}
	scaled := erf.in(0)
	if n := m.producers[scaled]; isBinary(n, "Div") && m.is(n.in(1), math.Sqrt2) {
		return n.in(0)
	}
	return m.beside(scaled, "Mul", math.Sqrt2/2)
}

// beside is the operand of a commutative operator that has a constant for the
// other; "" when the value is not such.
func (m *geluMatcher) beside(value, operator string, constant float64) string {
	n := m.producers[value]
	if !isBinary(n, operator) {
		return ""
	}
	for i := range 2 {
		if m.is(n.in(i), constant) {
			return n.in(1 - i)
		}
	}
	return ""
}

func isBinary(n *node, operator string) bool {
	return n != nil && n.OpType == operator && standard(n.Domain) && len(n.Input) == 2
}

// is says whether a value is a constant number, to float32 precision.
func (m *geluMatcher) is(value string, number float64) bool {
	t := m.constants[value]
	if t == nil {
		return false
	}
	v, ok := t.number()
	return ok && math.Abs(v-number) < 1e-6
}
