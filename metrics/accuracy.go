package metrics

import (
	"quba/pipeline/record"
	"quba/pipeline/registry"
)

func init() {
	registry.Register(Registry, "accuracy", "Fraction of images whose highest output is the true class; also top-5.", noOptions{}, newAccuracy)
}

func newAccuracy(noOptions) (Spec, error) {
	return Spec{
		Better: Higher,
		Roles:  []Role{cleanRole},
		New:    func(env Env) Metric { return &accuracy{classes: env.ClassesOf(roleClean)} },
	}, nil
}

// accuracy is top-1 accuracy in [0, 1].
type accuracy struct {
	classes       int // 0 when unknown
	n, top1, top5 int64
	perturbed     perturbed
}

var _ Metric = (*accuracy)(nil)

func (a *accuracy) Observe(role string, v record.View) error {
	if err := checkRole(role, roleClean); err != nil {
		return err
	}
	for i := range v.Len() {
		if err := checkLabel(v, i); err != nil {
			return err
		}
		a.perturbed.observe(v, i)
		a.n++
		if v.Correct(i) {
			a.top1++
		}
		if v.TrueRank(i) < 5 {
			a.top5++
		}
	}
	return nil
}

func (a *accuracy) Score() (Score, error) {
	if a.n == 0 {
		return Score{}, errNothingSeen
	}
	n := float64(a.n)
	return Score{
		Value: float64(a.top1) / n,
		N:     a.n,
		Parts: []Part{{Name: "top5", Value: float64(a.top5) / n, N: a.n}},
		Notes: append(a.perturbed.notes(a.n), a.chanceNotes()...),
	}, nil
}

// What is near chance: below nearChance times 1/classes, from chanceSamples
// clean images on. With few classes a poor model may be that bad honestly.
const (
	nearChance    = 5
	chanceSamples = 200
	chanceClasses = 10 * nearChance
)

// chanceNotes suspects that the classes of the labels are in another order
// than those of the model.
func (a *accuracy) chanceNotes() []string {
	if a.n < chanceSamples || a.classes < chanceClasses || a.perturbed.rows > 0 {
		return nil
	}
	if a.top1*int64(a.classes) >= nearChance*a.n {
		return nil
	}
	return []string{"accuracy is near chance: check the class order"}
}

func (a *accuracy) Close() error { return nil }
