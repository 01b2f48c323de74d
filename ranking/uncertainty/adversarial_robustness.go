package uncertainty

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"quba/pipeline/record"
)

func init() {
	register("adversarial_robustness", kind{
		columns: []string{record.ColBefore},
		make:    newAdversarialRobustness,
	})
}

// scoredAttacks are those that the score is the geometric mean over.
var scoredAttacks = []string{"fgsm", "pgd"}

// adversarialRobustness is the geometric mean over FGSM and PGD of accuracy
// under attack divided by accuracy before it on the same images, at one eps or
// as the normalised area under that ratio against eps.
type adversarialRobustness struct {
	at     int32 // severity of the score
	area   bool
	curves []map[int32]*attackPoint // by attack, then severity
}

// severitySteps is how many severities an eps of 1/255 has.
const severitySteps = 100

type attackPoint struct{ before, after tally }

func newAdversarialRobustness(q request) (statistic, error) {
	options, _ := q.spec.Options.(map[string]any)
	eps, given := options["at"].(float64)
	if !given {
		eps = 8 // the default of the metric, in 1/255
	}
	a := &adversarialRobustness{at: int32(severitySteps*eps + 0.5), area: options["score"] == "auc"}
	for range scoredAttacks {
		a.curves = append(a.curves, map[int32]*attackPoint{})
	}
	return a, nil
}

func (a *adversarialRobustness) observe(role string, r rows, i int, of image) error {
	at := slices.Index(scoredAttacks, role)
	if at < 0 {
		return nil // it has parts, but no share in the score
	}
	if r.before == nil || r.before.IsNull(i) {
		return fmt.Errorf("sample %q is no adversarial image", r.id.Value(i))
	}
	severity := r.severity[i]
	p := a.curves[at][severity]
	if p == nil {
		p = &attackPoint{}
		a.curves[at][severity] = p
	}
	p.before.add(of, r.before.Value(i))
	p.after.add(of, r.correct.Value(i))
	return nil
}

func (a *adversarialRobustness) value(d draw) (float64, bool) {
	product, attacks := 1.0, 0
	for _, curve := range a.curves {
		if len(curve) == 0 {
			continue
		}
		value, ok := a.valueOf(curve, d)
		if !ok {
			return 0, false
		}
		product *= value
		attacks++
	}
	return math.Pow(product, 1/float64(attacks)), attacks > 0
}

func (a *adversarialRobustness) valueOf(curve map[int32]*attackPoint, d draw) (float64, bool) {
	if a.area {
		return areaUnder(curve, d)
	}
	p, ok := curve[a.at]
	if !ok {
		return 0, false
	}
	return p.ratio(d)
}

func (p *attackPoint) ratio(d draw) (float64, bool) {
	before, after := p.before.count(d), p.after.count(d)
	return float64(after.hits) / float64(before.hits), before.hits > 0
}

// areaUnder goes from a ratio of 1 at eps 0 to the largest eps by trapezoids
// and is divided by that eps.
func areaUnder(curve map[int32]*attackPoint, d draw) (float64, bool) {
	area, eps, ratio := 0.0, 0.0, 1.0
	for _, severity := range slices.Sorted(maps.Keys(curve)) {
		next, ok := curve[severity].ratio(d)
		if !ok {
			return 0, false
		}
		area += (float64(severity) - eps) * (ratio + next) / 2
		eps, ratio = float64(severity), next
	}
	return area / eps, true
}
