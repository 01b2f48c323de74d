package autodiff

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

func init() {
	register("Softmax", softmax)
	register("LogSoftmax", logSoftmax)
	register("LayerNormalization", layerNormalization)
	register("InstanceNormalization", instanceNormalization)
	register("GroupNormalization", groupNormalization)
	register("BatchNormalization", batchNormalization)
	register("LRN", localResponse)
}

// softmax: y (g - sum(gy)).
func softmax(b *builder, n *node, g []string) error {
	y := n.out(0)
	axis := b.axis(y, n.integer("axis", -1))
	return b.add(n.in(0), b.mul(y, b.sub(g[0], b.softmaxSum(y, g[0], axis))))
}

// softmaxSum is sum(gy). Where y only weights values, as o = y·v, g is h·vᵀ for
// the cotangent h of o, and the sum is sum(h o): over fewer numbers as a rule
// (Dao and others 2022, "FlashAttention", appendix B.2).
func (b *builder) softmaxSum(y, g string, axis int64) string {
	product := b.attention[y]
	if product == nil || axis != int64(len(b.shapes[y])-1) {
		return b.reduce("ReduceSum", b.mul(g, y), []int64{axis})
	}
	o := product.out(0)
	return b.reduce("ReduceSum", b.mul(b.total(o), o), []int64{axis})
}

// findAttention looks for each Softmax that nothing but a product uses, in which
// it is the matrix on the left.
func (b *builder) findAttention(output string) {
	f := b.forwardGraph(output)
	for _, n := range f.nodes {
		if n.OpType != "MatMul" || !standard(n.Domain) {
			continue
		}
		y := f.producers[n.in(0)]
		if y == nil || y.OpType != "Softmax" || !standard(y.Domain) || len(f.users[n.in(0)]) != 1 {
			continue
		}
		if shape := b.shapes[n.out(0)]; slices.Equal(shape[:len(shape)-1], b.shapes[n.in(0)][:len(shape)-1]) {
			b.attention[n.in(0)] = n
		}
	}
}

// logSoftmax: g - exp(y) sum(g).
func logSoftmax(b *builder, n *node, g []string) error {
	y := n.out(0)
	axis := b.axis(y, n.integer("axis", -1))
	total := b.reduce("ReduceSum", g[0], []int64{axis})
	return b.add(n.in(0), b.sub(g[0], b.mul(b.unary("Exp", y), total)))
}

// layerNormalization asks the forward node for the statistics it has anyway.
func layerNormalization(b *builder, n *node, g []string) error {
	if err := b.onlyFirstActive(n); err != nil {
		return err
	}
	x := n.in(0)
	axes := axesFrom(b.axis(x, n.integer("axis", -1)), b.shapes[x])
	inverse := b.statistic(n, 2, "inverse_deviation", axes)
	if b.centred[n.out(0)] {
		return b.add(x, b.mul(inverse, b.withoutPart(g[0], n.out(0), axes)))
	}
	mean := b.statistic(n, 1, "mean", axes)
	normal := b.mul(b.sub(x, mean), inverse)
	return b.add(x, b.normalisationGradient(normal, inverse, b.mul(g[0], n.in(1)), axes))
}

// axesFrom are the axes first, first+1, ... of the shape.
func axesFrom(first int64, shape []int64) []int64 {
	var axes []int64
	for axis := first; axis < int64(len(shape)); axis++ {
		axes = append(axes, axis)
	}
	return axes
}

// statistic is an optional output of LayerNormalization, float32 with length 1
// along the axes, in the type of the input.
func (b *builder) statistic(n *node, output int, hint string, axes []int64) string {
	for len(n.Output) <= output {
		n.Output = append(n.Output, "")
	}
	x := n.in(0)
	if n.Output[output] == "" {
		n.Output[output] = b.name(hint)
		b.shapes[n.Output[output]] = ones(b.shapes[x], axes)
		b.types[n.Output[output]] = float32Type
	}
	return b.cast(n.Output[output], b.types[x])
}

// ones is the shape with length 1 along the axes.
func ones(shape, axes []int64) []int64 {
	shape = slices.Clone(shape)
	for _, axis := range axes {
		shape[axis] = 1
	}
	return shape
}

// normalisationGradient is that of x̂ = (x - mean) · inverse for the cotangent
// h of x̂: inverse · (h - mean(h) - x̂ mean(h x̂)).
func (b *builder) normalisationGradient(normal, inverse, h string, axes []int64) string {
	centred := b.sub(h, b.reduce("ReduceMean", h, axes))
	return b.mul(inverse, b.withoutPart(centred, normal, axes))
}

// withoutPart is h without its part along x̂, h - x̂ mean(h x̂), for a centred h.
func (b *builder) withoutPart(h, normal string, axes []int64) string {
	return b.sub(h, b.mul(normal, b.reduce("ReduceMean", b.mul(h, normal), axes)))
}

// normalised computes x̂ and the inverse of the standard deviation anew.
func (b *builder) normalised(x string, axes []int64, epsilon float64) (normal, inverse string) {
	d := b.sub(x, b.reduce("ReduceMean", x, axes))
	variance := b.reduce("ReduceMean", b.mul(d, d), axes)
	inverse = b.unary("Reciprocal", b.unary("Sqrt", b.plus(variance, b.like(x, epsilon))))
	return b.mul(d, inverse), inverse
}

func instanceNormalization(b *builder, n *node, g []string) error {
	if err := b.onlyFirstActive(n); err != nil {
		return err
	}
	x := n.in(0)
	axes := axesFrom(2, b.shapes[x])
	normal, inverse := b.normalised(x, axes, float64(n.number("epsilon", 1e-5)))
	h := b.mul(g[0], b.perChannel(n.in(1), len(b.shapes[x])))
	return b.add(x, b.normalisationGradient(normal, inverse, h, axes))
}

// perChannel makes a vector broadcast along axis 1 of a value of the rank.
func (b *builder) perChannel(v string, rank int) string {
	shape := make([]int64, rank-1)
	for i := range shape {
		shape[i] = 1
	}
	shape[0] = count(b.shapes[v])
	return b.reshape(v, shape)
}

// groupNormalization normalises the view [N, groups, rest]. Its scale is per
// group in opset 18 and per channel from 21 on.
func groupNormalization(b *builder, n *node, g []string) error {
	if err := b.onlyFirstActive(n); err != nil {
		return err
	}
	x, groups := n.in(0), n.integer("num_groups", 1)
	shape := b.shapes[x]
	if groups < 1 || shape[1]%groups != 0 {
		return fmt.Errorf("num_groups must divide the %d channels, is %d", shape[1], groups)
	}
	view := []int64{shape[0], groups, count(shape) / (shape[0] * groups)}
	var h string
	if b.opset >= 21 {
		h = b.reshape(b.mul(g[0], b.perChannel(n.in(1), len(shape))), view)
	} else {
		h = b.mul(b.reshape(g[0], view), b.perChannel(n.in(1), len(view)))
	}
	normal, inverse := b.normalised(b.reshape(x, view), []int64{2}, float64(n.number("epsilon", 1e-5)))
	return b.add(x, b.reshape(b.normalisationGradient(normal, inverse, h, []int64{2}), shape))
}

// batchNormalization at inference multiplies each channel by a constant.
func batchNormalization(b *builder, n *node, g []string) error {
	if n.integer("training_mode", 0) != 0 {
		return errors.New("must be in inference mode; export the model after eval()")
	}
	scale, err := b.constantOf(n.in(1), "scales")
	if err != nil {
		return err
	}
	variance, err := b.constantOf(n.in(4), "variances")
	if err != nil {
		return err
	}
	if scale.kind != float32Type || variance.kind != float32Type || len(scale.data) != len(variance.data) {
		return errors.New("scales and variances must be float32, one for each channel")
	}
	factors, epsilon := scale.float32s(), float64(n.number("epsilon", 1e-5))
	for i, v := range variance.float32s() {
		factors[i] = float32(float64(factors[i]) / math.Sqrt(float64(v)+epsilon))
	}
	factor := b.constant(float32Tensor(scale.shape, factors))
	return b.add(n.in(0), b.mul(g[0], b.perChannel(factor, len(b.shapes[n.in(0)]))))
}

// localResponse: y = x S^-beta with S = bias + alpha mean(x²) over the window
// of channels, so that dx = g S^-beta - 2 alpha beta x mean(g y / S).
func localResponse(b *builder, n *node, g []string) error {
	x, y, size := n.in(0), n.out(0), n.integer("size", 1)
	if size%2 == 0 {
		return fmt.Errorf("size must be odd, is %d", size)
	}
	alpha, beta := float64(n.number("alpha", 1e-4)), float64(n.number("beta", 0.75))
	s := b.plus(b.scale(b.channelMean(b.mul(x, x), size), alpha), b.like(x, float64(n.number("bias", 1))))
	direct := b.mul(g[0], b.unary("Exp", b.scale(b.unary("Log", s), -beta)))
	shared := b.channelMean(b.div(b.mul(g[0], y), s), size)
	return b.add(x, b.sub(direct, b.mul(b.scale(x, 2*alpha*beta), shared)))
}

// channelMean averages over a window of channels, with zeros beyond the ends.
func (b *builder) channelMean(x string, size int64) string {
	shape := b.shapes[x]
	view := []int64{shape[0], 1, shape[1], count(shape[2:])}
	half := []int64{0, 0, size / 2, 0}
	padded := b.pad(b.reshape(x, view), half, half)
	mean := b.op("AveragePool", []string{padded}, view, attribute{"kernel_shape", []int64{size, 1}}, attribute{"strides", []int64{1, 1}})
	return b.reshape(mean, shape)
}
