package record

import (
	"math"
	"math/big"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// exactSoftmax computes softmax with 200 bits: exp by its series after
// halving the argument, independent of math.Exp.
func exactSoftmax(output []float32) []*big.Float {
	const bits = 200
	highest := slices.Max(output)
	terms := make([]*big.Float, len(output))
	sum := new(big.Float).SetPrec(bits)
	for i, v := range output {
		x := new(big.Float).SetPrec(bits).SetFloat64(float64(v))
		x.Sub(x, new(big.Float).SetFloat64(float64(highest)))
		terms[i] = exactExp(x, bits)
		sum.Add(sum, terms[i])
	}
	for _, term := range terms {
		term.Quo(term, sum)
	}
	return terms
}

func exactExp(x *big.Float, bits uint) *big.Float {
	if x.Cmp(big.NewFloat(-1000)) < 0 {
		return new(big.Float) // far below the least float32, exp(-104)
	}
	const halvings = 20
	small := new(big.Float).SetPrec(bits).SetMantExp(x, -halvings)
	sum := new(big.Float).SetPrec(bits).SetInt64(1)
	term := new(big.Float).SetPrec(bits).SetInt64(1)
	for n := int64(1); n < 60; n++ {
		term.Mul(term, small)
		term.Quo(term, new(big.Float).SetPrec(bits).SetInt64(n))
		sum.Add(sum, term)
	}
	for range halvings {
		sum.Mul(sum, sum)
	}
	return sum
}

// ulp is the distance of float32 numbers near v, which is positive.
func ulp(v float64) float64 {
	return math.Max(math.SmallestNonzeroFloat32, math.Ldexp(1, math.Ilogb(v)-23))
}

func checkSoftmax(t interface{ Fatalf(string, ...any) }, output []float32) {
	probs := make([]float32, len(output))
	Predict(output, Logits, NoClass, probs)
	for i, exact := range exactSoftmax(output) {
		want, _ := exact.Float64()
		if want == 0 {
			want = math.SmallestNonzeroFloat64
		}
		if d := math.Abs(float64(probs[i]) - want); d > 0.5001*ulp(want) {
			t.Fatalf("p[%d] of %v is %g, must be %g", i, output, probs[i], want)
		}
	}
}

func TestSoftmaxIsRoundedOnce(t *testing.T) {
	values := rapid.SliceOfN(rapid.Float32Range(-120, 120), 1, 12)
	rapid.Check(t, func(t *rapid.T) { checkSoftmax(t, values.Draw(t, "output")) })
}

func TestSoftmaxOfExtremes(t *testing.T) {
	for _, output := range [][]float32{
		{0},
		{3, 3, 3},
		{0, -87, -88, -100, -103, -103.9, -104, -200},
		{1e30, 0, -1e30},
		{math.MaxFloat32, -math.MaxFloat32},
		{60, 60, -20, -40},
	} {
		checkSoftmax(t, output)
	}
}

func TestSoftmaxUnderflowsGradually(t *testing.T) {
	probs := make([]float32, 2)
	Predict([]float32{0, -100}, Logits, 1, probs)
	const smallestNormal = 0x1p-126
	if probs[1] <= 0 || probs[1] >= smallestNormal {
		t.Errorf("exp(-100) is %g, must be a subnormal", probs[1])
	}
}

func TestPredict(t *testing.T) {
	for name, c := range map[string]struct {
		output []float32
		kind   Output
		label  int32
		want   Prediction
	}{
		"first of equals wins":      {[]float32{1, 2, 2}, Logits, 2, Prediction{Top1: 1, TrueRank: 1}},
		"label is the first equal":  {[]float32{1, 2, 2}, Logits, 1, Prediction{Top1: 1, TrueRank: 0, Correct: true}},
		"all equal":                 {[]float32{5, 5, 5}, Logits, 2, Prediction{Top1: 0, TrueRank: 2}},
		"worst":                     {[]float32{4, 3, 2, 1}, Logits, 3, Prediction{Top1: 0, TrueRank: 3}},
		"no label":                  {[]float32{4, 5}, Logits, NoClass, Prediction{Top1: 1, TrueRank: -1}},
		"label beyond the output":   {[]float32{4, 5}, Logits, 2, Prediction{Top1: 1, TrueRank: -1}},
		"probabilities":             {[]float32{0.25, 0.75}, Probabilities, 1, Prediction{Top1: 1, TrueRank: 0, Correct: true}},
		"equal after softmax only":  {[]float32{0, 1e-9}, Logits, 0, Prediction{Top1: 1, TrueRank: 1}},
		"probability of label is 0": {[]float32{0, 1}, Probabilities, 0, Prediction{Top1: 1, TrueRank: 1}},
	} {
		got := Predict(c.output, c.kind, c.label, make([]float32, len(c.output)))
		if got.Top1 != c.want.Top1 || got.TrueRank != c.want.TrueRank || got.Correct != c.want.Correct {
			t.Errorf("%s: got %+v, want %+v", name, got, c.want)
		}
	}
}

func TestConfidenceAndLoss(t *testing.T) {
	// softmax(0, ln 3) = (1/4, 3/4)
	logits := []float32{0, float32(math.Log(3))}
	for name, c := range map[string]struct {
		output                  []float32
		kind                    Output
		label                   int32
		confidence, pTrue, loss float64
	}{
		"logits":         {logits, Logits, 0, 0.75, 0.25, math.Log(4)},
		"probabilities":  {[]float32{0.25, 0.75}, Probabilities, 0, 0.75, 0.25, math.Log(4)},
		"no label":       {logits, Logits, NoClass, 0.75, 0, 0},
		"unlikely label": {[]float32{0, 1000}, Logits, 0, 1, 0, 1000},
		"impossible":     {[]float32{0, 1}, Probabilities, 0, 1, 0, 149 * math.Ln2},
		"certain":        {[]float32{0, 1}, Probabilities, 1, 1, 1, 0},
	} {
		p := Predict(c.output, c.kind, c.label, make([]float32, 2))
		got := []float32{p.Confidence, p.PTrue, p.Loss}
		for i, want := range []float64{c.confidence, c.pTrue, c.loss} {
			if math.Abs(float64(got[i])-want) > 1e-6*math.Max(1, want) {
				t.Errorf("%s: confidence, p_true, loss are %v, want %v %v %v", name, got, c.confidence, c.pTrue, c.loss)
				break
			}
		}
	}
}

func TestProbabilitiesAreNotNormalisedAgain(t *testing.T) {
	output := []float32{0.1, 0.2, 0.6}
	probs := make([]float32, 3)
	Predict(output, Probabilities, 0, probs)
	if !slices.Equal(output, probs) {
		t.Errorf("%v became %v", output, probs)
	}
}

func TestRankIsThePlaceInAStableSort(t *testing.T) {
	values := rapid.SliceOfN(rapid.SampledFrom([]float32{0, 1, 2, 3}), 1, 8)
	rapid.Check(t, func(t *rapid.T) {
		output := values.Draw(t, "output")
		label := rapid.IntRange(0, len(output)-1).Draw(t, "label")
		order := make([]int, len(output))
		for i := range order {
			order[i] = i
		}
		slices.SortStableFunc(order, func(a, b int) int { return int(output[b] - output[a]) })
		p := Predict(output, Logits, int32(label), make([]float32, len(output)))
		if want := slices.Index(order, label); int(p.TrueRank) != want || int(p.Top1) != order[0] || p.Correct != (want == 0) {
			t.Fatalf("label %d of %v: %+v, want rank %d", label, output, p, want)
		}
		if p.Loss < 0 {
			t.Fatalf("loss is %g", p.Loss)
		}
	})
}
