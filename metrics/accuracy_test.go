package metrics_test

import (
	"slices"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/memory"

	"quba/metrics"
	"quba/pipeline/record"
)

func TestAccuracyGolden(t *testing.T) {
	for name, c := range goldenCases(t) {
		t.Run(name, func(t *testing.T) {
			s := mustScore(t, c.samples(t, false), "accuracy", metrics.Env{})
			near(t, "top1", s.Value, c.Top1, 1e-15)
			near(t, "top5", part(t, s, "top5"), c.Top5, 1e-15)
			if s.N != c.N {
				t.Errorf("n: got %d, want %d", s.N, c.N)
			}
		})
	}
}

func TestAccuracyNearChance(t *testing.T) {
	const note = "accuracy is near chance: check the class order"
	for name, c := range map[string]struct {
		rows, right, classes int
		perturbation         string
		want                 bool
	}{
		"wrong order":     {200, 9, 100, "", true},
		"just above":      {200, 10, 100, "", false},
		"few images":      {199, 0, 100, "", false},
		"few classes":     {200, 0, 10, "", false},
		"unknown classes": {200, 0, 0, "", false},
		"perturbed":       {200, 0, 100, "fog", false},
	} {
		entry, err := metrics.Registry.Lookup("accuracy")
		if err != nil {
			t.Fatal(err)
		}
		spec, err := entry.New(nil)
		if err != nil {
			t.Fatal(err)
		}
		m := spec.New(metrics.Env{Classes: c.classes})
		if err := m.Observe("clean", rightRows(t, c.rows, c.right, c.perturbation)); err != nil {
			t.Fatal(err)
		}
		s, err := m.Score()
		if err != nil {
			t.Fatal(err)
		}
		if got := slices.Contains(s.Notes, note); got != c.want {
			t.Errorf("%s: notes are %q", name, s.Notes)
		}
	}
}

// rightRows are rows of which the first are right.
func rightRows(t *testing.T, rows, right int, perturbation string) record.View {
	t.Helper()
	b := record.NewBuilder(memory.DefaultAllocator, false)
	defer b.Release()
	for i := range rows {
		row := record.Row{Model: "m", Pipeline: "p", Perturbation: perturbation, Label: 1}
		if i < right {
			row.Label = 0
		}
		b.Append(row, []float32{1, 0}, record.Logits)
	}
	v, err := record.NewView(b.NewRecord())
	if err != nil {
		t.Fatal(err)
	}
	return v
}
