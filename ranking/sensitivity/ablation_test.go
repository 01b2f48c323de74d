package sensitivity

import (
	"slices"
	"strings"
	"testing"
)

func find(t *testing.T, all []Ablation, name string) Ablation {
	t.Helper()
	at := slices.IndexFunc(all, func(a Ablation) bool { return a.Name == name })
	if at < 0 {
		t.Fatalf("no ablation %q", name)
	}
	return all[at]
}

func TestAblationOfKnownModels(t *testing.T) {
	m := matrixOf([][]float64{{4, 0, 0}, {0, 3, 0}, {0, 0, 2}}, 1, 1, 1)
	all := ok[[]Ablation](t)(m.Ablate([]Group{{"pair", []string{"d0", "d1"}}, {"all", m.Dimensions}, {"none", []string{"x"}}}))
	if len(all) != 4 {
		t.Fatalf("got %+v", all)
	}
	first := find(t, all, "d0")
	if !slices.Equal(first.Ranks, []int{3, 1, 2}) || !slices.Equal(first.Losers, []Move{{"m0", 0, 1, 3}}) ||
		!slices.Equal(first.Gainers, []Move{{"m1", 1, 2, 1}, {"m2", 2, 3, 2}}) {
		t.Errorf("got %+v", first)
	}
	near(t, "tau", first.Tau, -1./3, 1e-12)
	near(t, "shift", first.MeanShift, 4./3, 1e-12)
	if pair := find(t, all, "pair"); !slices.Equal(pair.Ranks, []int{2, 2, 1}) {
		t.Errorf("got %+v", pair)
	}
	if last := find(t, all, "d2"); last.Tau != 1 || len(last.Gainers)+len(last.Losers) != 0 {
		t.Errorf("got %+v", last)
	}
}

func TestAblationNeedsTwoDimensions(t *testing.T) {
	if _, err := matrixOf([][]float64{{1}, {2}}, 1).Ablate(nil); err == nil || !strings.Contains(err.Error(), "at least two dimensions") {
		t.Errorf("got %v", err)
	}
}

// Leaving a dimension out is ranking with its weight at 0.
func TestAblationIsTheRankingWithoutTheWeight(t *testing.T) {
	m := published(t)
	all := ok[[]Ablation](t)(m.Ablate(Groups()))
	if len(all) != 9+len(Groups()) {
		t.Fatalf("got %d ablations", len(all))
	}
	for _, a := range all {
		w := slices.Clone(m.Weights)
		for _, name := range a.Without {
			w[slices.Index(m.Dimensions, name)] = 0
		}
		// Not normalised: the order is the same.
		if got := m.ranksOf(w); !slices.Equal(got, a.Ranks) {
			t.Errorf("%s: other ranks", a.Name)
		}
		t.Logf("%-28s tau %.3f, mean shift %.1f, first gainer %v", a.Name, a.Tau, a.MeanShift, a.Gainers[0])
	}
	robustness := find(t, all, "robustness")
	if len(robustness.Without) != 3 || len(robustness.Gainers) != maxMoves {
		t.Errorf("got %v, %d gainers", robustness.Without, len(robustness.Gainers))
	}
}
