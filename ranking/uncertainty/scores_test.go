package uncertainty

import (
	"context"
	"math"
	"slices"
	"testing"

	"quba/ranking"
)

// drawnScores are the scores of a cohort whose images were drawn.
func drawnScores(t *testing.T, n ranking.Normalization, draws int) (scores, ranking.Ranking) {
	t.Helper()
	s, _ := simulated.cohort(3, 200)
	cohort := ranking.Cohort{}
	for m, skill := range simulated.skills {
		cohort.Models = append(cohort.Models, ranking.Model{Name: string(rune('a' + m)), Values: map[string]ranking.Value{
			"accuracy": {Value: skill / 2}, "corruption_robustness": {Value: 0.5},
		}})
	}
	ranked, err := ranking.QUBA(cohort, ranking.Options{AllowPartial: true, Normalization: n})
	if err != nil {
		t.Fatal(err)
	}
	s.arrange()
	if err := s.resample(context.Background(), Options{Draws: draws}, 10); err != nil {
		t.Fatal(err)
	}
	return scoresOf(s, ranked), ranked
}

// TestStandardisedDrawsGiveTheScores: QUBA is the weighted mean of each.
func TestStandardisedDrawsGiveTheScores(t *testing.T) {
	for _, normalization := range []ranking.Normalization{ranking.Paper, ranking.InCohort} {
		sc, ranked := drawnScores(t, normalization, 120)
		if len(sc.standardised) != 120 {
			t.Fatalf("%s: got %d draws", normalization, len(sc.standardised))
		}
		for b, draw := range sc.standardised {
			for m, z := range draw {
				sum, total := 0.0, 0.0
				for column, d := range ranked.Used {
					sum += d.Weight * z[column]
					total += d.Weight
				}
				if want := sc.draws[m][b]; math.Abs(sum/total-want) > 1e-12 {
					t.Fatalf("%s, draw %d, model %d: the weighted mean is %v, the score %v", normalization, b, m, sum/total, want)
				}
			}
		}
	}
}

func TestStandardisedDrawsAreBounded(t *testing.T) {
	ranked := ranking.Ranking{Used: ranking.Dimensions()[:2], Normalization: ranking.Paper}
	for range 3 {
		ranked.Models = append(ranked.Models, ranking.Ranked{Model: ranking.Model{Values: map[string]ranking.Value{}}})
	}
	columns := map[columnKey][]float64{{1, ranked.Used[0].Name}: {0.5, math.NaN(), 0.7, 0.8, 0.9}}
	all := standardisedOf(ranked, 3, columns, maxStandardised)
	if len(all) != 4 {
		t.Fatalf("got %d draws, want the 4 that are defined", len(all))
	}
	// Four draws of 3 models and 2 dimensions fit into 29 numbers, one of them undefined.
	bounded := standardisedOf(ranked, 3, columns, 29)
	if len(bounded) != 3 {
		t.Fatalf("got %d draws, want 3", len(bounded))
	}
	for b := range bounded {
		if !slices.EqualFunc(bounded[b], all[b], slices.Equal[[]float64]) {
			t.Errorf("draw %d: got %v, want %v", b, bounded[b], all[b])
		}
	}
}
