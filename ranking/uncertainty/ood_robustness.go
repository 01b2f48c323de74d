package uncertainty

import (
	"math"
	"slices"

	"quba/metrics"
)

func init() {
	register("ood_robustness", kind{make: func(q request) (statistic, error) {
		return &oodRobustness{roles: q.roles, sets: make([]tally, len(q.roles))}, nil
	}})
}

// oodRobustness is the geometric mean over the test sets that are there of
// accuracy divided by clean accuracy.
type oodRobustness struct {
	roles []metrics.Role
	sets  []tally // by role, the clean one among them
}

func (o *oodRobustness) observe(role string, r rows, i int, of image) error {
	at := o.role(role)
	if at < 0 {
		return unknownRole(role)
	}
	o.sets[at].add(of, r.correct.Value(i))
	return nil
}

func (o *oodRobustness) role(name string) int {
	return slices.IndexFunc(o.roles, func(r metrics.Role) bool { return r.Name == name })
}

func (o *oodRobustness) value(d draw) (float64, bool) {
	at := o.role(roleClean)
	clean := o.sets[at].count(d)
	if clean.hits == 0 {
		return 0, false
	}
	product, sets := 1.0, 0
	for i := range o.sets {
		if c := o.sets[i].count(d); i != at && c.n > 0 {
			product *= c.rate() / clean.rate()
			sets++
		}
	}
	return math.Pow(product, 1/float64(sets)), sets > 0
}
