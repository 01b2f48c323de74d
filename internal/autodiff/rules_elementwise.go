package autodiff

import (
	"errors"
	"math"
)

func init() {
	register("Identity", identity)
	register("Cast", castBack)
	register("Add", sum)
	register("Sum", sum)
	register("Mean", mean)
	register("Sub", difference)
	register("Mul", product)
	register("Div", quotient)
	register("Neg", negative)
	register("Abs", absolute)
	register("Exp", exponential)
	register("Log", logarithm)
	register("Reciprocal", reciprocal)
	register("Sqrt", squareRoot)
	register("Pow", power)
	register("Sin", sine)
	register("Cos", cosine)
	register("Erf", errorFunction)
	register("Max", maximum)
	register("Min", minimum)
	register("Where", where)
}

// to adds a cotangent of the broadcast shape to an operand of its own shape.
func (b *builder) to(operand, g string) error {
	return b.add(operand, b.unbroadcast(g, b.shapes[operand]))
}

func identity(b *builder, n *node, g []string) error { return b.add(n.in(0), g[0]) }

func castBack(b *builder, n *node, g []string) error {
	return b.add(n.in(0), b.cast(g[0], b.types[n.in(0)]))
}

func sum(b *builder, n *node, g []string) error {
	for _, x := range n.Input {
		if !b.active[x] {
			continue
		}
		if err := b.to(x, g[0]); err != nil {
			return err
		}
	}
	return nil
}

func mean(b *builder, n *node, g []string) error {
	return sum(b, n, []string{b.scale(g[0], 1/float64(len(n.Input)))})
}

func difference(b *builder, n *node, g []string) error {
	x, y := n.in(0), n.in(1)
	if b.active[x] {
		if err := b.to(x, g[0]); err != nil {
			return err
		}
	}
	if !b.active[y] {
		return nil
	}
	return b.to(y, b.unary("Neg", g[0]))
}

func product(b *builder, n *node, g []string) error {
	x, y := n.in(0), n.in(1)
	if b.active[x] {
		if err := b.to(x, b.mul(g[0], y)); err != nil {
			return err
		}
	}
	if !b.active[y] {
		return nil
	}
	return b.to(y, b.mul(g[0], x))
}

func quotient(b *builder, n *node, g []string) error {
	x, y := n.in(0), n.in(1)
	if b.active[x] {
		if err := b.to(x, b.over(g[0], y)); err != nil {
			return err
		}
	}
	if !b.active[y] {
		return nil
	}
	return b.to(y, b.unary("Neg", b.div(b.mul(g[0], n.out(0)), y)))
}

// over divides; by a constant it multiplies with the inverse, which is faster.
func (b *builder) over(g, y string) string {
	t := b.constants[y]
	if t == nil || t.kind != float32Type {
		return b.div(g, y)
	}
	v := t.float32s()
	for i := range v {
		v[i] = 1 / v[i]
	}
	return b.mul(g, b.constant(float32Tensor(t.shape, v)))
}

func negative(b *builder, n *node, g []string) error {
	return b.add(n.in(0), b.unary("Neg", g[0]))
}

func absolute(b *builder, n *node, g []string) error {
	return b.add(n.in(0), b.mul(g[0], b.unary("Sign", n.in(0))))
}

func exponential(b *builder, n *node, g []string) error {
	return b.add(n.in(0), b.mul(g[0], n.out(0)))
}

func logarithm(b *builder, n *node, g []string) error {
	return b.add(n.in(0), b.div(g[0], n.in(0)))
}

// reciprocal: y = 1/x, y' = -y².
func reciprocal(b *builder, n *node, g []string) error {
	y := n.out(0)
	return b.add(n.in(0), b.unary("Neg", b.mul(b.mul(g[0], y), y)))
}

// squareRoot is infinite at 0, as in PyTorch.
func squareRoot(b *builder, n *node, g []string) error {
	return b.add(n.in(0), b.div(b.scale(g[0], 0.5), n.out(0)))
}

// scale multiplies by a number.
func (b *builder) scale(x string, by float64) string {
	if by == 1 {
		return x
	}
	return b.mul(x, b.like(x, by))
}

// power takes constant exponents only: that of the input has no gradient at
// negative numbers.
func power(b *builder, n *node, g []string) error {
	x, e := n.in(0), n.in(1)
	if b.active[e] {
		return errors.New("the exponent must be a constant")
	}
	if !b.active[x] {
		return nil
	}
	t := b.constants[e]
	if t == nil {
		return errors.New("the exponent must be a constant")
	}
	if v, ok := t.number(); ok {
		return b.to(x, b.powerOf(g[0], x, n.out(0), v))
	}
	e = b.cast(e, b.types[x])
	return b.to(x, b.mul(g[0], b.mul(e, b.elementwise("Pow", x, b.sub(e, b.like(x, 1))))))
}

// powerOf is the gradient of y = x^e; the common exponents are done without
// Pow, which is slow.
func (b *builder) powerOf(g, x, y string, e float64) string {
	switch e {
	case 0:
		return b.scale(g, 0)
	case 1:
		return g
	case 2:
		return b.mul(b.scale(g, 2), x)
	case 3:
		return b.mul(b.scale(g, 3), b.mul(x, x))
	case 0.5:
		return b.div(b.scale(g, 0.5), y)
	}
	return b.mul(b.scale(g, e), b.elementwise("Pow", x, b.like(x, e-1)))
}

func sine(b *builder, n *node, g []string) error {
	return b.add(n.in(0), b.mul(g[0], b.unary("Cos", n.in(0))))
}

func cosine(b *builder, n *node, g []string) error {
	return b.add(n.in(0), b.unary("Neg", b.mul(g[0], b.unary("Sin", n.in(0)))))
}

// errorFunction: erf'(x) = 2/sqrt(pi) exp(-x²).
func errorFunction(b *builder, n *node, g []string) error {
	x := n.in(0)
	bell := b.unary("Exp", b.unary("Neg", b.mul(x, x)))
	return b.add(x, b.mul(b.scale(g[0], 2/math.Sqrt(math.Pi)), bell))
}

func maximum(b *builder, n *node, g []string) error { return b.extreme(n, g[0], "Greater") }
func minimum(b *builder, n *node, g []string) error { return b.extreme(n, g[0], "Less") }

// extreme gives the cotangent to the operand that wins strictly.
func (b *builder) extreme(n *node, g, wins string) error {
	switch len(n.Input) {
	case 1:
		return b.add(n.in(0), g)
	case 2:
	default:
		return errors.New("there must be at most two operands")
	}
	for i, x := range n.Input {
		if !b.active[x] {
			continue
		}
		if err := b.to(x, b.mask(b.compare(wins, x, n.in(1-i)), g)); err != nil {
			return err
		}
	}
	return nil
}

func where(b *builder, n *node, g []string) error {
	condition, x, y := n.in(0), n.in(1), n.in(2)
	if b.active[x] {
		if err := b.to(x, b.mask(condition, g[0])); err != nil {
			return err
		}
	}
	if !b.active[y] {
		return nil
	}
	return b.to(y, b.mask(b.unary("Not", condition), g[0]))
}
