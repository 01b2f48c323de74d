package sensitivity

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/stat"
)

// sample draws weights by a law: dimensions x draws.
func sample(t *testing.T, law Law, dimensions, draws int) [][]float64 {
	t.Helper()
	columns := grid[float64](dimensions, draws)
	w := make([]float64, dimensions)
	s := Simulation{Seed: 1}
	for draw := range draws {
		if err := s.weightsOf(draw, law, w); err != nil {
			t.Fatal(err)
		}
		total := 0.0
		for d, v := range w {
			if v < 0 {
				t.Fatalf("draw %d: weight %v", draw, v)
			}
			columns[d][draw] = v
			total += v
		}
		near(t, "sum", total, 1, 1e-12)
	}
	return columns
}

// The moments of a Dirichlet distribution: E = a/A, V = a(A-a)/(A²(A+1)).
func TestLawsHaveTheMomentsOfTheDirichlet(t *testing.T) {
	const draws = 40_000
	given := []float64{1. / 2, 1. / 3, 1. / 6, 0}
	tight, err := Near(given, 50)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		law   Law
		alpha []float64
	}{{Uniform(), []float64{1, 1, 1, 1}}, {tight, []float64{25, 50. / 3, 25. / 3, 0}}} {
		total := 0.0
		for _, a := range c.alpha {
			total += a
		}
		for d, column := range sample(t, c.law, len(c.alpha), draws) {
			a := c.alpha[d]
			variance := a * (total - a) / (total * total * (total + 1))
			mean, got := stat.MeanVariance(column, nil)
			near(t, c.law.Name+" mean", mean, a/total, 5*math.Sqrt(variance/draws))
			near(t, c.law.Name+" variance", got, variance, 0.05*variance)
		}
	}
}

// The mean of uniform weights in a known order are the rank-order centroid
// weights (Barron 1992).
func TestConstrainedDrawsInOrder(t *testing.T) {
	given := []float64{0.2, 0.5, 0.3}
	columns := sample(t, Constrained("order", InOrderOf(given)), 3, 20_000)
	for d, want := range []float64{1. / 9, 11. / 18, 5. / 18} {
		near(t, "mean", stat.Mean(columns[d], nil), want, 0.005)
	}
	for draw := range columns[0] {
		if columns[1][draw] < columns[2][draw] || columns[2][draw] < columns[0][draw] {
			t.Fatalf("draw %d is out of order", draw)
		}
	}
}

func TestEqualWeightsAreFreeAmongThemselves(t *testing.T) {
	if c := InOrderOf([]float64{0.4, 0.4, 0.2}); !slices.Equal(c.AtLeast, [][2]int{{0, 2}, {1, 2}}) {
		t.Errorf("got %v", c.AtLeast)
	}
}

func TestConstrainedDrawsWithinBounds(t *testing.T) {
	bounds := Constraints{Low: []float64{0.2, 0, 0}, High: []float64{0.6, 0.5, 1}}
	for d, column := range sample(t, Constrained("bounds", bounds), 3, 500) {
		if slices.Min(column) < bounds.Low[d] || slices.Max(column) > bounds.High[d] {
			t.Errorf("weight %d ranges over %v..%v", d, slices.Min(column), slices.Max(column))
		}
	}
}

func TestConstraintsThatNothingMeetsAreRefused(t *testing.T) {
	law := Constrained("impossible", Constraints{High: []float64{0.1, 0.1, 0.1}})
	m := matrixOf([][]float64{{1, 0, 0}, {0, 1, 0}}, 1, 1, 1)
	_, err := m.Acceptability(law, nil, Simulation{Draws: 10})
	if !errors.Is(err, errTooNarrow) || !strings.Contains(err.Error(), `law "impossible"`) {
		t.Errorf("got %v", err)
	}
}

func TestNearRefusesKappa(t *testing.T) {
	for _, kappa := range []float64{0, 0.5, -1, math.NaN(), math.Inf(1)} {
		if _, err := Near([]float64{1}, kappa); err == nil {
			t.Errorf("no error for %v", kappa)
		}
	}
}

func TestDrawsDependOnSeedAndNumber(t *testing.T) {
	seen := map[uint64]bool{}
	for seed := range uint64(20) {
		for draw := range 20 {
			seen[Simulation{Seed: seed}.random(draw).Uint64()] = true
		}
	}
	if len(seen) != 400 {
		t.Errorf("%d different first numbers of 400", len(seen))
	}
}
