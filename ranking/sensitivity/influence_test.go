package sensitivity

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
)

// In y = 3a + b + noise with independent inputs of equal variance, a accounts
// for 9/11 of the variance, b for 1/11.
func TestFirstOrderOfAnAdditiveModel(t *testing.T) {
	const n = 20_000
	random := rand.New(rand.NewPCG(1, 2))
	inputs, y := grid[float64](4, n), make([]float64, n)
	for i := range n {
		for d := range inputs {
			inputs[d][i] = random.Float64()
		}
		y[i] = 3*inputs[0][i] + inputs[1][i] + inputs[2][i]
	}
	for d, want := range []float64{9. / 11, 1. / 11, 1. / 11, 0} {
		near(t, "first order", firstOrder(inputs[d], y), want, 0.02)
	}
}

// What is not monotone counts, too.
func TestFirstOrderOfAParabola(t *testing.T) {
	const n = 10_000
	x, y := make([]float64, n), make([]float64, n)
	for i := range n {
		x[i] = float64(i)/n - 0.5
		y[i] = x[i] * x[i]
	}
	near(t, "first order", firstOrder(x, y), 1, 0.01)
	near(t, "constant y", firstOrder(x, make([]float64, n)), 0, 0)
	near(t, "constant x", firstOrder(make([]float64, n), y), 0, 0)
}

// A dimension in which all are alike moves no rank by itself; one in which
// the models differ most does.
func TestInfluenceFindsTheDimensionThatMatters(t *testing.T) {
	m := matrixOf([][]float64{{3, -1, 0}, {-3, 1, 0}, {0, 0.1, 0}}, 1, 1, 1)
	got := ok[Influence](t)(m.Influence(Uniform(), Simulation{Draws: 5000}))
	s := got.Dimensions
	if !(s[0].FirstOrder > 0.5 && s[1].FirstOrder > s[2].FirstOrder) || got.MeanShift <= 0 {
		t.Errorf("got %+v", got)
	}
}

func TestInfluenceOnPublishedRows(t *testing.T) {
	m := published(t)
	near50, err := Near(m.Weights, 50)
	if err != nil {
		t.Fatal(err)
	}
	wide := ok[Influence](t)(m.Influence(Uniform(), Simulation{Draws: 1000}))
	tight := ok[Influence](t)(m.Influence(near50, Simulation{Draws: 1000}))
	if !(tight.MeanShift < wide.MeanShift && tight.MeanShift > 0) {
		t.Errorf("mean shift near the weights %v, anywhere %v", tight.MeanShift, wide.MeanShift)
	}
	for _, d := range wide.Dimensions {
		if d.FirstOrder < 0 || d.FirstOrder > 1 {
			t.Errorf("%+v", d)
		}
	}
}

func TestInfluenceNeedsDraws(t *testing.T) {
	m := matrixOf([][]float64{{1, 0}, {0, 1}}, 1, 1)
	if _, err := m.Influence(Uniform(), Simulation{Draws: 39}); err == nil || !strings.Contains(err.Error(), "at least 40") {
		t.Errorf("got %v", err)
	}
	impossible := Constrained("impossible", Constraints{High: []float64{0.1, 0.1}})
	if _, err := m.Influence(impossible, Simulation{Draws: 40}); !errors.Is(err, errTooNarrow) {
		t.Errorf("got %v", err)
	}
	if _, err := m.Influence(Uniform(), Simulation{Workers: -1}); err == nil {
		t.Error("no error for fewer than no workers")
	}
}
