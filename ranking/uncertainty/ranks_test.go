package uncertainty

import (
	"math"
	"slices"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"
	"pgregory.net/rapid"
)

// scoresAround has independent normal draws around values with the standard
// deviations.
func scoresAround(values, deviations []float64, n int) scores {
	sc := scores{values: values}
	for m, value := range values {
		draws := make([]float64, n)
		for b := range draws {
			// A Weyl sequence of its own for each model.
			u := math.Mod(float64(b+1)*math.Sqrt([]float64{2, 3, 5, 7, 11}[m]), 1)
			draws[b] = value + deviations[m]*distuv.UnitNormal.Quantile(0.0005+0.999*u)
		}
		sc.draws = append(sc.draws, draws)
		sc.jackknife = append(sc.jackknife, draws[:2])
	}
	return sc
}

var level95 = Options{Level: 0.95}

func TestRankSets(t *testing.T) {
	d := newDifferences(scoresAround([]float64{10, 5, 4.9, 0}, []float64{0.1, 0.1, 0.1, 0.1}, 2000))
	sets, sure := d.rankSets(level95, [][]int{d.all()})
	if want := []RankSet{{1, 1}, {2, 3}, {2, 3}, {4, 4}}; !slices.Equal(sets, want) {
		t.Errorf("got %v, want %v", sets, want)
	}
	groups := tieGroups(4, sure)
	if len(groups) != 3 || !slices.Equal(groups[1], []int{1, 2}) {
		t.Errorf("tie groups %v", groups)
	}
}

// TestCriticalValue: for one pair, compared both ways, it is the two-sided normal
// quantile, one way the one-sided, and larger for more pairs.
func TestCriticalValue(t *testing.T) {
	d := newDifferences(scoresAround([]float64{1, 2, 3}, []float64{1, 1, 1}, 50_000))
	one := d.criticalValue([]int{d.comparison(0, 1), d.comparison(1, 0)}, 0.95)
	all := d.criticalValue(d.all(), 0.95)
	if math.Abs(one-1.96) > 0.03 {
		t.Errorf("one pair: %v", one)
	}
	if oneWay := d.criticalValue([]int{d.comparison(0, 1)}, 0.95); math.Abs(oneWay-1.645) > 0.03 {
		t.Errorf("one pair, one way: %v", oneWay)
	}
	// Tukey's studentised range of three: 3.314 / sqrt(2).
	if math.Abs(all-2.344) > 0.03 {
		t.Errorf("three pairs: %v", all)
	}
}

func TestStepDownNarrows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.Float64Range(0, 5), 2, 5).Draw(t, "values")
		deviations := rapid.SliceOfN(rapid.Float64Range(0.01, 2), len(values), len(values)).Draw(t, "deviations")
		d := newDifferences(scoresAround(values, deviations, 300))
		plain, _ := d.rankSets(Options{Level: 0.95, SingleStep: true}, [][]int{d.all()})
		stepped, _ := d.rankSets(level95, [][]int{d.all()})
		marginal, _ := d.rankSets(Options{Level: 0.95, SingleStep: true}, d.rows())
		for m := range values {
			if stepped[m].Low < plain[m].Low || stepped[m].High > plain[m].High {
				t.Fatalf("model %d: %v became %v", m, plain[m], stepped[m])
			}
			if marginal[m].Low < plain[m].Low || marginal[m].High > plain[m].High {
				t.Fatalf("model %d: simultaneous %v, marginal %v", m, plain[m], marginal[m])
			}
			rank := 1
			for _, v := range values {
				if v > values[m] {
					rank++
				}
			}
			if rank < stepped[m].Low || rank > stepped[m].High {
				t.Fatalf("model %d: rank %d is not in %v", m, rank, stepped[m])
			}
		}
	})
}

func TestTheSameModelTwiceIsNeverApart(t *testing.T) {
	sc := scoresAround([]float64{1, 0}, []float64{0.01, 0.01}, 200)
	sc.values = append(sc.values, 1)
	sc.draws = append(sc.draws, sc.draws[0])
	d := newDifferences(sc)
	sets, _ := d.rankSets(level95, [][]int{d.all()})
	if want := []RankSet{{1, 2}, {3, 3}, {1, 2}}; !slices.Equal(sets, want) {
		t.Errorf("got %v, want %v", sets, want)
	}
}

// TestScoresThatNoDrawMoves: of these nothing is known.
func TestScoresThatNoDrawMoves(t *testing.T) {
	d := newDifferences(scores{values: []float64{2, 1}, draws: [][]float64{{2, 2}, {1, 1}}})
	if sets, _ := d.rankSets(level95, [][]int{d.all()}); !slices.Equal(sets, []RankSet{{1, 2}, {1, 2}}) {
		t.Errorf("got %v", sets)
	}
}

func TestUndefinedDrawsAreLeftOut(t *testing.T) {
	d := newDifferences(scores{values: []float64{2, 1}, draws: [][]float64{{2, math.NaN(), 1, 3}, {1, 1, 2, 2}}})
	if !slices.Equal(d.kept, []int{0, 2, 3}) {
		t.Errorf("kept %v", d.kept)
	}
	p := d.rankProbabilities()
	if !near(p[0][0], 2.0/3) || !near(p[1][0], 1.0/3) {
		t.Errorf("got %v", p)
	}
}

func TestTieGroups(t *testing.T) {
	// 0 is not apart from 2, so 1 is in between.
	sure := [][]bool{{false, true, false, true}, {false, false, true, true}, {false, false, false, true}, make([]bool, 4)}
	groups := tieGroups(4, sure)
	if len(groups) != 2 || !slices.Equal(groups[0], []int{0, 1, 2}) || !slices.Equal(groups[1], []int{3}) {
		t.Errorf("got %v", groups)
	}
}
