package autodiff

import (
	"fmt"
	"slices"
)

func init() {
	register("AveragePool", averagePool)
	register("MaxPool", maxPool)
}

func averagePool(b *builder, n *node, g []string) error {
	x := n.in(0)
	in, out := b.shapes[x][2:], b.shapes[g[0]][2:]
	w, err := windowOf(n, n.integers("kernel_shape"), in, out)
	if err != nil {
		return err
	}
	if w.tiles(in, out) {
		return b.add(x, b.spread(g[0], b.shapes[x], w.kernel))
	}
	dx := g[0]
	for i := range in {
		axis := int64(2 + i)
		matrix, err := b.responses(dx, axis, in[i], func(units string, shape []int64) string {
			return b.op("AveragePool", []string{units}, shape, w.only(i, n)...)
		})
		if err != nil {
			return err
		}
		dx = b.along(dx, axis, matrix)
	}
	return b.add(x, dx)
}

// tiles says whether the windows lie side by side within the image.
func (w window) tiles(in, out []int64) bool {
	for i := range in {
		if out[i] > 1 && (w.stride[i] != w.kernel[i]) {
			return false
		}
		if w.before[i] != 0 || w.extent(i) != w.kernel[i] || out[i]*w.kernel[i] > in[i] {
			return false
		}
	}
	return true
}

// spread divides g over windows that lie side by side; what they leave over of
// the image gets 0. Resize repeats elements ten times faster than Expand.
func (b *builder) spread(g string, shape, kernel []int64) string {
	covered, none := slices.Clone(shape), make([]int64, len(shape))
	rest := slices.Clone(none)
	for i, k := range kernel {
		covered[2+i] = b.shapes[g][2+i] * k
		rest[2+i] = shape[2+i] - covered[2+i]
	}
	shares := b.scale(g, 1/float64(count(kernel)))
	repeated := b.op("Resize", []string{shares, "", "", b.ints(covered...)}, covered,
		attribute{"mode", "nearest"}, attribute{"nearest_mode", "floor"},
		attribute{"coordinate_transformation_mode", "asymmetric"})
	return b.pad(repeated, none, rest)
}

// only are the attributes of the same average along one spatial axis: all
// others have length 1.
func (w window) only(axis int, n *node) []attribute {
	kernel, stride := orOnes(nil, len(w.kernel)), orOnes(nil, len(w.kernel))
	dilation, pads := orOnes(nil, len(w.kernel)), make([]int64, 2*len(w.kernel))
	kernel[axis], stride[axis], dilation[axis] = w.kernel[axis], w.stride[axis], w.dilation[axis]
	pads[axis], pads[len(w.kernel)+axis] = w.before[axis], w.after[axis]
	attributes := []attribute{
		{"kernel_shape", kernel},
		{"strides", stride},
		{"pads", pads},
		{"ceil_mode", n.integer("ceil_mode", 0)},
		{"count_include_pad", n.integer("count_include_pad", 0)},
	}
	if w.dilation[axis] != 1 {
		attributes = append(attributes, attribute{"dilations", dilation}) // since opset 19
	}
	return attributes
}

// maxPool gives each cotangent to the first maximum of its window, as torch
// does on a CPU. The forward node tells where that is.
func maxPool(b *builder, n *node, g []string) error {
	x := n.in(0)
	if order := n.integer("storage_order", 0); order != 0 {
		return fmt.Errorf("storage_order must be 0 (rows), is %d", order)
	}
	indices := b.indices(n)
	size := count(b.shapes[x])
	zeros := b.zeros(b.types[x], []int64{size})
	flat := []int64{count(b.shapes[g[0]])}
	dx := b.op("ScatterElements", []string{zeros, b.reshape(indices, flat), b.reshape(g[0], flat)}, []int64{size},
		attribute{"axis", 0}, attribute{"reduction", "add"})
	return b.add(x, b.reshape(dx, b.shapes[x]))
}

// indices is the second output of a MaxPool: where in the flat input each
// maximum lies.
func (b *builder) indices(n *node) string {
	if indices := n.out(1); indices != "" {
		return indices
	}
	indices := b.name("indices")
	n.Output = []string{n.Output[0], indices}
	b.shapes[indices], b.types[indices] = b.shapes[n.out(0)], int64Type
	return indices
}
