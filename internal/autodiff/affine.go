package autodiff

import "quba/internal/onnxpb"

// affineOperator is slope·x + intercept in one pass over memory. ONNX has none
// such; the nodes are replaced when all others are there.
const (
	ownDomain      = "quba"
	affineOperator = "Affine"
)

// affine is slope·x + intercept, of float32 numbers.
func (b *builder) affine(x string, slope, intercept float64) string {
	y := b.unary(affineOperator, x, attribute{"slope", float32(slope)}, attribute{"intercept", float32(intercept)})
	b.nodes[len(b.nodes)-1].Domain = ownDomain
	return y
}

// lowered writes the affine nodes as batch normalisations of one channel.
func (b *builder) lowered(nodes []*onnxpb.NodeProto) []*onnxpb.NodeProto {
	return b.collect(func() {
		for _, n := range attributed(nodes) {
			if n.Domain == ownDomain {
				b.lowerAffine(n)
				continue
			}
			for _, a := range n.Attribute {
				for _, g := range subgraphs(a) {
					g.Node = b.lowered(g.Node)
				}
			}
			b.nodes = append(b.nodes, n.NodeProto)
		}
	})
}

func (b *builder) lowerAffine(n *node) {
	x, y := n.in(0), n.out(0)
	number := func(v float32) string { return b.constant(float32Tensor([]int64{1}, []float32{v})) }
	line := b.reshape(x, []int64{1, 1, count(b.shapes[x])})
	inputs := []string{line, number(n.number("slope", 1)), number(n.number("intercept", 0)), number(0), number(1)}
	scaled := b.op("BatchNormalization", inputs, b.shapes[line], attribute{"epsilon", float32(0)})
	b.node("Reshape", b.name("reshape"), []string{scaled, b.ints(b.shapes[y]...)}, y)
}
