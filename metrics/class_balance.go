package metrics

import (
	"errors"
	"fmt"
	"math"

	"quba/pipeline/record"
	"quba/pipeline/registry"
)

func init() {
	registry.Register(Registry, "class_balance", "How evenly the classes are treated: spread of class accuracies and of true-class confidences.", noOptions{}, newClassBalance)
}

func newClassBalance(noOptions) (Spec, error) {
	return Spec{
		Better: Higher,
		Roles:  []Role{cleanRole},
		New:    func(env Env) Metric { return &classBalance{protocol: env.Protocol, classes: env.ClassesOf(roleClean)} },
	}, nil
}

// classBalance is the geometric mean of two evennesses in [0, 1]:
// 1 - std_k(accuracy of class k), with ddof 1, and
// 1 - mean_k(std of the true-class probability within class k), with ddof 0.
type classBalance struct {
	protocol  Protocol
	classes   int // 0 when unknown
	byClass   []classTally
	n         int64
	perturbed perturbed
}

// classTally holds Welford's running moments of the true-class probability.
type classTally struct {
	n, correct int64
	mean, m2   float64
}

func (t *classTally) add(pTrue float64, correct bool) {
	t.n++
	if correct {
		t.correct++
	}
	delta := pTrue - t.mean
	t.mean += delta / float64(t.n)
	t.m2 += delta * (pTrue - t.mean)
}

var _ Metric = (*classBalance)(nil)

func (c *classBalance) Observe(role string, v record.View) error {
	if err := checkRole(role, roleClean); err != nil {
		return err
	}
	for i := range v.Len() {
		if err := checkLabel(v, i); err != nil {
			return err
		}
		c.perturbed.observe(v, i)
		for int(v.Label(i)) >= len(c.byClass) {
			c.byClass = append(c.byClass, classTally{})
		}
		c.byClass[v.Label(i)].add(float64(v.PTrue(i)), v.Correct(i))
		c.n++
	}
	return nil
}

func (c *classBalance) Score() (Score, error) {
	if c.n == 0 {
		return Score{}, errNothingSeen
	}
	present := c.present()
	if err := c.checkPresent(len(present)); err != nil {
		return Score{}, err
	}
	accuracyBalance := 1 - accuracySpread(present)
	confidenceBalance := 1 - confidenceSpread(present)
	return Score{
		Value: math.Sqrt(accuracyBalance * confidenceBalance),
		N:     c.n,
		Parts: []Part{
			{Name: "accuracy_balance", Value: accuracyBalance, N: c.n},
			{Name: "confidence_balance", Value: confidenceBalance, N: c.n},
			{Name: "classes_present", Value: float64(len(present))},
		},
		Notes: append(c.perturbed.notes(c.n), c.notes(present)...),
	}, nil
}

func (c *classBalance) present() []classTally {
	var present []classTally
	for _, t := range c.byClass {
		if t.n > 0 {
			present = append(present, t)
		}
	}
	return present
}

func (c *classBalance) checkPresent(present int) error {
	if present < 2 {
		return errors.New("images of one class only; the spread between classes needs at least two")
	}
	if c.protocol != QubaCode {
		return nil
	}
	if c.classes == 0 {
		return fmt.Errorf("the number of classes is not known; protocol %s needs it", QubaCode)
	}
	if present < c.classes {
		return fmt.Errorf("only %d of %d classes have images; protocol %s is not defined then, use %s", present, c.classes, QubaCode, Standard)
	}
	return nil
}

// accuracySpread is the sample standard deviation of the class accuracies.
func accuracySpread(present []classTally) float64 {
	var mean, m2 float64
	for i, t := range present {
		accuracy := float64(t.correct) / float64(t.n)
		delta := accuracy - mean
		mean += delta / float64(i+1)
		m2 += delta * (accuracy - mean)
	}
	return math.Sqrt(m2 / float64(len(present)-1))
}

// confidenceSpread is the mean over classes of the population standard
// deviation of the true-class probability.
func confidenceSpread(present []classTally) float64 {
	sum := 0.0
	for _, t := range present {
		sum += math.Sqrt(t.m2 / float64(t.n))
	}
	return sum / float64(len(present))
}

func (c *classBalance) notes(present []classTally) []string {
	var notes []string
	if len(present) < c.classes {
		notes = append(notes, fmt.Sprintf("%d of %d classes have images", len(present), c.classes))
	}
	single := 0
	for _, t := range present {
		if t.n < 2 {
			single++
		}
	}
	if single > 0 {
		notes = append(notes, fmt.Sprintf("%d classes have fewer than two images; their confidence spread counts as 0", single))
	}
	return notes
}

func (c *classBalance) Close() error { return nil }
