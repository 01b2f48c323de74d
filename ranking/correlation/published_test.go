package correlation_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"quba/internal/stats"
	"quba/ranking"
	"quba/ranking/correlation"
)

// undamaged are the published rows but those that look damaged.
func undamaged() ranking.Cohort {
	c := ranking.Published()
	c.Models = slices.DeleteFunc(c.Models, isDamaged)
	return c
}

func isDamaged(m ranking.Model) bool { return len(ranking.DamageOf(m)) > 0 }

func rank(t *testing.T, c ranking.Cohort, n ranking.Normalization) []ranking.Ranked {
	t.Helper()
	r, err := ranking.QUBA(c, ranking.Options{Normalization: n})
	if err != nil {
		t.Fatal(err)
	}
	return r.Models
}

// Three of the ten best published rows look damaged: probabilities went through
// softmax again, which evens out classes. The published constants move no
// score, so that the others move up in their order.
func TestTopTenWithoutDamagedRows(t *testing.T) {
	all, clean := rank(t, ranking.Published(), ranking.Paper), rank(t, undamaged(), ranking.Paper)
	t.Logf("paper's constants, all rows:       %s", first(all, 10))
	t.Logf("paper's constants, undamaged rows: %s", first(clean, 10))
	var damaged []string
	for _, m := range all[:10] {
		if isDamaged(m.Model) {
			damaged = append(damaged, m.Name)
		}
	}
	if want := []string{"Hiera-B-Plus", "Hiera-B", "Hiera-S"}; !slices.Equal(damaged, want) {
		t.Errorf("damaged among the first ten are %v, want %v", damaged, want)
	}
	kept := slices.DeleteFunc(all, func(m ranking.Ranked) bool { return isDamaged(m.Model) })
	if !slices.EqualFunc(kept, clean, func(a, b ranking.Ranked) bool { return a.Source == b.Source && a.QUBA == b.QUBA }) {
		t.Error("leaving out rows changed the order or the scores of the others")
	}
}

// The frozen constants were made with damaged rows in them; those of the
// undamaged rows give nearly the same order.
func TestConstantsOfUndamagedRows(t *testing.T) {
	clean, own := rank(t, undamaged(), ranking.Paper), rank(t, undamaged(), ranking.InCohort)
	t.Logf("own constants, undamaged rows: %s", first(own, 10))
	if got := tau(clean, own); math.Abs(got-0.929) > 0.001 {
		t.Errorf("tau-b is %v, want 0.929", got)
	}
}

func first(models []ranking.Ranked, n int) string {
	var names []string
	for _, m := range models[:n] {
		names = append(names, fmt.Sprintf("%d %s %.3f", m.Rank, m.Name, m.QUBA))
	}
	return strings.Join(names, ", ")
}

// tau is Kendall's tau-b of the scores of the same rows.
func tau(a, b []ranking.Ranked) float64 {
	scores := map[string]float64{}
	for _, m := range b {
		scores[m.Source] = m.QUBA
	}
	var x, y []float64
	for _, m := range a {
		x, y = append(x, m.QUBA), append(y, scores[m.Source])
	}
	return stats.KendallTauB(x, y)
}

// Damage hides that adversarial robustness goes with corruption robustness, OOD
// robustness and class balance, since it lowers these in robust models; and it
// makes calibration error go with OOD robustness and shape bias.
func TestCorrelationsWithoutDamagedRows(t *testing.T) {
	all, clean := correlation.Of(ranking.Published(), correlation.Options{}), correlation.Of(undamaged(), correlation.Options{})
	var changed []string
	for i, p := range all.Pairs {
		q := clean.Pairs[i]
		t.Logf("%s, %s: rho %.3f -> %.3f, adjusted p %.2g -> %.2g", p.A, p.B, p.Rho, q.Rho, p.Adjusted, q.Adjusted)
		if (p.Adjusted <= 0.05) != (q.Adjusted <= 0.05) {
			changed = append(changed, fmt.Sprintf("%s, %s: %.3f -> %.3f", p.A, p.B, p.Rho, q.Rho))
		}
	}
	want := []string{
		"accuracy, calibration_error: -0.119 -> -0.008",
		"adversarial_robustness, corruption_robustness: 0.012 -> 0.688",
		"adversarial_robustness, ood_robustness: -0.081 -> 0.632",
		"adversarial_robustness, calibration_error: 0.064 -> 0.278",
		"adversarial_robustness, class_balance: 0.082 -> 0.683",
		"ood_robustness, calibration_error: 0.252 -> 0.068",
		"calibration_error, shape_bias: 0.239 -> 0.071",
		"calibration_error, parameters: 0.110 -> -0.142",
	}
	if !slices.Equal(changed, want) {
		t.Errorf("got %q, want %q", changed, want)
	}
}
