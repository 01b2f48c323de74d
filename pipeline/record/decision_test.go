package record_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"quba/pipeline/record"
)

func coarse(rule record.Rule, ties record.Ties) *record.Decision {
	return &record.Decision{
		Name: "coarse", Classes: []string{"a", "b", "c"}, Rule: rule, Ties: ties,
		Of: []int32{0, 1, 1, record.NoClass, 2},
	}
}

func TestDecisionPredict(t *testing.T) {
	tests := map[string]struct {
		rule  record.Rule
		ties  record.Ties
		probs []float32
		label int32
		want  record.Prediction // without loss
		give  []float32
	}{
		"mean": {
			record.Mean, "",
			[]float32{0.25, 0.125, 0.25, 0.375, 0},
			1,
			record.Prediction{Top1: 0, Confidence: 0.25, PTrue: 0.1875, TrueRank: 1},
			[]float32{0.25, 0.1875, 0},
		},
		"sum": {
			record.Sum, "",
			[]float32{0.25, 0.125, 0.25, 0.375, 0},
			1,
			record.Prediction{Top1: 1, Confidence: 0.375, PTrue: 0.375, TrueRank: 0, Correct: true},
			[]float32{0.25, 0.375, 0},
		},
		"first of equals": {
			record.Mean, record.First,
			[]float32{0.25, 0.25, 0.25, 0, 0.25},
			2,
			record.Prediction{Top1: 0, Confidence: 0.25, PTrue: 0.25, TrueRank: 2},
			[]float32{0.25, 0.25, 0.25},
		},
		"last of equals": {
			record.Mean, record.Last,
			[]float32{0.25, 0.25, 0.25, 0, 0.25},
			2,
			record.Prediction{Top1: 2, Confidence: 0.25, PTrue: 0.25, TrueRank: 0, Correct: true},
			[]float32{0.25, 0.25, 0.25},
		},
		"best of no class": {
			record.Best, "",
			[]float32{0.25, 0.125, 0.125, 0.5, 0},
			0,
			record.Prediction{Top1: record.NoClass, Confidence: 0.5, PTrue: 0.25, TrueRank: 0},
			[]float32{0.25, 0.25, 0},
		},
		"best": {
			record.Best, "",
			[]float32{0.375, 0.25, 0.25, 0.125, 0},
			0,
			record.Prediction{Top1: 0, Confidence: 0.375, PTrue: 0.375, TrueRank: 1, Correct: true},
			[]float32{0.375, 0.5, 0},
		},
		"no label": {
			record.Mean, "",
			[]float32{0.25, 0.125, 0.25, 0.375, 0},
			record.NoClass,
			record.Prediction{Top1: 0, Confidence: 0.25, TrueRank: -1},
			[]float32{0.25, 0.1875, 0},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			d := coarse(test.rule, test.ties)
			probs := make([]float32, 3)
			got := d.Predict(test.probs, record.Probabilities, test.label, probs)
			if want := float32(-math.Log(float64(got.PTrue))); got.TrueRank >= 0 && got.Loss != want {
				t.Errorf("loss %v, want %v", got.Loss, want)
			}
			got.Loss = 0
			if got != test.want {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
			if !slices.Equal(probs, test.give) {
				t.Errorf("probabilities %v, want %v", probs, test.give)
			}
		})
	}
}

// TestSubsetIsASmallerClassifier: a decision among some outputs is that of a
// classifier with these outputs, be they logits or probabilities.
func TestSubsetIsASmallerClassifier(t *testing.T) {
	d := &record.Decision{Name: "some", Classes: []string{"x", "y"}, Of: []int32{record.NoClass, 0, 1, record.NoClass}, Rule: record.Subset}
	logits := []float32{5, 1, 2, 0}
	var got, want [2]float32
	p := d.Predict(logits, record.Logits, 0, got[:])
	if q := record.Predict(logits[1:3], record.Logits, 0, want[:]); p != q || got != want {
		t.Errorf("got %+v %v, want %+v %v", p, got, q, want)
	}
	probs := make([]float32, 4)
	record.Predict(logits, record.Logits, record.NoClass, probs)
	p = d.Predict(probs, record.Probabilities, 0, got[:])
	if p.Top1 != 1 || math.Abs(float64(got[0]-want[0])) > 1e-6 || math.Abs(float64(got[1]-want[1])) > 1e-6 {
		t.Errorf("of probabilities: %+v %v, want %v", p, got, want)
	}
}

// TestDecisionRanks: the class that is chosen is the one of rank 0.
func TestDecisionRanks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := coarse(rapid.SampledFrom([]record.Rule{record.Mean, record.Sum}).Draw(t, "rule"), rapid.SampledFrom([]record.Ties{record.First, record.Last}).Draw(t, "ties"))
		logits := rapid.SliceOfN(rapid.Float32Range(-3, 3), 5, 5).Draw(t, "logits")
		probs := make([]float32, 3)
		seen := map[int32]bool{}
		for label := range int32(3) {
			p := d.Predict(logits, record.Logits, label, probs)
			if p.Correct != (p.TrueRank == 0) {
				t.Fatalf("label %d: %+v", label, p)
			}
			seen[p.TrueRank] = true
		}
		if len(seen) != 3 {
			t.Fatalf("ranks %v of %v", seen, probs)
		}
	})
}

func TestDecisionCheck(t *testing.T) {
	tests := map[string]struct {
		change func(*record.Decision)
		want   string
	}{
		"fine":            {func(*record.Decision) {}, ""},
		"unknown class":   {func(d *record.Decision) { d.Of[0] = 3 }, "output 0 belongs to class 3, there are 3 classes"},
		"empty class":     {func(d *record.Decision) { d.Of[0] = record.NoClass }, `class "a" has no output`},
		"no class":        {func(d *record.Decision) { d.Classes = nil }, "must have a class"},
		"unknown rule":    {func(d *record.Decision) { d.Rule = "median" }, `rule must be mean, sum, best or subset, got "median"`},
		"unknown ties":    {func(d *record.Decision) { d.Ties = "both" }, `ties must be first or last, got "both"`},
		"two in a subset": {func(d *record.Decision) { d.Rule = record.Subset }, `class "b" must have one output with rule subset, has 2`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			d := coarse(record.Mean, "")
			test.change(d)
			got := ""
			if err := d.Check(); err != nil {
				got = err.Error()
			}
			if (test.want == "") != (got == "") || !strings.Contains(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestDecisionLabel(t *testing.T) {
	d := coarse(record.Mean, "")
	for class, want := range map[int32]int32{-1: record.NoClass, 0: 0, 2: 1, 3: record.NoClass, 4: 2, 5: record.NoClass} {
		if got := d.Label(class); got != want {
			t.Errorf("class %d: %d, want %d", class, got, want)
		}
	}
}
