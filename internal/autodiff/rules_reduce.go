package autodiff

func init() {
	register("ReduceSum", reduceSum)
	register("ReduceMean", reduceMean)
	register("ReduceSumSquare", reduceSumSquare)
	register("ReduceL1", reduceL1)
	register("ReduceL2", reduceL2)
	register("ReduceLogSumExp", reduceLogSumExp)
	register("ReduceMax", reduceExtreme)
	register("ReduceMin", reduceExtreme)
	register("GlobalAveragePool", globalAveragePool)
	register("GlobalMaxPool", globalMaxPool)
}

// reducedAxes are the axes over which a node reduces, none of them negative.
// They are an input of ReduceSum, and of the others from opset 18 on; no axes
// mean all of them.
func (b *builder) reducedAxes(n *node) ([]int64, error) {
	axes := n.integers("axes")
	if input := n.in(1); input != "" {
		var err error
		if axes, err = b.constantInts(input, "axes"); err != nil {
			return nil, err
		}
	}
	x := n.in(0)
	if len(axes) == 0 && n.integer("noop_with_empty_axes", 0) == 0 {
		return axesFrom(0, b.shapes[x]), nil
	}
	positive := make([]int64, len(axes))
	for i, axis := range axes {
		positive[i] = b.axis(x, axis)
	}
	return positive, nil
}

// kept are the cotangent and the output of a reduction with the reduced axes
// of length 1, so that they broadcast over the input.
func (b *builder) kept(n *node, g string) (cotangent, y string, axes []int64, err error) {
	axes, err = b.reducedAxes(n)
	if err != nil {
		return "", "", nil, err
	}
	shape := ones(b.shapes[n.in(0)], axes)
	return b.reshape(g, shape), b.reshape(n.out(0), shape), axes, nil
}

func reduceSum(b *builder, n *node, g []string) error {
	k, _, _, err := b.kept(n, g[0])
	if err != nil {
		return err
	}
	return b.add(n.in(0), b.expand(k, b.shapes[n.in(0)]))
}

func reduceMean(b *builder, n *node, g []string) error {
	k, _, axes, err := b.kept(n, g[0])
	if err != nil {
		return err
	}
	return b.add(n.in(0), b.evenly(k, n.in(0), axes))
}

// evenly gives each element of x an equal part of the cotangent of their mean.
// It is blocked where the gradient begins with it, after the last
// convolution, and not where it joins another, as in squeeze-and-excitation.
func (b *builder) evenly(g, x string, axes []int64) string {
	many := int64(1)
	for _, axis := range axes {
		many *= b.shapes[x][axis]
	}
	part := b.expand(b.scale(g, 1/float64(many)), b.shapes[x])
	if len(b.cotangents[x]) > 0 {
		return part
	}
	return b.blocked(part)
}

func reduceSumSquare(b *builder, n *node, g []string) error {
	k, _, _, err := b.kept(n, g[0])
	if err != nil {
		return err
	}
	return b.add(n.in(0), b.mul(n.in(0), b.scale(k, 2)))
}

func reduceL1(b *builder, n *node, g []string) error {
	k, _, _, err := b.kept(n, g[0])
	if err != nil {
		return err
	}
	return b.add(n.in(0), b.mul(b.unary("Sign", n.in(0)), k))
}

// reduceL2: x/y, and 0 where all x are 0, as in PyTorch.
func reduceL2(b *builder, n *node, g []string) error {
	const least = 1e-30 // of which the inverse is finite
	k, y, _, err := b.kept(n, g[0])
	if err != nil {
		return err
	}
	return b.add(n.in(0), b.mul(n.in(0), b.div(k, b.elementwise("Max", y, b.like(y, least)))))
}

// reduceLogSumExp: exp(x-y).
func reduceLogSumExp(b *builder, n *node, g []string) error {
	k, y, _, err := b.kept(n, g[0])
	if err != nil {
		return err
	}
	return b.add(n.in(0), b.mul(b.unary("Exp", b.sub(n.in(0), y)), k))
}

// reduceExtreme shares the cotangent among equal maxima, as torch.amax does.
func reduceExtreme(b *builder, n *node, g []string) error {
	k, y, axes, err := b.kept(n, g[0])
	if err != nil {
		return err
	}
	return b.add(n.in(0), b.share(n.in(0), y, k, axes))
}

func (b *builder) share(x, y, g string, axes []int64) string {
	equal := b.cast(b.compare("Equal", x, y), b.types[x])
	return b.mul(equal, b.div(g, b.reduce("ReduceSum", equal, axes)))
}

func globalAveragePool(b *builder, n *node, g []string) error {
	return b.add(n.in(0), b.evenly(g[0], n.in(0), axesFrom(2, b.shapes[n.in(0)])))
}

func globalMaxPool(b *builder, n *node, g []string) error {
	x := n.in(0)
	return b.add(x, b.share(x, n.out(0), g[0], axesFrom(2, b.shapes[x])))
}
