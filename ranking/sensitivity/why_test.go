package sensitivity

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"quba/ranking"
)

func TestPointsSumToTheScore(t *testing.T) {
	m := published(t)
	for row := range m.Models {
		e := ok[Explanation](t)(m.Why(row))
		sum := 0.0
		for _, c := range e.Dimensions {
			sum += c.Points
		}
		near(t, e.Model, sum, e.Score, 1e-12)
		if (e.Next == nil) != (e.Rank == 1) {
			t.Errorf("rank %d, next %+v", e.Rank, e.Next)
		}
	}
}

// with ranks the published rows anew, with one value of one of them changed.
func with(t *testing.T, model ranking.Model, dimension string, value float64) (rank int) {
	t.Helper()
	c := ranking.Published()
	at := slices.IndexFunc(c.Models, func(m ranking.Model) bool { return m.Source == model.Source })
	values := maps.Clone(c.Models[at].Values)
	values[dimension] = ranking.Value{Value: value}
	c.Models[at].Values = values
	r := rankingOf(t, c, ranking.Options{})
	return 1 + slices.IndexFunc(r.Models, func(m ranking.Ranked) bool { return m.Source == model.Source })
}

// The stated value, and a little more, gains a rank in the ranking itself; a
// little less does not.
func TestToGainGainsARank(t *testing.T) {
	r := rankingOf(t, ranking.Published(), ranking.Options{})
	m := ok[Matrix](t)(New(r))
	for _, row := range []int{1, 40, 320} {
		e := ok[Explanation](t)(m.Why(row))
		for d, c := range e.Dimensions {
			if c.ToGain == nil {
				continue
			}
			more := 1e-9 * m.Units[d]
			if got := with(t, r.Models[row].Model, c.Dimension, *c.ToGain+more); got != e.Rank-1 {
				t.Errorf("%s with %s %v: rank %d, want %d", e.Model, c.Dimension, *c.ToGain, got, e.Rank-1)
			}
			if got := with(t, r.Models[row].Model, c.Dimension, *c.ToGain-more); got != e.Rank {
				t.Errorf("%s with %s below %v: rank %d, want %d", e.Model, c.Dimension, *c.ToGain, got, e.Rank)
			}
		}
	}
}

func TestToGainStaysWithinTheDimension(t *testing.T) {
	m := matrixOf([][]float64{{5, 5, 5}, {0, 0, 0}}, 1, 1, 1)
	m.Values = [][]float64{{0.9, 0.1, 1}, {0.5, 0.5, 1}}
	m.Units, m.Min, m.Max = []float64{0.1, -0.001, 0}, []float64{0, 0, 0}, []float64{1, 1, 1}
	e := ok[Explanation](t)(m.Why(1))
	if e.Dimensions[0].ToGain != nil {
		t.Errorf("an accuracy of %v", *e.Dimensions[0].ToGain)
	}
	if got := e.Dimensions[1].ToGain; got == nil {
		t.Error("no value for the second dimension")
	} else {
		near(t, "lower is better", *got, 0.5-15*0.001, 1e-12)
	}
	if e.Dimensions[2].ToGain != nil {
		t.Errorf("all are alike in the third, but %v would do", *e.Dimensions[2].ToGain)
	}
}

func TestNextIsTheNearestHigherRank(t *testing.T) {
	m := matrixOf([][]float64{{3}, {2}, {2}, {1}, {1}}, 1)
	m.Values, m.Units, m.Min, m.Max = m.Z, []float64{1}, []float64{0}, []float64{9}
	for row, want := range map[int]Next{1: {"m0", 0, 1, 1}, 4: {"m1", 1, 2, 1}} {
		if e := ok[Explanation](t)(m.Why(row)); e.Next == nil || *e.Next != want {
			t.Errorf("row %d: got %+v, want %+v", row, e.Next, want)
		}
	}
}

func TestComparisonSumsToTheDifference(t *testing.T) {
	m := published(t)
	c := ok[Comparison](t)(m.Compare(0, 25))
	sum := 0.0
	for d, difference := range c.Dimensions {
		sum += difference.Points
		near(t, difference.Dimension, difference.ValueA-difference.ValueB, m.Values[0][d]-m.Values[25][d], 0)
	}
	near(t, "difference", sum, c.ScoreA-c.ScoreB, 1e-12)
	if c.RankA != 1 || c.RankB != 26 || c.A != "EVA02-b" {
		t.Errorf("got %s %d, %s %d", c.A, c.RankA, c.B, c.RankB)
	}
}

func TestRowsMustExist(t *testing.T) {
	m := matrixOf([][]float64{{1}, {2}}, 1)
	_, why := m.Why(2)
	_, compare := m.Compare(0, -1)
	for _, err := range []error{why, compare} {
		if err == nil || !strings.Contains(err.Error(), "row must be 0..1") {
			t.Errorf("got %v", err)
		}
	}
}
