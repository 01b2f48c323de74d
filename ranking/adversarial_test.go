package ranking_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"quba/pipeline/record"
	"quba/ranking"
)

const (
	attackUses = `[{"dimension":"adversarial_robustness","metric":"adversarial_robustness","on":{"fgsm":"one","pgd":"two"}}]`
	attackFact = `[{"name":"a","sha256":"aa11","classes":3}]`
)

// attacks are predictions on 10 images that pipeline made adversarial, 8 of them
// right before and so many after.
func attacks(pipeline, perturbation string, after int) arrow.Record {
	b := record.NewBuilder(memory.DefaultAllocator, false)
	defer b.Release()
	for i := range 10 {
		row := record.Row{
			Model: "a", Pipeline: pipeline, Perturbation: perturbation, Severity: 800, ID: fmt.Sprint(i), Label: 1, Cue: record.NoClass,
			Attack: &record.Attack{Before: i < 8, Linf: 8. / 255, L2: 3, Forward: 1, Backward: 1},
		}
		if i < after {
			row.Label = 0
		}
		b.Append(row, []float32{1, 0, 0}, record.Logits)
	}
	return b.NewRecord()
}

// attackedCohort is a model with the adversarial robustness of the predictions
// and the other eight dimensions.
func attackedCohort(t *testing.T, records ...arrow.Record) ranking.Cohort {
	t.Helper()
	folder := predictionFolder(t, map[string]string{"quba.protocol": "standard", "quba.models": attackFact, "quba.metrics": attackUses}, records...)
	c, err := ranking.Recompute([]string{folder})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range ranking.Dimensions() {
		if d.Name != "adversarial_robustness" {
			c.Models[0].Values[d.Name] = ranking.Value{Value: d.Mean}
		}
	}
	return c
}

// All nine dimensions make a rank in full, whatever attacks only add parts.
func TestAttackedModelsAreRanked(t *testing.T) {
	r := rank(t, attackedCohort(t, attacks("one", "fgsm", 4), attacks("two", "pgd", 1)), ranking.Options{})
	m := r.Models[0]
	if m.Partial() || !m.Scored || m.Rank != 1 || len(r.Used) != 9 {
		t.Fatalf("got %+v", m)
	}
	// The geometric mean of 4/8 and 1/8 is 1/4; the others are at their means.
	d := r.Used[1]
	near(t, "QUBA", m.QUBA, (0.25-d.Mean)/d.Std*d.Weight/6, 1e-12)
}

func TestAttackedModelsOfOneAttackArePartial(t *testing.T) {
	r := rank(t, attackedCohort(t, attacks("two", "pgd", 1)), ranking.Options{})
	if m := r.Models[0]; m.Scored || !slices.Equal(m.Incomplete, []string{"adversarial_robustness"}) {
		t.Errorf("got %+v", m)
	}
}

// A ranking marks the models that met a black-box attack.
func TestRankingsMarkBlackBoxAttacks(t *testing.T) {
	r := rank(t, attackedCohort(t, attacks("one", "fgsm", 4), attacks("two", "square_for_pgd", 5)), ranking.Options{})
	if want := "a: adversarial_robustness: black-box Square in the place of pgd: the network has no gradient"; !slices.Contains(r.Notes, want) {
		t.Errorf("notes are %q, want %q", r.Notes, want)
	}
}
