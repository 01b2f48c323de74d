package autodiff

import (
	"math"
	"testing"

	"quba/internal/onnxpb"
)

type nodeProto = onnxpb.NodeProto

// TestFunctions compares slopes with those of the formulas in float64.
func TestFunctions(t *testing.T) {
	initialize(t)
	x := []float32{-2, -0.5, 0.25, 1, 3}
	positive := []float32{0.1, 0.5, 1, 2, 3}
	tests := map[string]struct {
		at   []float32
		want func(x float64) float64
	}{
		"Identity":   {x, func(float64) float64 { return 1 }},
		"Neg":        {x, func(float64) float64 { return -1 }},
		"Abs":        {x, func(x float64) float64 { return math.Copysign(1, x) }},
		"Exp":        {x, math.Exp},
		"Log":        {positive, func(x float64) float64 { return 1 / x }},
		"Reciprocal": {x, func(x float64) float64 { return -1 / (x * x) }},
		"Sqrt":       {positive, func(x float64) float64 { return 0.5 / math.Sqrt(x) }},
		"Sin":        {x, math.Cos},
		"Cos":        {x, func(x float64) float64 { return -math.Sin(x) }},
		"Erf":        {x, func(x float64) float64 { return 2 / math.Sqrt(math.Pi) * math.Exp(-x*x) }},
		"Max":        {x, func(float64) float64 { return 1 }},
		"Min":        {x, func(float64) float64 { return 1 }},
		"Sum":        {x, func(float64) float64 { return 1 }},
		"Mean":       {x, func(float64) float64 { return 1 }},
	}
	for operator, test := range tests {
		t.Run(operator, func(t *testing.T) {
			got := slopes(t, 17, test.at, nil, op(operator, "x", "y"))
			for i, x := range test.at {
				if want := test.want(float64(x)); math.Abs(got[i]-want) > 1e-5*max(1, math.Abs(want)) {
					t.Errorf("slope at %v: got %v, want %v", x, got[i], want)
				}
			}
		})
	}
}

func TestPower(t *testing.T) {
	initialize(t)
	x := []float32{0.3, 0.7, 1.2, 2}
	for _, e := range []float64{0, 0.5, 1, 2, 3, -1.5, 2.5} {
		got := slopes(t, 17, x, map[string]*tensor{"e": scalar(float32Type, e)}, op("Pow", "x e", "y"))
		for i, at := range x {
			if want := e * math.Pow(float64(at), e-1); math.Abs(got[i]-want) > 1e-5*max(1, math.Abs(want)) {
				t.Errorf("x^%v at %v: got %v, want %v", e, at, got[i], want)
			}
		}
	}
}

// TestPowerOfVector raises each column to another power, of another type.
func TestPowerOfVector(t *testing.T) {
	initialize(t)
	got := slopes(t, 17, []float32{3, 3, 3}, map[string]*tensor{"e": int64Tensor([]int64{1, 2, 3})}, op("Pow", "x e", "y"))
	for i, want := range []float64{1, 6, 27} {
		if math.Abs(got[i]-want) > 1e-3 {
			t.Errorf("3^%d: got %v, want %v", i+1, got[i], want)
		}
	}
}

// TestBroadcastOperands lets both operands of different shapes depend on x.
func TestBroadcastOperands(t *testing.T) {
	initialize(t)
	shape := []int64{2, 3, 4}
	for _, operator := range []string{"Add", "Sub", "Mul", "Div", "Max", "Min", "Sum", "Mean"} {
		for _, operands := range []string{"e m", "m e"} {
			t.Run(operator+" "+operands, func(t *testing.T) {
				network{shape: shape, nodes: []*nodeProto{
					op("Exp", "x", "e"),
					op("ReduceMean", "e", "m", attribute{"axes", []int64{1}}),
					op(operator, operands, "z"),
				}}.classified("z", shape).checkSteps(t, normal(1, 24))
			})
		}
	}
}

func TestElementwiseRefuses(t *testing.T) {
	initialize(t)
	shape := []int64{2, 3}
	network{shape: shape, nodes: []*nodeProto{op("Exp", "x", "e"), op("Pow", "e x", "y")}}.
		refusal(t, `operator Pow (node "node_y", output "y"): the exponent must be a constant`)
	network{shape: shape, nodes: []*nodeProto{op("Exp", "x", "e"), op("Max", "e x e", "y")}}.
		refusal(t, "at most two operands")
}
