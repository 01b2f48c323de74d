package metrics_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"quba/metrics"
	"quba/pipeline/record"
)

func TestCalibrationErrorFromLogits(t *testing.T) {
	for name, c := range goldenCases(t) {
		if c.ACEFromLogits == nil {
			continue
		}
		t.Run(name, func(t *testing.T) {
			s := mustScore(t, c.samples(t, false), "calibration_error", metrics.Env{})
			near(t, "ace", part(t, s, "ace"), c.ACE, *c.ACEFromLogits)
			// The cases with stored probabilities have confidences on bin
			// edges, which the rounding of softmax may move across.
			if c.Probs == "" {
				near(t, "ece", part(t, s, "ece"), c.ECE, 1e-7)
				near(t, "value", s.Value, c.CalErr, 1e-7)
			}
		})
	}
}

func TestCalibrationErrorFromProbabilities(t *testing.T) {
	for name, c := range goldenCases(t) {
		if c.Probs == "" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			s := mustScore(t, c.samples(t, true), "calibration_error", metrics.Env{})
			near(t, "ece", part(t, s, "ece"), c.ECE, 1e-7)
			near(t, "ace", part(t, s, "ace"), c.ACE, 1e-7)
			near(t, "value", s.Value, c.CalErr, 1e-7)
		})
	}
}

func TestReliabilityBins(t *testing.T) {
	for name, c := range goldenCases(t) {
		t.Run(name, func(t *testing.T) {
			s := mustScore(t, c.samples(t, c.Probs != ""), "calibration_error", metrics.Env{})
			for i, prop := range c.ECEBins.Prop {
				bin := fmt.Sprintf("bin%02d_", i)
				near(t, bin+"count", part(t, s, bin+"count")/float64(c.N), prop, 1e-7)
				if prop == 0 {
					continue
				}
				near(t, bin+"accuracy", part(t, s, bin+"accuracy"), c.ECEBins.Acc[i], 1e-6)
				near(t, bin+"confidence", part(t, s, bin+"confidence"), c.ECEBins.Conf[i], 1e-6)
			}
		})
	}
}

// The losses of a classifier that says p for the truth are known by hand.
func TestProperScores(t *testing.T) {
	s := samples{
		kind:    record.Probabilities,
		outputs: [][]float32{{0.5, 0.25, 0.25}, {0.25, 0.75, 0}},
		labels:  []int32{0, 0},
	}
	got := mustScore(t, s, "calibration_error", metrics.Env{})
	near(t, "nll", part(t, got, "nll"), (math.Log(2)+math.Log(4))/2, 1e-7)
	near(t, "brier", part(t, got, "brier"), (0.375+1.125)/2, 1e-12)
}

func TestCalibrationErrorRefusesWhatIsNoProbability(t *testing.T) {
	for name, row := range map[string][]float32{
		"negative": {-0.1, 1.1}, "nan": {float32(math.NaN()), 0}, "above one": {1.5, 0},
	} {
		t.Run(name, func(t *testing.T) {
			m := newSpec(t, "calibration_error").New(metrics.Env{})
			defer m.Close()
			s := samples{kind: record.Probabilities, outputs: [][]float32{row}, labels: []int32{0}}
			observe(t, s, func(v record.View) {
				if m.Observe("clean", v) == nil {
					t.Errorf("no error for %v", row)
				}
			})
		})
	}
}

// Samples beyond one chunk go through the file; the score must not notice.
func TestCalibrationErrorSpills(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	s := randomSamples(2500, 7)
	got := mustScore(t, s, "calibration_error", metrics.Env{}, 1000, 24, 1)
	near(t, "ace", part(t, got, "ace"), naiveACE(s), 1e-12)
	left, err := filepath.Glob(filepath.Join(os.TempDir(), "*"))
	if err != nil || len(left) != 0 {
		t.Errorf("files left: %v %v", left, err)
	}
}

func TestCalibrationErrorWithoutRoomToSpill(t *testing.T) {
	t.Setenv("TMPDIR", filepath.Join(t.TempDir(), "absent"))
	m := newSpec(t, "calibration_error").New(metrics.Env{})
	defer m.Close()
	var err error
	observe(t, randomSamples(1024, 3), func(v record.View) {
		if err == nil {
			err = m.Observe("clean", v)
		}
	})
	if err == nil {
		t.Fatal("no error although the temporary file cannot be made")
	}
	if _, again := m.Score(); again == nil {
		t.Fatal("a score in spite of the lost samples")
	}
}

func randomSamples(n, classes int) samples {
	random := rand.New(rand.NewPCG(1, 2))
	s := samples{kind: record.Logits}
	for range n {
		row := make([]float32, classes)
		for i := range row {
			row[i] = float32(random.NormFloat64() * 3)
		}
		s.outputs = append(s.outputs, row)
		s.labels = append(s.labels, int32(random.IntN(classes)))
	}
	return s
}

// naiveACE follows the definition step by step, without a file.
func naiveACE(s samples) float64 {
	classes := len(s.outputs[0])
	columns := make([][]float32, classes)
	for i, row := range s.outputs {
		probs := make([]float32, classes)
		record.Predict(row, s.kind, s.labels[i], probs)
		for k, p := range probs {
			columns[k] = append(columns[k], p)
		}
	}
	total := 0.0
	for k, column := range columns {
		total += naiveClassError(column, s.labels, int32(k))
	}
	return total / float64(classes)
}

func BenchmarkCalibrationError(b *testing.B) {
	const n, classes = 50_000, 1000
	random := rand.New(rand.NewPCG(1, 2))
	row := make([]float32, classes)
	for b.Loop() {
		m := newSpec(b, "calibration_error").New(metrics.Env{})
		var observed time.Duration
		for range n / 500 {
			s := samples{kind: record.Logits}
			for range 500 {
				for i := range row {
					row[i] = float32(random.ExpFloat64())
				}
				s.outputs = append(s.outputs, append([]float32(nil), row...))
				s.labels = append(s.labels, int32(random.IntN(classes)))
			}
			observe(b, s, func(v record.View) {
				start := time.Now()
				if err := m.Observe("clean", v); err != nil {
					b.Fatal(err)
				}
				observed += time.Since(start)
			})
		}
		start := time.Now()
		if _, err := m.Score(); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(observed.Seconds(), "observe-s")
		b.ReportMetric(time.Since(start).Seconds(), "score-s")
		if err := m.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
