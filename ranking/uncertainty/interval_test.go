package uncertainty

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"
)

func near(a, b float64) bool { return math.Abs(a-b) <= 1e-9 }

// TestBCa compares with the formulas of Efron (1987) computed in Python.
func TestBCa(t *testing.T) {
	var draws, jackknife []float64
	for i := range 999 {
		draws = append(draws, math.Exp(0.5*distuv.UnitNormal.Quantile((float64(i)+0.5)/999)))
	}
	for i := range 20 {
		x := float64((i*7)%13 - 3)
		jackknife = append(jackknife, 1+0.01*x*x)
	}
	got := bcaBounds(0.95, draws, jackknife, 0.025)
	if a := acceleration(jackknife); !near(a, -0.0504280886288) {
		t.Errorf("acceleration %v", a)
	}
	if !near(got.Low, 0.297337031745) || !near(got.High, 2.22686662633) {
		t.Errorf("got %+v", got)
	}
	percentile := intervalOf(0.95, draws, jackknife, 0.95).Percentile
	if !near(percentile.Low, 0.373782003482) || !near(percentile.High, 2.67535619876) {
		t.Errorf("percentile %+v", percentile)
	}
	if bcaBounds(0.01, draws, jackknife, 0.025) != nil {
		t.Error("all draws are above the value, yet there are bounds")
	}
}

// TestShiftedDraws: draws that lie beside the value give an interval around it.
func TestShiftedDraws(t *testing.T) {
	var draws []float64
	for i := range 999 {
		draws = append(draws, 1.5+0.1*distuv.UnitNormal.Quantile((float64(i)+0.5)/999))
	}
	i := intervalOf(1, draws, nil, 0.95)
	if i.Method != Centred || !near(i.BiasCorrected, 0.5) {
		t.Errorf("got %+v", i)
	}
	if math.Abs(i.Low-0.804) > 0.002 || math.Abs(i.High-1.196) > 0.002 {
		t.Errorf("%v..%v is not 1 ± 1.96 * 0.1", i.Low, i.High)
	}
}

func TestUndefinedDraws(t *testing.T) {
	i := intervalOf(1, []float64{0.5, math.NaN(), 1.5, 1, math.NaN()}, nil, 0.95)
	if i.Undefined != 2 || i.Percentile.Low != 0.5 || i.Percentile.High != 1.5 {
		t.Errorf("got %+v", i)
	}
	for name, draws := range map[string][]float64{"none": {math.NaN(), 1}, "equal": {2, 2, 2}} {
		if i := intervalOf(1, draws, nil, 0.95); i.Method != None || i.Low != 1 || i.High != 1 || i.Reason == "" {
			t.Errorf("%s: got %+v", name, i)
		}
	}
}

// TestWilson has values of the formula computed in Python.
func TestWilson(t *testing.T) {
	tests := []struct {
		proportion float64
		n          int64
		low, high  float64
	}{
		{0.8, 10, 0.490162471537, 0.943317848546},
		{0, 20, 0, 0.161125158053},
		{0.892, 500, 0.861745326715, 0.916277190363},
	}
	for _, test := range tests {
		if got := wilsonBounds(test.proportion, test.n, 0.95); !near(got.Low, test.low) || !near(got.High, test.high) {
			t.Errorf("%v of %d: got %v", test.proportion, test.n, got)
		}
	}
}

func TestQuantile(t *testing.T) {
	values := []float64{1, 2, 3, 4}
	for p, want := range map[float64]float64{0: 1, 0.2: 1, 0.5: 2.5, 0.7: 3.5, 1: 4} {
		if got := quantile(values, p); !near(got, want) {
			t.Errorf("quantile %v: got %v, want %v", p, got, want)
		}
	}
}

func TestExactMcNemar(t *testing.T) {
	for counts, want := range map[[2]int64]float64{
		{1, 9}: 0.021484375, {9, 1}: 0.021484375, {0, 0}: 1, {5, 5}: 1, {0, 1}: 1, {20, 45}: 0.00262637681068,
	} {
		if got := exactMcNemar(counts[0], counts[1]); !near(got, want) {
			t.Errorf("%v: got %v, want %v", counts, got, want)
		}
	}
}

func TestDifferenceOf(t *testing.T) {
	var draws []float64
	for i := range 99 {
		draws = append(draws, 1+distuv.UnitNormal.Quantile((float64(i)+0.5)/99))
	}
	// 31 of the 99 are as far from 1 as 1 is from 0.
	far := 0
	for _, v := range draws {
		if math.Abs(v-1) >= 1 {
			far++
		}
	}
	if got := differenceOf(1, draws, nil, 0.95); !near(got.P, float64(far+1)/100) {
		t.Errorf("p = %v, %d of 99 draws are as far", got.P, far)
	}
	for _, value := range []float64{0, 1} {
		if got := differenceOf(value, slices.Repeat([]float64{value}, 99), nil, 0.95); got.P != 1 {
			t.Errorf("a difference of %v that no draw moves: p = %v", value, got.P)
		}
	}
	if got := differenceOf(10, draws, nil, 0.95); !near(got.P, 0.01) {
		t.Errorf("beyond all draws: p = %v", got.P)
	}
}

// TestDetectable: differences of that size are found in 4 of 5 samples.
func TestDetectable(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	draws := make([]float64, 1999)
	for b := range draws {
		draws[b] = random.NormFloat64()
	}
	truth := differenceOf(0, draws, nil, 0.95).Detectable
	if math.Abs(truth-2.8016) > 0.1 {
		t.Errorf("got %v, want 2.80 standard errors", truth)
	}
	const samples = 500
	found := 0
	for range samples {
		value := truth + random.NormFloat64()
		around := make([]float64, len(draws))
		for b, v := range draws {
			around[b] = value + v
		}
		if differenceOf(value, around, nil, 0.95).P <= 0.05 {
			found++
		}
	}
	if share := float64(found) / samples; math.Abs(share-0.8) > 0.05 {
		t.Errorf("found in %v of the samples, want 0.8", share)
	}
}
