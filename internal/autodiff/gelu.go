package autodiff

import (
	"math"
	"slices"

	"quba/internal/onnxpb"
)

// mergeGelus finds Gelu as exporters write it before opset 20, which is
// x·(1+erf(x/√2))/2 in five nodes, and computes it and its gradient in ten
// passes over memory instead of fifteen. In a transformer these passes take as
// long as the matrix products.
func (b *builder) mergeGelus() {
	forward := b.forwardNodes()
	m := &geluMatcher{b, map[string]*node{}}
	b.nodes = nil
	for _, n := range forward {
		m.producers[n.out(0)] = n
		if x := m.match(n); x != "" {
			b.gelu(x, n.out(0))
			continue
		}
		b.nodes = append(b.nodes, n.NodeProto)
	}
}

// gelu writes y = x·P(x) in place of the last product of the five nodes; the
// others are left unused.
func (b *builder) gelu(x, y string) {
	probability, bell := b.gaussian(x)
	b.nodes = append(b.nodes, &onnxpb.NodeProto{OpType: "Mul", Name: b.name("gelu"), Input: []string{x, probability}, Output: []string{y}})
	b.merged[y] = func(b *builder, _ *node, g []string) error {
		return b.add(x, b.mul(g[0], b.plus(probability, bell())))
	}
}

type geluMatcher struct {
	*builder
	producers map[string]*node
}

// match is x when the node is the last product of a Gelu; else "".
func (m *geluMatcher) match(n *node) string {
	if !isBinary(n, "Mul") || m.types[n.out(0)] != float32Type {
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
