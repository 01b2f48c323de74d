package stats_test

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"quba/internal/stats"
)

func near(t *testing.T, what string, got, want []float64) {
	t.Helper()
	equal := func(a, b float64) bool { return math.Abs(a-b) <= 1e-12 || math.IsNaN(a) && math.IsNaN(b) }
	if !slices.EqualFunc(got, want, equal) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func TestAverageRanks(t *testing.T) {
	near(t, "ranks", stats.AverageRanks([]float64{3, 1, 3, 2, 3}), []float64{4, 1, 4, 2, 4})
	near(t, "nothing", stats.AverageRanks(nil), nil)
}

// The mean of the ranks does not depend on ties, and an increasing map of the
// values changes no rank.
func TestAverageRanksProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) float64 { return float64(rapid.IntRange(-5, 5).Draw(t, "value")) }), 1, 30).Draw(t, "values")
		ranks := stats.AverageRanks(values)
		sum, mapped := 0.0, make([]float64, len(values))
		for i, r := range ranks {
			sum += r
			mapped[i] = math.Exp(values[i])
		}
		if n := float64(len(values)); sum != n*(n+1)/2 {
			t.Fatalf("ranks %v of %v sum to %v", ranks, values, sum)
		}
		if !slices.Equal(stats.AverageRanks(mapped), ranks) {
			t.Fatalf("an increasing map changed the ranks of %v", values)
		}
	})
}

func TestKendallTauB(t *testing.T) {
	for _, c := range []struct {
		x, y []float64
		want float64
	}{
		{[]float64{1, 2, 3, 4}, []float64{1, 2, 3, 4}, 1},
		{[]float64{1, 2, 3, 4}, []float64{4, 3, 2, 1}, -1},
		// The example of scipy.stats.kendalltau.
		{[]float64{12, 2, 1, 12, 2}, []float64{1, 4, 7, 1, 0}, -0.4714045207910316},
		{[]float64{1, 1, 1}, []float64{1, 2, 3}, math.NaN()},
	} {
		near(t, "tau", []float64{stats.KendallTauB(c.x, c.y)}, []float64{c.want})
	}
}

// Adjusted by hand: Holm multiplies by 4, 3, 2, 1, Benjamini-Hochberg by 4/1,
// 4/2, 4/3, 4/4, from the smallest on.
func TestAdjustments(t *testing.T) {
	nan := math.NaN()
	p := []float64{0.04, nan, 0.01, 0.03, 0.005}
	near(t, "Holm", stats.Holm(p), []float64{0.06, nan, 0.03, 0.06, 0.02})
	near(t, "Benjamini-Hochberg", stats.BenjaminiHochberg(p), []float64{0.04, nan, 0.02, 0.04, 0.02})
}

// p <= Benjamini-Hochberg <= Holm <= Bonferroni, and no adjustment changes an
// order.
func TestAdjustmentsProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := rapid.SliceOfN(rapid.Float64Range(0, 1), 1, 40).Draw(t, "p")
		holm, bh := stats.Holm(p), stats.BenjaminiHochberg(p)
		for i := range p {
			bonferroni := min(1, p[i]*float64(len(p)))
			const rounding = 1e-12
			if bh[i] < p[i]-rounding || holm[i] < bh[i]-rounding || bonferroni < holm[i]-rounding {
				t.Fatalf("p %v, BH %v, Holm %v, Bonferroni %v", p[i], bh[i], holm[i], bonferroni)
			}
			for j := range p {
				if p[i] < p[j] && (holm[i] > holm[j] || bh[i] > bh[j]+rounding) {
					t.Fatalf("the order of %v and %v changed", p[i], p[j])
				}
			}
		}
	})
}
