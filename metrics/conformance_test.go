package metrics_test

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"quba/metrics"
	"quba/pipeline/record"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fullEnv has everything that a metric may ask for.
func fullEnv(classes int) metrics.Env {
	return metrics.Env{Protocol: metrics.Standard, Classes: classes, Parameters: 12_345_678, ParametersOrigin: "test"}
}

// requiredOptions are those of metrics that cannot do with their defaults.
var requiredOptions = map[string]func(t *testing.T) map[string]string{
	"error_consistency": func(t *testing.T) map[string]string {
		return map[string]string{"Responses": numberedResponses(t, 1300)}
	},
}

// withOptions sets text options by the names of their fields.
func withOptions(options map[string]string) func(into any) error {
	return func(into any) error {
		for field, value := range options {
			reflect.ValueOf(into).Elem().FieldByName(field).SetString(value)
		}
		return nil
	}
}

// eachMetric runs a check on every registered metric with its defaults.
func eachMetric(t *testing.T, check func(t *testing.T, spec metrics.Spec)) {
	for _, entry := range metrics.Registry.Entries() {
		t.Run(entry.Name, func(t *testing.T) {
			var options map[string]string
			if needed, ok := requiredOptions[entry.Name]; ok {
				options = needed(t)
			}
			spec, err := entry.New(withOptions(options))
			if err != nil {
				t.Fatal(err)
			}
			check(t, spec)
		})
	}
}

// roleVariants are what images of a role went through; those of other roles
// are clean.
var roleVariants = map[string]variant{
	"corrupted": {perturbation: "fog", severity: 3},
	"shuffled":  {perturbation: "patch_shuffle", severity: 4},
	"fgsm":      {"fgsm", 800, &record.Attack{Before: true, Linf: 0.03, L2: 4, Forward: 1, Backward: 1}},
	"pgd":       {"pgd", 800, &record.Attack{Before: true, Linf: 0.03, L2: 3, Forward: 10, Backward: 10}},
	"apgd":      {"apgd", 800, &record.Attack{Before: true, Linf: 0.03, L2: 3, Forward: 10, Backward: 10}},
	"pgd_l2":    {"pgd_l2", 500, &record.Attack{Before: true, Linf: 0.03, L2: 0.5, Forward: 10, Backward: 10}},
	"square":    {"square", 800, &record.Attack{Before: true, Linf: 0.03, L2: 9, Forward: 500}},
}

// feed gives the samples to every role.
func feed(t testing.TB, m metrics.Metric, spec metrics.Spec, s samples, sizes ...int) {
	t.Helper()
	mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer mem.AssertSize(t, 0)
	for _, role := range spec.Roles {
		s.variant = roleVariants[role.Name]
		s.each(t, mem, append(slices.Clone(sizes), 64), func(v record.View) {
			if err := m.Observe(role.Name, v); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestMetricsDescribeThemselves(t *testing.T) {
	eachMetric(t, func(t *testing.T, spec metrics.Spec) {
		if spec.New == nil {
			t.Fatal("no constructor")
		}
		for _, role := range spec.Roles {
			if role.Name == "" || role.Doc == "" {
				t.Errorf("role %+v needs a name and a doc", role)
			}
			if role.Extra && !role.Optional {
				t.Errorf("role %s only adds parts and must be optional", role.Name)
			}
		}
		for _, column := range spec.Columns {
			if column != record.ColProbs {
				t.Errorf("column %q is always there or unknown", column)
			}
		}
	})
}

func TestScoreOfNothingIsAnError(t *testing.T) {
	eachMetric(t, func(t *testing.T, spec metrics.Spec) {
		m := spec.New(metrics.Env{Protocol: metrics.Standard})
		defer m.Close()
		if s, err := m.Score(); err == nil {
			t.Errorf("got %+v", s)
		}
	})
}

func TestScoresAreFiniteAndClosable(t *testing.T) {
	eachMetric(t, func(t *testing.T, spec metrics.Spec) {
		m := spec.New(fullEnv(4))
		feed(t, m, spec, randomSamples(60, 4))
		s, err := m.Score()
		if err != nil {
			t.Fatal(err)
		}
		names := map[string]bool{"": true}
		for _, p := range append([]metrics.Part{{Name: "value", Value: s.Value}}, s.Parts...) {
			if names[p.Name] || math.IsNaN(p.Value) || math.IsInf(p.Value, 0) {
				t.Errorf("part %+v is repeated, unnamed or not finite", p)
			}
			names[p.Name] = true
		}
		if len(spec.Roles) > 0 && s.N == 0 {
			t.Error("n is 0")
		}
		for range 2 {
			if err := m.Close(); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestCloseWithoutScore(t *testing.T) {
	eachMetric(t, func(t *testing.T, spec metrics.Spec) {
		m := spec.New(fullEnv(3))
		feed(t, m, spec, randomSamples(1100, 3))
		for range 2 {
			if err := m.Close(); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestScoreDoesNotDependOnBatches(t *testing.T) {
	eachMetric(t, func(t *testing.T, spec metrics.Spec) {
		rapid.Check(t, func(rt *rapid.T) {
			n := rapid.IntRange(2, 1300).Draw(rt, "n")
			sizes := rapid.SliceOfN(rapid.IntRange(1, 500), 0, 6).Draw(rt, "sizes")
			s := randomSamples(n, 3)
			s.labels[0], s.labels[1] = 0, 1
			type outcome struct {
				score metrics.Score
				fault string
			}
			var outcomes []outcome
			for _, cut := range [][]int{{n}, sizes} {
				m := spec.New(fullEnv(3))
				feed(t, m, spec, s, cut...)
				score, err := m.Score()
				// A clean accuracy of 0 leaves some scores undefined.
				outcomes = append(outcomes, outcome{score, fmt.Sprint(err)})
				if err := m.Close(); err != nil {
					rt.Fatal(err)
				}
			}
			if diff := cmp.Diff(outcomes[0], outcomes[1], cmp.AllowUnexported(outcome{})); diff != "" {
				rt.Fatalf("whole and in batches %v differ: %s", sizes, diff)
			}
		})
	})
}

func TestUnlabelledSamplesAreErrors(t *testing.T) {
	eachMetric(t, func(t *testing.T, spec metrics.Spec) {
		for _, role := range spec.Roles {
			for _, label := range []int32{record.NoClass, 2} {
				m := spec.New(fullEnv(2))
				defer m.Close()
				s := samples{outputs: [][]float32{{1, 2}}, labels: []int32{label}, variant: roleVariants[role.Name]}
				observe(t, s, func(v record.View) {
					if m.Observe(role.Name, v) == nil {
						t.Errorf("role %s takes a sample with label %d of 2 classes", role.Name, label)
					}
				})
			}
		}
	})
}

func TestUnknownRoleIsAnError(t *testing.T) {
	eachMetric(t, func(t *testing.T, spec metrics.Spec) {
		m := spec.New(fullEnv(2))
		defer m.Close()
		observe(t, randomSamples(3, 2), func(v record.View) {
			if m.Observe("no such role", v) == nil {
				t.Error("no error")
			}
		})
	})
}

// The metrics of clean images say when they were given others.
func TestPerturbedImagesAreNoted(t *testing.T) {
	b := record.NewBuilder(memory.DefaultAllocator, true)
	defer b.Release()
	for label := range int32(2) {
		b.Append(record.Row{Model: "m", Pipeline: "p", Perturbation: "fog", Severity: 3, ID: "x", Label: label}, []float32{1, 2}, record.Logits)
	}
	rec := b.NewRecord()
	defer rec.Release()
	v, err := record.NewView(rec)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"accuracy", "calibration_error", "class_balance"} {
		m := newSpec(t, name).New(fullEnv(2))
		defer m.Close()
		if err := m.Observe("clean", v); err != nil {
			t.Fatal(err)
		}
		s, err := m.Score()
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Contains(s.Notes, "2 of 2 images are perturbed (fog), not clean") {
			t.Errorf("%s: notes are %q", name, s.Notes)
		}
	}
}
