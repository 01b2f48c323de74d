package metrics_test

import (
	"math"
	"strings"
	"testing"

	"quba/metrics"
	"quba/pipeline/record"
)

func TestClassBalanceGolden(t *testing.T) {
	for name, c := range goldenCases(t) {
		t.Run(name, func(t *testing.T) {
			s := mustScore(t, c.samples(t, false), "class_balance", metrics.Env{Protocol: metrics.Standard, Classes: c.Classes})
			near(t, "value", s.Value, c.ClassBalancePresent, 1e-7)
			near(t, "accuracy_balance", part(t, s, "accuracy_balance"), c.FairAccPresent, 1e-12)
			near(t, "confidence_balance", part(t, s, "confidence_balance"), c.FairConf, 1e-7)
			near(t, "classes_present", part(t, s, "classes_present"), c.ClassesPresent, 0)
		})
	}
}

func TestClassBalanceQubaCode(t *testing.T) {
	for name, c := range goldenCases(t) {
		t.Run(name, func(t *testing.T) {
			s, err := c.samples(t, false).score(t, "class_balance", metrics.Env{Protocol: metrics.QubaCode, Classes: c.Classes})
			if c.ClassBalance == nil {
				if err == nil {
					t.Fatal("no error although the reference gives NaN")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			near(t, "value", s.Value, *c.ClassBalance, 1e-7)
			near(t, "accuracy_balance", part(t, s, "accuracy_balance"), *c.FairAcc, 1e-7)
		})
	}
}

func TestClassBalanceByHand(t *testing.T) {
	s := samples{
		kind:    record.Probabilities,
		outputs: [][]float32{{0.75, 0.25, 0}, {0.25, 0.75, 0}, {0.25, 0.75, 0}},
		labels:  []int32{0, 0, 1},
	}
	got := mustScore(t, s, "class_balance", metrics.Env{Classes: 3})
	// Accuracies 1/2 and 1; true-class probabilities {3/4, 1/4} and {3/4}.
	near(t, "accuracy_balance", part(t, got, "accuracy_balance"), 1-math.Sqrt(0.125), 1e-12)
	near(t, "confidence_balance", part(t, got, "confidence_balance"), 1-0.125, 1e-12)
	notes := strings.Join(got.Notes, "; ")
	for _, want := range []string{"2 of 3 classes", "1 classes have fewer than two images"} {
		if !strings.Contains(notes, want) {
			t.Errorf("notes %q lack %q", notes, want)
		}
	}
}

func TestClassBalanceNeedsTwoClasses(t *testing.T) {
	s := samples{kind: record.Probabilities, outputs: [][]float32{{1, 0}, {0, 1}}, labels: []int32{1, 1}}
	if _, err := s.score(t, "class_balance", metrics.Env{Classes: 2}); err == nil {
		t.Fatal("no error for one class")
	}
}
