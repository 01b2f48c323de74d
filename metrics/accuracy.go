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
		New:    func(Env) Metric { return &accuracy{} },
	}, nil
}

// accuracy is top-1 accuracy in [0, 1].
type accuracy struct {
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
		Notes: a.perturbed.notes(a.n),
	}, nil
}

func (a *accuracy) Close() error { return nil }
