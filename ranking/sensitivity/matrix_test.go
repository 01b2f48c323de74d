package sensitivity

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"quba/metrics"
	"quba/ranking"
)

// reporter is a test, of rapid or not.
type reporter interface {
	Helper()
	Errorf(format string, args ...any)
}

func near(t reporter, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance) {
		t.Errorf("%s: got %v, want %v within %v", what, got, want, tolerance)
	}
}

// ok ends the test on an error.
func ok[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func rankingOf(t testing.TB, c ranking.Cohort, o ranking.Options) ranking.Ranking {
	t.Helper()
	return ok[ranking.Ranking](t)(ranking.QUBA(c, o))
}

// published is the matrix of the 326 rows of the paper, best first.
func published(t testing.TB) Matrix {
	t.Helper()
	return ok[Matrix](t)(New(rankingOf(t, ranking.Published(), ranking.Options{})))
}

// matrixOf is a matrix of scores alone.
func matrixOf(z [][]float64, w ...float64) Matrix {
	m := Matrix{Z: z, Weights: slices.Clone(w)}
	for i := range z {
		m.Models = append(m.Models, fmt.Sprintf("m%d", i))
	}
	for d := range w {
		m.Dimensions = append(m.Dimensions, fmt.Sprintf("d%d", d))
	}
	normalise(m.Weights)
	return m
}

// drawMatrix draws scores with ties in them and weights above 0. Scores are
// thousandths: those that differ by about the tolerance of ties are another
// matter.
func drawMatrix(t *rapid.T, least int) Matrix {
	dimensions := rapid.IntRange(2, 6).Draw(t, "dimensions")
	thousandths := func(n int) float64 { return float64(n) / 1000 }
	cell := rapid.OneOf(rapid.Map(rapid.IntRange(-2000, 2000), thousandths), rapid.Map(rapid.IntRange(-2, 2), func(n int) float64 { return float64(n) }))
	z := rapid.SliceOfN(rapid.SliceOfN(cell, dimensions, dimensions), least, 8).Draw(t, "z")
	return matrixOf(z, rapid.SliceOfN(rapid.Float64Range(0.01, 1), dimensions, dimensions).Draw(t, "weights")...)
}

func TestMatrixScoresAsTheRanking(t *testing.T) {
	for _, n := range []ranking.Normalization{ranking.Paper, ranking.InCohort} {
		r := rankingOf(t, ranking.Published(), ranking.Options{Normalization: n})
		m := ok[Matrix](t)(New(r))
		ranks := m.ranksOf(m.Weights)
		for i, model := range r.Models {
			near(t, model.Name, dot(m.Z[i], m.Weights), model.QUBA, 1e-12)
			if !model.Tied && ranks[i] != model.Rank {
				t.Errorf("%s: rank %d, want %d", model.Name, ranks[i], model.Rank)
			}
		}
	}
}

func TestUnitsTurnScoresIntoValues(t *testing.T) {
	for _, n := range []ranking.Normalization{ranking.Paper, ranking.InCohort} {
		m := ok[Matrix](t)(New(rankingOf(t, ranking.Published(), ranking.Options{Normalization: n})))
		for d, name := range m.Dimensions {
			near(t, name, m.Units[d]*(m.Z[0][d]-m.Z[7][d]), m.Values[0][d]-m.Values[7][d], 1e-9)
			lower := name == "parameters" || name == "calibration_error"
			if lower != (m.Units[d] < 0) {
				t.Errorf("%s: unit %v", name, m.Units[d])
			}
		}
	}
}

func TestUnitIsZeroWhereAllAreAlike(t *testing.T) {
	var c ranking.Cohort
	for i := range 3 {
		m := ranking.Model{Name: fmt.Sprint(i), Values: map[string]ranking.Value{}}
		for _, d := range ranking.Dimensions() {
			m.Values[d.Name] = ranking.Value{Value: 0.1}
		}
		m.Values["accuracy"] = ranking.Value{Value: float64(i) / 10}
		c.Models = append(c.Models, m)
	}
	m := ok[Matrix](t)(New(rankingOf(t, c, ranking.Options{Normalization: ranking.InCohort})))
	near(t, "accuracy", m.Units[0], 0.1, 1e-12)
	near(t, "class balance", m.Units[5], 0, 0)
}

func TestNewLeavesOutWhatHasNoScore(t *testing.T) {
	c := ranking.Published()
	c.Models = append(c.Models[:2:2], ranking.Model{Name: "partial", Values: map[string]ranking.Value{"accuracy": {Value: 1}}})
	if m := ok[Matrix](t)(New(rankingOf(t, c, ranking.Options{}))); len(m.Models) != 2 {
		t.Errorf("got %v", m.Models)
	}
	c.Models = c.Models[2:]
	if _, err := New(rankingOf(t, c, ranking.Options{})); err == nil || !strings.Contains(err.Error(), "no model has a score") {
		t.Errorf("got %v", err)
	}
	wide := ranking.Ranking{Used: make([]ranking.Dimension, maxDimensions+1)}
	if _, err := New(wide); err == nil || !strings.Contains(err.Error(), "at most 16 dimensions") {
		t.Errorf("got %v", err)
	}
}

func TestRowFindsOneModel(t *testing.T) {
	m := Matrix{Models: []string{"ResNet50", "ViT", "ViT"}}
	if row := ok[int](t)(m.Row("ResNet50")); row != 0 {
		t.Errorf("got row %d", row)
	}
	for name, want := range map[string]string{"ViT": `2 models are named "ViT"`, "ResNet5": `did you mean "ResNet50"?`} {
		if _, err := m.Row(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", name, err, want)
		}
	}
}

func TestRanksCountHigherScores(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		thousandths := rapid.Map(rapid.IntRange(-20, 20), func(n int) float64 { return float64(n) / 1000 })
		q := rapid.SliceOfN(thousandths, 1, 20).Draw(rt, "q")
		ranks := make([]int, len(q))
		order(make([]scored, len(q))).rank(q, ranks)
		for i := range q {
			higher := 0
			for k := range q {
				if q[k] > q[i]+tieTolerance {
					higher++
				}
			}
			if ranks[i] != higher+1 {
				rt.Fatalf("%v: rank %d of %v, want %d", q, ranks[i], q[i], higher+1)
			}
		}
	})
}

func TestScoresAlikeButForRoundingTie(t *testing.T) {
	q := []float64{0.3, 0.1 + 0.2, 0.2}
	ranks := make([]int, 3)
	order(make([]scored, 3)).rank(q, ranks)
	if !slices.Equal(ranks, []int{1, 1, 3}) {
		t.Errorf("got %v", ranks)
	}
}

func TestUnitFollowsTheDirection(t *testing.T) {
	var m Matrix
	near(t, "lower", m.unit(0, ranking.Dimension{Std: 2, Better: metrics.Lower}, ranking.Paper), -2, 0)
	near(t, "higher", m.unit(0, ranking.Dimension{Std: 2}, ranking.Paper), 2, 0)
}
