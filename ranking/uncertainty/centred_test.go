package uncertainty

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/stat"
)

// biasedCohort has the calibration error and the class balance of an
// overconfident model on n images of 10 classes, some of which are harder.
func biasedCohort(t *testing.T, seed uint64, n int) *sample {
	t.Helper()
	const classes = 10
	random := rand.New(rand.NewPCG(seed, 23))
	set := newImages(0, fmt.Sprintf("cohort %d", seed))
	balance := &classBalance{of: set}
	calibration := &calibrationError{of: set}
	for bin := range 16 {
		calibration.edges = append(calibration.edges, float32(bin)/15)
	}
	for i := range n {
		at := set.at(fmt.Sprint(i), i-1)
		label := i % classes
		confidence := 0.4 + 0.55*random.Float32()
		hit := random.Float64() < float64(confidence)-0.03*float64(label%5)
		said := label
		if !hit {
			said = (label + 1 + random.IntN(classes-1)) % classes
		}
		probs := make([]float32, classes)
		for k := range probs {
			probs[k] = (1 - confidence) / (classes - 1)
		}
		probs[said] = confidence
		balance.rows = append(balance.rows, classRow{image: at, class: int32(label), correct: hit, pTrue: float64(probs[label])})
		row := calibrationRow{image: at, bin: int(confidence * 15), label: int32(label), gap: -float64(confidence)}
		if hit {
			row.gap++
		}
		calibration.rows = append(calibration.rows, row)
		calibration.probs = append(calibration.probs, probs...)
	}
	if err := calibration.complete(); err != nil {
		t.Fatal(err)
	}
	s := &sample{sets: []*images{set}, subjects: []subject{{dimension: "calibration_error", statistic: calibration}, {dimension: "class_balance", statistic: balance}}}
	s.arrange()
	d := newDraw(s.sets)
	d.once()
	s.evaluate(d, func(sub *subject, value float64) { sub.stored = value })
	return s
}

// TestIntervalsOfBiasedScores: resampling shifts calibration error and class
// balance; the intervals that are shown cover the score that is expected at the
// size of the sample.
func TestIntervalsOfBiasedScores(t *testing.T) {
	if testing.Short() {
		t.Skip("a simulation; leave out -short to run it")
	}
	const cohorts, images = 500, 400
	values := map[string][]float64{}
	intervals := map[string][]Interval{}
	for k := range cohorts {
		s := biasedCohort(t, uint64(k), images)
		if err := s.resample(context.Background(), Options{Draws: 300, Seed: uint64(k)}, jackknifeGroups); err != nil {
			t.Fatal(err)
		}
		for i := range s.subjects {
			sub := &s.subjects[i]
			values[sub.dimension] = append(values[sub.dimension], sub.stored)
			intervals[sub.dimension] = append(intervals[sub.dimension], sub.interval(images, 0.95))
		}
	}
	for dimension, of := range intervals {
		expected := stat.Mean(values[dimension], nil)
		held, centred := 0, 0
		for _, i := range of {
			if i.Low <= expected && expected <= i.High {
				held++
			}
			if i.Method == Centred {
				centred++
			}
		}
		share := float64(held) / cohorts
		t.Logf("%s: %.3f, %d of %d centred", dimension, share, centred, cohorts)
		if share < 0.92 || share > 0.99 {
			t.Errorf("%s: nominal 95 %% intervals cover %.3f", dimension, share)
		}
	}
}
