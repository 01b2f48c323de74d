package autodiff

import "slices"

func init() {
	register("Conv", conv)
	register("ConvTranspose", convTranspose)
}

// conv is the transposed convolution of the cotangent. With stride 1 that is a
// convolution with flipped weights, which onnxruntime computes several times
// faster than ConvTranspose for depthwise kernels.
func conv(b *builder, n *node, g []string) error {
	if err := b.onlyFirstActive(n); err != nil {
		return err
	}
	x, weights := n.in(0), n.in(1)
	in := b.shapes[x][2:]
	w, err := windowOf(n, b.shapes[weights][2:], in, b.shapes[g[0]][2:])
	if err != nil {
		return err
	}
	group := n.integer("group", 1)
	if slices.Max(w.stride) > 1 {
		return b.add(x, b.convTransposed(g[0], weights, b.shapes[x], w, group))
	}
	flipped, err := b.flipped(weights, group)
	if err != nil {
		return err
	}
	return b.add(x, b.convFlipped(g[0], flipped, b.shapes[x], w, group))
}

// convTransposed has the stride's leftover, which no window reached, as output
// padding.
func (b *builder) convTransposed(g, weights string, shape []int64, w window, group int64) string {
	leftover := make([]int64, len(w.kernel))
	for i := range leftover {
		reached := (b.shapes[g][2+i]-1)*w.stride[i] + w.extent(i) - w.before[i] - w.after[i]
		leftover[i] = shape[2+i] - reached
	}
	return b.blocked(b.op("ConvTranspose", []string{g, weights}, shape,
		attribute{"strides", w.stride}, attribute{"dilations", w.dilation}, attribute{"group", group},
		attribute{"pads", slices.Concat(w.before, w.after)}, attribute{"output_padding", leftover}))
}

func (b *builder) convFlipped(g, flipped string, shape []int64, w window, group int64) string {
	before, after := make([]int64, len(w.kernel)), make([]int64, len(w.kernel))
	for i := range before {
		reach := w.extent(i) - 1
		before[i] = reach - w.before[i]
		after[i] = shape[2+i] - b.shapes[g][2+i] - before[i] + reach
	}
	g = b.crop(g, before, after)
	return b.op("Conv", []string{g, flipped}, shape,
		attribute{"dilations", w.dilation}, attribute{"group", group},
		attribute{"pads", slices.Concat(before, after)})
}

// crop takes the negative padding of the spatial axes off x and sets it to 0:
// Conv refuses it.
func (b *builder) crop(x string, before, after []int64) string {
	start := make([]int64, len(b.shapes[x]))
	end := slices.Clone(b.shapes[x])
	for i := range before {
		start[2+i] -= min(before[i], 0)
		end[2+i] += min(after[i], 0)
		before[i], after[i] = max(before[i], 0), max(after[i], 0)
	}
	return b.slice(x, start, end)
}

// convTranspose is the convolution of the cotangent with the same weights.
func convTranspose(b *builder, n *node, g []string) error {
	if err := b.onlyFirstActive(n); err != nil {
		return err
	}
	x, weights := n.in(0), n.in(1)
	in, out := b.shapes[x][2:], b.shapes[g[0]][2:]
	w, err := steps(n, b.shapes[weights][2:])
	if err != nil {
		return err
	}
	before, err := transposedPads(n, w, in, out)
	if err != nil {
		return err
	}
	after := make([]int64, len(in))
	for i := range after {
		after[i] = (in[i]-1)*w.stride[i] + w.extent(i) - before[i] - out[i]
	}
	cropped := b.crop(g[0], before, after)
	return b.add(x, b.op("Conv", []string{cropped, weights}, b.shapes[x],
		attribute{"strides", w.stride}, attribute{"dilations", w.dilation},
		attribute{"group", n.integer("group", 1)}, attribute{"pads", slices.Concat(before, after)}))
}

// transposedPads is the padding of a ConvTranspose before each spatial axis.
// It follows from the output's shape where output_shape or auto_pad sets that.
func transposedPads(n *node, w window, in, out []int64) ([]int64, error) {
	mode := n.text("auto_pad", "NOTSET")
	if mode == "VALID" || (mode == "NOTSET" && n.integers("output_shape") == nil) {
		before, _, err := explicitPads(n, len(in))
		return before, err
	}
	before := make([]int64, len(in))
	added := n.integers("output_padding")
	for i := range before {
		total := (in[i]-1)*w.stride[i] + w.extent(i) - out[i]
		if added != nil {
			total += added[i]
		}
		before[i], _ = distribute(max(total, 0), mode)
	}
	return before, nil
}

// flipped is a constant with the weights [M, C/group, k...] of a convolution
// turned into those of its transpose, [C, M/group, k...] with every kernel
// reversed.
func (b *builder) flipped(weights string, group int64) (string, error) {
	t, err := b.constantOf(weights, "the weights")
	if err != nil {
		return "", err
	}
	m, c := t.shape[0]/group, t.shape[1]
	taps := count(t.shape[2:])
	if count(t.shape) == 0 {
		return weights, nil
	}
	size := int64(len(t.data)) / count(t.shape)
	data := make([]byte, 0, len(t.data))
	for i := range group * c {
		q, column := i/c, i%c
		for row := range m {
			kernel := ((q*m+row)*c + column) * taps
			for tap := taps - 1; tap >= 0; tap-- {
				at := (kernel + tap) * size
				data = append(data, t.data[at:at+size]...)
			}
		}
	}
	shape := slices.Concat([]int64{group * c, m}, t.shape[2:])
	return b.constant(&tensor{kind: t.kind, shape: shape, data: data}), nil
}
