package autodiff

import (
	"math"
	"testing"
)

func softmaxOf(logits []float32) []float64 {
	p, sum := make([]float64, len(logits)), 0.0
	for i, z := range logits {
		p[i] = math.Exp(float64(z))
		sum += p[i]
	}
	for i := range p {
		p[i] /= sum
	}
	return p
}

// points include 0 and what lies next to it on both sides, and the bounds that
// the tests use.
var points = []float32{-4, -3, -2.5, -1, -0.3, -1e-30, 0, 1e-30, 0.2, 1, 1.5, 2.9, 3, 3.1, 4, 5.5}

func logistic(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

func step(x, below, above float64) float64 {
	if x > 0 {
		return above
	}
	return below
}

func within(x, low, high float64) float64 {
	if low < x && x < high {
		return 1
	}
	return 0
}

// TestActivations compares slopes with those of the formulas in float64, at
// kinks as well, where PyTorch's choice is wanted.
func TestActivations(t *testing.T) {
	initialize(t)
	bell := func(x float64) float64 { return math.Exp(-x*x/2) / math.Sqrt(2*math.Pi) }
	tests := map[string]struct {
		opset      int64
		attributes []attribute
		want       func(x float64) float64
	}{
		"Relu":            {want: func(x float64) float64 { return step(x, 0, 1) }},
		"LeakyRelu":       {attributes: []attribute{{"alpha", float32(0.25)}}, want: func(x float64) float64 { return step(x, 0.25, 1) }},
		"ThresholdedRelu": {attributes: []attribute{{"alpha", float32(3)}}, want: func(x float64) float64 { return within(x, 3, 9) }},
		"Elu":             {attributes: []attribute{{"alpha", float32(0.5)}}, want: func(x float64) float64 { return step(x, 0.5*math.Exp(x), 1) }},
		"Selu": {want: func(x float64) float64 {
			return 1.0507009873554805 * step(x, 1.6732632423543772*math.Exp(x), 1)
		}},
		"Celu":        {attributes: []attribute{{"alpha", float32(2)}}, want: func(x float64) float64 { return step(x, math.Exp(x/2), 1) }},
		"Sigmoid":     {want: func(x float64) float64 { return logistic(x) * logistic(-x) }},
		"Tanh":        {want: func(x float64) float64 { return 1 - math.Pow(math.Tanh(x), 2) }},
		"HardSigmoid": {attributes: []attribute{{"alpha", float32(0.25)}}, want: func(x float64) float64 { return 0.25 * within(x, -2, 2) }},
		"HardSwish": {want: func(x float64) float64 {
			return step(3-x, 1, step(x+3, 0, (2*x+3)/6))
		}},
		"Softplus": {want: logistic},
		"Softsign": {want: func(x float64) float64 { return 1 / math.Pow(1+math.Abs(x), 2) }},
		"Mish": {opset: 18, want: func(x float64) float64 {
			m := math.Tanh(math.Log1p(math.Exp(x)))
			return m + x*logistic(x)*(1-m*m)
		}},
		"Gelu": {opset: 20, want: func(x float64) float64 { return 0.5*(1+math.Erf(x/math.Sqrt2)) + x*bell(x) }},
	}
	for operator, test := range tests {
		t.Run(operator, func(t *testing.T) {
			// A last Sigmoid would be refused.
			zero := map[string]*tensor{"zero": scalar(float32Type, 0)}
			got := slopes(t, test.opset, points, zero, op(operator, "x", "z", test.attributes...), op("Add", "z zero", "y"))
			nearSlopes(t, got, test.want, 2e-6)
		})
	}
}

func nearSlopes(t *testing.T, got []float64, want func(x float64) float64, tolerance float64) {
	t.Helper()
	for i, x := range points {
		if w := want(float64(x)); !(math.Abs(got[i]-w) <= tolerance) {
			t.Errorf("slope at %v: got %v, want %v", x, got[i], w)
		}
	}
}

// TestGeluTanh compares with the exact GELU, which is near.
func TestGeluTanh(t *testing.T) {
	initialize(t)
	got := slopes(t, 20, points, nil, op("Gelu", "x", "y", attribute{"approximate", "tanh"}))
	exact := slopes(t, 20, points, nil, op("Gelu", "x", "y"))
	for i, x := range points {
		if difference := math.Abs(got[i] - exact[i]); difference > 3e-3 {
			t.Errorf("slope at %v: got %v, the exact one is %v", x, got[i], exact[i])
		}
	}
}

func TestClipBounds(t *testing.T) {
	initialize(t)
	constants := map[string]*tensor{
		"low": scalar(float32Type, -1), "high": scalar(float32Type, 3),
		"lowest": scalar(float32Type, math.Inf(-1)), "highest": scalar(float32Type, math.Inf(1)),
	}
	tests := map[string]struct {
		inputs    string
		low, high float64
	}{
		"both": {"x low high", -1, 3},
		"low":  {"x low", -1, math.Inf(1)},
		"high": {"x - high", math.Inf(-1), 3},
		"none": {"x", math.Inf(-1), math.Inf(1)},
		"all":  {"x lowest highest", math.Inf(-1), math.Inf(1)},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := slopes(t, 17, points, constants, op("Clip", test.inputs, "y"))
			nearSlopes(t, got, func(x float64) float64 { return within(x, test.low, test.high) }, 1e-6)
		})
	}
}

// TestStepIsSharp asks for the neighbours of bounds of all sizes.
func TestStepIsSharp(t *testing.T) {
	initialize(t)
	const smallestNormal = 0x1p-126
	for _, bound := range []float32{0, 1e-3, 1, 6, 127.3, 1e6, -20, -3e30} {
		below, above := math.Nextafter32(bound, float32(math.Inf(-1))), math.Nextafter32(bound, float32(math.Inf(1)))
		if bound == 0 {
			below, above = -smallestNormal, smallestNormal
		}
		infinity := float32(math.Inf(1))
		x := []float32{below, bound, above, -math.MaxFloat32, math.MaxFloat32, -infinity, infinity}
		for i, want := range [][]float32{{0, 0, 1, 0, 1, 0, 1}, {1, 0, 0, 1, 0, 1, 0}} {
			b := newBuilder(&trace{shapes: map[string][]int64{"x": {7}}, types: map[string]elementType{"x": float32Type}, constants: map[string]*tensor{}}, gradientOpset)
			out := []func(string, float64) string{b.above, b.below}[i]("x", float64(bound))
			n := network{shape: []int64{7}, nodes: append(b.nodes, op("Identity", out, "y"))}
			got := n.output(t, x).Data.([]float32)
			near(t, "step", got, want, 0)
		}
	}
}

func TestPReluWithActiveSlope(t *testing.T) {
	initialize(t)
	network{shape: []int64{2, 4}, nodes: []*nodeProto{op("Exp", "x", "slope"), op("PRelu", "x slope", "y")}}.
		refusal(t, `no gradient of operator PRelu (node "node_y", output "y")`)
}
