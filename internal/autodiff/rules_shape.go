package autodiff

import (
	"fmt"
	"slices"
)

func init() {
	register("Reshape", reshape)
	register("Flatten", reshape)
	register("Squeeze", reshape)
	register("Unsqueeze", reshape)
	register("Transpose", transpose)
	register("Expand", expand)
	register("Tile", tile)
	register("Concat", concat)
	register("Split", split)
	register("DepthToSpace", depthToSpace)
	register("SpaceToDepth", spaceToDepth)
}

func reshape(b *builder, n *node, g []string) error {
	return b.add(n.in(0), b.reshape(g[0], b.shapes[n.in(0)]))
}

func transpose(b *builder, n *node, g []string) error {
	perm := n.integers("perm")
	if perm == nil {
		perm = diagonal(int64(len(b.shapes[g[0]])))
		slices.Reverse(perm)
	}
	inverse := make([]int64, len(perm))
	for i, p := range perm {
		inverse[p] = int64(i)
	}
	return b.add(n.in(0), b.transpose(g[0], inverse))
}

func expand(b *builder, n *node, g []string) error {
	return b.add(n.in(0), b.unbroadcast(g[0], b.shapes[n.in(0)]))
}

func tile(b *builder, n *node, g []string) error {
	shape, tiled := b.shapes[n.in(0)], b.shapes[g[0]]
	var apart, axes []int64
	for i, d := range shape {
		axes = append(axes, int64(len(apart)))
		apart = append(apart, tiled[i]/d, d)
	}
	sum := b.reduce("ReduceSum", b.reshape(g[0], apart), axes)
	return b.add(n.in(0), b.reshape(sum, shape))
}

func concat(b *builder, n *node, g []string) error {
	axis := b.axis(g[0], n.integer("axis", 0))
	start, end := make([]int64, len(b.shapes[g[0]])), slices.Clone(b.shapes[g[0]])
	for _, input := range n.Input {
		end[axis] = start[axis] + b.shapes[input][axis]
		if b.active[input] {
			if err := b.add(input, b.slice(g[0], start, end)); err != nil {
				return err
			}
		}
		start[axis] = end[axis]
	}
	return nil
}

func split(b *builder, n *node, g []string) error {
	parts := slices.Clone(g)
	for i, output := range n.Output {
		shape, known := b.shapes[output]
		if !known {
			return fmt.Errorf("output %d has no shape", i)
		}
		if parts[i] == "" {
			parts[i] = b.zeros(b.types[n.in(0)], shape)
		}
	}
	axis := b.axis(n.in(0), n.integer("axis", 0))
	return b.add(n.in(0), b.op("Concat", parts, b.shapes[n.in(0)], attribute{"axis", axis}))
}

// zeros is made when onnxruntime loads the graph, so that the file stays small.
func (b *builder) zeros(kind elementType, shape []int64) string {
	zeros := b.opTyped("ConstantOfShape", []string{b.ints(shape...)}, shape, float32Type)
	return b.cast(zeros, kind)
}

// depthToSpace undoes both orders of the channels: DCR (block, then channel),
// which SpaceToDepth inverts, and CRD (channel, then block).
func depthToSpace(b *builder, n *node, g []string) error {
	x, block := b.shapes[n.in(0)], n.integer("blocksize", 1)
	if n.text("mode", "DCR") == "DCR" {
		return b.add(n.in(0), b.op("SpaceToDepth", g, x, attribute{"blocksize", block}))
	}
	channels := x[1] / (block * block)
	apart := b.reshape(g[0], []int64{x[0], channels, x[2], block, x[3], block})
	return b.add(n.in(0), b.reshape(b.transpose(apart, []int64{0, 1, 3, 5, 2, 4}), x))
}

func spaceToDepth(b *builder, n *node, g []string) error {
	block := attribute{"blocksize", n.integer("blocksize", 1)}
	return b.add(n.in(0), b.op("DepthToSpace", g, b.shapes[n.in(0)], block))
}
