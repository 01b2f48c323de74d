package metrics

import (
	"errors"
	"fmt"
	"math"

	"quba/pipeline/record"
	"quba/pipeline/registry"
)

func init() {
	registry.Register(Registry, "calibration_error", "Geometric mean of ECE and adaptive class-conditional ACE; also NLL, Brier score and reliability bins.", noOptions{}, newCalibrationError)
}

func newCalibrationError(noOptions) (Spec, error) {
	return Spec{
		Better:  Lower,
		Roles:   []Role{cleanRole},
		Columns: []string{record.ColProbs},
		New:     func(Env) Metric { return &calibrationError{} },
	}, nil
}

// calibrationError is sqrt(ECE * ACE) in [0, 1].
//
// Parts binNN_count, binNN_accuracy and binNN_confidence draw the reliability
// diagram: bins 00 to 14 divide [0, 1) evenly, bin 15 is confidence 1 alone.
// An empty bin has a count only.
type calibrationError struct {
	top       calibrationBins
	store     probabilityStore
	nll       float64
	brier     float64
	n         int64
	perturbed perturbed
}

var _ Metric = (*calibrationError)(nil)

func (c *calibrationError) Observe(role string, v record.View) error {
	if err := checkRole(role, roleClean); err != nil {
		return err
	}
	for i := range v.Len() {
		if err := c.observe(v, i); err != nil {
			return err
		}
	}
	return nil
}

func (c *calibrationError) observe(v record.View, i int) error {
	if err := checkLabel(v, i); err != nil {
		return err
	}
	probs := v.Probabilities(i)
	if probs == nil {
		return errors.New("predictions hold no probabilities; calibration needs those of all classes")
	}
	if err := checkProbabilities(probs); err != nil {
		return fmt.Errorf("sample %q: %w", v.ID(i), err)
	}
	if err := c.store.add(probs, v.Label(i)); err != nil {
		return err
	}
	c.perturbed.observe(v, i)
	c.top.add(min(v.Confidence(i), 1), v.Correct(i))
	c.nll += float64(v.Loss(i))
	c.brier += brier(probs, int(v.Label(i)))
	c.n++
	return nil
}

// roundingAboveOne is how far above 1 a float32 probability may lie through
// the rounding of a model's own softmax.
const roundingAboveOne = 1e-5

func checkProbabilities(probs []float32) error {
	for class, p := range probs {
		if !(p >= 0 && p <= 1+roundingAboveOne) {
			return fmt.Errorf("probability of class %d must be 0..1, got %v", class, p)
		}
	}
	return nil
}

// brier is the multiclass Brier score of one sample, in [0, 2].
func brier(probs []float32, label int) float64 {
	sum := 0.0
	for class, p := range probs {
		d := float64(p)
		if class == label {
			d--
		}
		sum += d * d
	}
	return sum
}

func (c *calibrationError) Score() (Score, error) {
	if c.n == 0 {
		return Score{}, errNothingSeen
	}
	ace, err := adaptiveCalibrationError(&c.store)
	if err != nil {
		return Score{}, err
	}
	n := float64(c.n)
	ece := c.top.expectedError()
	parts := []Part{
		{Name: "ece", Value: ece, N: c.n},
		{Name: "ace", Value: ace, N: c.n},
		{Name: "nll", Value: c.nll / n, N: c.n},
		{Name: "brier", Value: c.brier / n, N: c.n},
	}
	return Score{
		Value: math.Sqrt(ece * ace),
		N:     c.n,
		Parts: append(parts, c.top.parts()...),
		Notes: c.perturbed.notes(c.n),
	}, nil
}

func (c *calibrationError) Close() error { return c.store.close() }
