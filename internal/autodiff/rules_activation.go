package autodiff

import (
	"errors"
	"math"
)

func init() {
	register("Relu", relu)
	register("Clip", clip)
	register("LeakyRelu", leakyRelu)
	register("PRelu", pRelu)
	register("ThresholdedRelu", thresholdedRelu)
	register("Elu", elu)
	register("Selu", selu)
	register("Celu", celu)
	register("Sigmoid", sigmoid)
	register("Tanh", tanh)
	register("HardSigmoid", hardSigmoid)
	register("HardSwish", hardSwish)
	register("Softplus", softplus)
	register("Softsign", softsign)
	register("Mish", mish)
	register("Gelu", gelu)
}

// Rules look at the output where they can: the input stays inside the fused
// convolution then. They are written with Add, Mul and HardSigmoid where that
// is possible, which onnxruntime computes in the blocked layout of its
// convolutions, without reordering.

// relu is 0 at 0, as PyTorch's.
func relu(b *builder, n *node, g []string) error {
	return b.add(n.in(0), b.mul(g[0], b.above(n.out(0), 0)))
}

// clip is 0 at both bounds, as PyTorch's hardtanh and relu6.
func clip(b *builder, n *node, g []string) error {
	y, dx := n.out(0), g[0]
	for i, side := range []func(y string, bound float64) string{b.above, b.below} {
		input := n.in(1 + i)
		if input == "" {
			continue
		}
		bound, err := b.constantOf(input, "bounds")
		if err != nil {
			return err
		}
		v, ok := bound.number()
		if !ok {
			return errors.New("bounds must be single numbers")
		}
		if math.IsInf(v, 0) {
			continue // bounds nothing
		}
		dx = b.mul(dx, side(y, v))
	}
	return b.add(n.in(0), dx)
}

// above is 1 where x is above the bound and 0 elsewhere.
func (b *builder) above(x string, bound float64) string { return b.step(x, "Greater", bound, 1) }

// below is 1 where x is below the bound and 0 elsewhere.
func (b *builder) below(x string, bound float64) string { return b.step(x, "Less", bound, -1) }

// step is a comparison as a number. A HardSigmoid so steep that it has no
// slope among float32 numbers is three times faster than a comparison and a
// Cast: clamp(steep (x - bound), 0, 1). Powers of two keep it exact. Next to 0
// only numbers below the normal ones are on the slope.
func (b *builder) step(x, comparison string, bound, sign float64) string {
	if b.types[x] != float32Type {
		return b.cast(b.compare(comparison, x, b.like(x, bound)), b.types[x])
	}
	const steepest = 128 // the bound times the slope is below 2 to this power
	_, exponent := math.Frexp(max(math.Abs(bound), 1))
	steep := sign * math.Ldexp(1, steepest-exponent)
	return b.unary("HardSigmoid", x, attribute{"alpha", float32(steep)}, attribute{"beta", float32(-steep * float64(float32(bound)))})
}

// complement is 1-x for x in [0, 1].
func (b *builder) complement(x string) string {
	if b.types[x] != float32Type {
		return b.sub(b.like(x, 1), x)
	}
	return b.unary("HardSigmoid", x, attribute{"alpha", float32(-1)}, attribute{"beta", float32(1)})
}

// inside is 1 strictly between the bounds and 0 elsewhere.
func (b *builder) inside(x string, low, high float64) string {
	return b.mul(b.above(x, low), b.below(x, high))
}

func leakyRelu(b *builder, n *node, g []string) error {
	x, alpha := n.in(0), float64(n.number("alpha", 0.01))
	slope := b.plus(b.scale(b.above(x, 0), 1-alpha), b.like(x, alpha))
	return b.add(x, b.mul(g[0], slope))
}

func pRelu(b *builder, n *node, g []string) error {
	if err := b.onlyFirstActive(n); err != nil {
		return err
	}
	x, slope := n.in(0), n.in(1)
	above := b.above(x, 0)
	below := b.complement(above)
	return b.add(x, b.mul(g[0], b.plus(above, b.mul(below, slope))))
}

func thresholdedRelu(b *builder, n *node, g []string) error {
	x := n.in(0)
	return b.add(x, b.mul(g[0], b.above(x, float64(n.number("alpha", 1)))))
}

func elu(b *builder, n *node, g []string) error {
	x := n.in(0)
	return b.add(x, b.mul(g[0], b.eluSlope(x, float64(n.number("alpha", 1)))))
}

func selu(b *builder, n *node, g []string) error {
	const alpha, gamma = 1.67326319217681884765625, 1.05070102214813232421875 // ONNX's defaults
	x := n.in(0)
	slope := b.eluSlope(x, float64(n.number("alpha", alpha)))
	return b.add(x, b.mul(b.scale(g[0], float64(n.number("gamma", gamma))), slope))
}

// eluSlope is 1 above 0, and alpha exp(x) elsewhere.
func (b *builder) eluSlope(x string, alpha float64) string {
	above := b.above(x, 0)
	below := b.complement(above)
	return b.plus(above, b.mul(below, b.scale(b.decay(x), alpha)))
}

// decay is exp(min(x, 0)).
func (b *builder) decay(x string) string {
	return b.unary("Exp", b.elementwise("Min", x, b.like(x, 0)))
}

// celu: exp(x/alpha) below 0, 1 above.
func celu(b *builder, n *node, g []string) error {
	x := n.in(0)
	return b.add(x, b.mul(g[0], b.decay(b.scale(x, 1/float64(n.number("alpha", 1))))))
}

// sigmoid: y' = y(1-y).
func sigmoid(b *builder, n *node, g []string) error {
	y := n.out(0)
	return b.add(n.in(0), b.mul(g[0], b.mul(y, b.complement(y))))
}

// tanh: y' = 1-y².
func tanh(b *builder, n *node, g []string) error {
	y := n.out(0)
	return b.add(n.in(0), b.mul(g[0], b.tanhSlope(y)))
}

func (b *builder) tanhSlope(y string) string { return b.complement(b.mul(y, y)) }

func hardSigmoid(b *builder, n *node, g []string) error {
	y, alpha := n.out(0), float64(n.number("alpha", 0.2))
	return b.add(n.in(0), b.mul(b.scale(g[0], alpha), b.inside(y, 0, 1)))
}

// hardSwish: y = x h, h = max(0, min(1, x/6+1/2)).
func hardSwish(b *builder, n *node, g []string) error {
	x := n.in(0)
	h := b.unary("HardSigmoid", x, attribute{"alpha", float32(1. / 6)}, attribute{"beta", float32(0.5)})
	slope := b.plus(h, b.mul(b.scale(x, 1./6), b.inside(h, 0, 1)))
	return b.add(x, b.mul(g[0], slope))
}

func softplus(b *builder, n *node, g []string) error {
	return b.add(n.in(0), b.mul(g[0], b.unary("Sigmoid", n.in(0))))
}

// softsign: y' = 1/(1+|x|)².
func softsign(b *builder, n *node, g []string) error {
	x := n.in(0)
	d := b.plus(b.unary("Abs", x), b.like(x, 1))
	return b.add(x, b.div(g[0], b.mul(d, d)))
}

// mish: y = x t, t = tanh(softplus(x)).
func mish(b *builder, n *node, g []string) error {
	x := n.in(0)
	t := b.unary("Tanh", b.unary("Softplus", x))
	slope := b.plus(t, b.mul(b.mul(x, b.unary("Sigmoid", x)), b.tanhSlope(t)))
	return b.add(x, b.mul(g[0], slope))
}

func gelu(b *builder, n *node, g []string) error {
	x := n.in(0)
	if n.text("approximate", "none") == "tanh" {
		return b.add(x, b.mul(g[0], b.geluTanhSlope(x)))
	}
	return b.add(x, b.mul(g[0], b.geluSlope(x)))
}

// geluSlope is Phi(x) + x phi(x), of the normal distribution.
func (b *builder) geluSlope(x string) string {
	probability, bell := b.gaussian(x)
	return b.plus(probability, bell())
}

// gaussian is Phi(x) = (1+erf(u))/2 with u = x/√2, and what writes x phi(x) =
// u exp(-u²)/√π when it is wanted.
func (b *builder) gaussian(x string) (probability string, bell func() string) {
	u := b.scale(x, math.Sqrt2/2)
	bell = func() string {
		exponent := b.sub(b.like(u, -math.Log(math.Pi)/2), b.mul(u, u))
		return b.mul(u, b.unary("Exp", exponent))
	}
	return b.midway(b.unary("Erf", u)), bell
}

// midway is (1+x)/2 for x in [-1, 1].
func (b *builder) midway(x string) string {
	if b.types[x] != float32Type {
		return b.scale(b.plus(x, b.like(x, 1)), 0.5)
	}
	return b.unary("HardSigmoid", x, attribute{"alpha", float32(0.5)}, attribute{"beta", float32(0.5)})
}

// geluTanhSlope: y = x(1+t)/2, t = tanh(k(x + 0.044715 x³)), k = sqrt(2/pi).
func (b *builder) geluTanhSlope(x string) string {
	const cubic = 0.044715
	k := math.Sqrt(2 / math.Pi)
	square := b.mul(x, x)
	t := b.unary("Tanh", b.mul(x, b.plus(b.scale(square, k*cubic), b.like(x, k))))
	inner := b.plus(b.scale(square, 3*k*cubic), b.like(x, k))
	rise := b.scale(b.mul(b.mul(x, inner), b.tanhSlope(t)), 0.5)
	return b.plus(b.plus(b.scale(t, 0.5), b.like(x, 0.5)), rise)
}
