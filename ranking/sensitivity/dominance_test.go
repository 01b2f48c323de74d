package sensitivity

import (
	"math"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/optimize/convex/lp"
	"pgregory.net/rapid"
)

func TestRockPaperScissors(t *testing.T) {
	value, w := solveGame([][]float64{{0, -1, 1}, {1, 0, -1}, {-1, 1, 0}})
	near(t, "value", value, 0, 1e-12)
	for _, v := range w {
		near(t, "weight", v, 1./3, 1e-12)
	}
}

func TestGameWithASaddle(t *testing.T) {
	value, w := solveGame([][]float64{{-5, 3}, {2, 4}})
	near(t, "value", value, 2, 1e-12)
	near(t, "weight", w[1], 1, 1e-12)
}

// gameByGonum solves the program of the player who chooses columns.
func gameByGonum(payoff [][]float64) (float64, error) {
	rows, columns := len(payoff), len(payoff[0])
	shift := 1 - minimum(payoff)
	a := mat.NewDense(rows, columns+rows, nil)
	costs, limits, basis := make([]float64, columns+rows), make([]float64, rows), make([]int, rows)
	for r := range rows {
		for c := range columns {
			a.Set(r, c, payoff[r][c]+shift)
			costs[c] = -1
		}
		a.Set(r, columns+r, 1)
		limits[r], basis[r] = 1, columns+r
	}
	sum, _, err := lp.Simplex(costs, a, limits, 1e-12, basis)
	return -1/sum - shift, err
}

func TestGamesHaveTheValueThatGonumFinds(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		columns := rapid.IntRange(1, 30).Draw(rt, "columns")
		thousandths := rapid.Map(rapid.IntRange(-3000, 3000), func(n int) float64 { return float64(n) / 1000 })
		payoff := rapid.SliceOfN(rapid.SliceOfN(thousandths, columns, columns), 1, 9).Draw(rt, "payoff")
		value, w := solveGame(payoff)
		near(rt, "sum", dot(w, slices.Repeat([]float64{1}, len(w))), 1, 1e-12)
		want, err := gameByGonum(payoff)
		if err != nil {
			// gonum gives up on some degenerate programs.
			return
		}
		near(rt, "value", value, want, 1e-8)
	})
}

func TestFrontOfKnownModels(t *testing.T) {
	// The second last lies under the line between the first two: not
	// dominated, but never first. The third lies above the line.
	m := matrixOf([][]float64{{1, 0}, {0, 1}, {0.6, 0.6}, {0.9, 0.02}, {0.5, 0.6}}, 1, 1)
	d := m.Dominance()
	if !slices.Equal(d.Front, []int{0, 1, 2, 3}) || !slices.Equal(d.Winners, []int{0, 1, 2}) {
		t.Errorf("front %v, winners %v", d.Front, d.Winners)
	}
	if by := d.Models[4].DominatedBy; !slices.Equal(by, []int{2}) || d.Models[4].BestLead != nil {
		t.Errorf("got %+v", d.Models[4])
	}
	// Its rivals are the first, 0.6 - w behind, and the last, 0.1 w behind.
	near(t, "lead of the third", *d.Models[2].BestLead, 0.6/11, 1e-12)
	near(t, "its weight", d.Models[2].BestWeights[0], 6./11, 1e-12)
}

func TestModelsAlikeShareTheFront(t *testing.T) {
	d := matrixOf([][]float64{{1, 0}, {1, 0}}, 1, 1).Dominance()
	if !slices.Equal(d.Front, []int{0, 1}) || !slices.Equal(d.Winners, []int{0, 1}) {
		t.Errorf("front %v, winners %v", d.Front, d.Winners)
	}
	alone := matrixOf([][]float64{{1, 0}}, 1, 1).Dominance()
	if !slices.Equal(alone.Winners, []int{0}) {
		t.Errorf("a single model: %+v", alone)
	}
}

func TestDominanceAgreesWithTheWeights(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		m := drawMatrix(rt, 2)
		d := m.Dominance()
		a, err := m.Acceptability(Uniform(), nil, Simulation{Draws: 200})
		if err != nil {
			rt.Fatal(err)
		}
		for i, model := range d.Models {
			winner := slices.Contains(d.Winners, i)
			if winner && !slices.Contains(d.Front, i) {
				rt.Fatalf("%s wins off the front", model.Model)
			}
			if a.Models[i].Ranks[0] > 0 && !winner {
				rt.Fatalf("%s is first in some draws, but no winner: %+v", model.Model, model)
			}
			for _, k := range model.DominatedBy {
				if a.Wins[i][k] > 0 {
					rt.Fatalf("row %d beats row %d, which dominates it", i, k)
				}
			}
			if winner && *model.BestLead > 1e-6 && m.ranksOf(model.BestWeights)[i] != 1 {
				rt.Fatalf("%s is not first at %v", model.Model, model.BestWeights)
			}
		}
	})
}

func TestFrontOfPublishedRows(t *testing.T) {
	m := published(t)
	d := m.Dominance()
	if len(d.Winners) == 0 || len(d.Winners) > len(d.Front) || len(d.Front) == len(m.Models) {
		t.Fatalf("%d winners on a front of %d", len(d.Winners), len(d.Front))
	}
	for _, i := range d.Front {
		model := d.Models[i]
		want, err := gameByGonum(payoffOf(m, i))
		if err == nil {
			near(t, model.Model, *model.BestLead, want, 1e-8)
		}
		if *model.BestLead > 1e-9 && m.ranksOf(model.BestWeights)[i] != 1 {
			t.Errorf("%s leads by %v but is not first", model.Model, *model.BestLead)
		}
		if math.IsNaN(*model.BestLead) {
			t.Errorf("%s: no lead", model.Model)
		}
	}
	t.Logf("%d of %d on the front, %d can be first", len(d.Front), len(m.Models), len(d.Winners))
}

func payoffOf(m Matrix, i int) [][]float64 {
	payoff := make([][]float64, len(m.Dimensions))
	for d := range payoff {
		for k := range m.Z {
			if k != i {
				payoff[d] = append(payoff[d], m.Z[i][d]-m.Z[k][d])
			}
		}
	}
	return payoff
}
