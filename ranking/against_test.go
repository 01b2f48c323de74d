package ranking_test

import (
	"slices"
	"strings"
	"testing"

	"quba/ranking"
)

func against(t *testing.T, c ranking.Cohort, o ranking.AgainstOptions) ranking.Comparison {
	t.Helper()
	comparison, err := ranking.Against(c, ranking.Published(), o)
	if err != nil {
		t.Fatal(err)
	}
	return comparison
}

// A published row stands where it stands, whoever is compared beside it.
func TestAgainstPublished(t *testing.T) {
	expected := expectedPublished(t)
	published := ranking.Published()
	c := against(t, ranking.Cohort{Models: published.Models[:40]}, ranking.AgainstOptions{Neighbours: 2})
	if c.Of != 326 || c.Damaged != 98 || c.Excluded != 0 {
		t.Errorf("got %d rows, %d damaged, %d excluded", c.Of, c.Damaged, c.Excluded)
	}
	for _, s := range c.Standings {
		want := expected[rowOf(t, s.Ranked)]
		if s.Position != want.rank {
			t.Errorf("%s: got position %d, want %d", s.Name, s.Position, want.rank)
		}
		above := 0
		for i, e := range expected {
			if e.rank < want.rank && len(ranking.DamageOf(published.Models[i])) > 0 {
				above++
			}
		}
		if s.DamagedAbove != above {
			t.Errorf("%s: got %d damaged above, want %d", s.Name, s.DamagedAbove, above)
		}
		if len(s.Below) != 2 || s.Below[0].Model != s.Name {
			t.Errorf("%s: below are %+v", s.Name, s.Below)
		}
		if len(s.Above) > 0 && !(s.Above[len(s.Above)-1].QUBA > s.QUBA) {
			t.Errorf("%s: above are %+v", s.Name, s.Above)
		}
	}
}

func TestAgainstExcludesDamaged(t *testing.T) {
	c := against(t, ranking.Cohort{Models: ranking.Published().Models}, ranking.AgainstOptions{ExcludeDamaged: true})
	if c.Of != 228 || c.Excluded != 98 {
		t.Errorf("got %d rows, %d excluded; want 228, 98", c.Of, c.Excluded)
	}
	for _, s := range c.Standings {
		for _, n := range slices.Concat(s.Above, s.Below) {
			if len(n.Damage) > 0 {
				t.Fatalf("%s has the damaged neighbour %s", s.Name, n.Model)
			}
		}
		if s.DamagedAbove != 0 || s.DamagedNeighbours != 0 {
			t.Fatalf("%s counts damaged rows", s.Name)
		}
	}
}

func TestAgainstWithPartialModels(t *testing.T) {
	c := cohortOf([]string{"acc", "params_m"}, [][]float64{{0.95, 0.1}})
	unranked := against(t, c, ranking.AgainstOptions{})
	if s := unranked.Standings[0]; s.Scored || s.Position != 0 || s.Above != nil {
		t.Errorf("got %+v", s)
	}
	if !strings.Contains(strings.Join(unranked.Notes, "\n"), "use --allow-partial") {
		t.Errorf("notes: %q", unranked.Notes)
	}
	comparison := against(t, c, ranking.AgainstOptions{AllowPartial: true})
	s := comparison.Standings[0]
	if s.Position != 1 || len(s.Above) != 0 || len(s.Below) != 3 || len(comparison.Used) != 2 {
		t.Errorf("got %+v", s)
	}
	if !strings.Contains(strings.Join(comparison.Notes, "\n"), "98 of the 326 published rows look damaged") {
		t.Errorf("notes: %q", comparison.Notes)
	}
}

func TestAgainstAnIncompleteReference(t *testing.T) {
	c := ranking.Cohort{Models: ranking.Published().Models[:1]}
	reference := ranking.Cohort{Models: []ranking.Model{without(c.Models[0], "accuracy")}}
	if _, err := ranking.Against(c, reference, ranking.AgainstOptions{}); err == nil || !strings.Contains(err.Error(), "lacks accuracy") {
		t.Errorf("got %v", err)
	}
}
