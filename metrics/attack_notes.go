package metrics

import (
	"fmt"
	"math"
	"strings"
)

// maxZeroGradients is the fraction of images with a gradient that is zero, or not
// finite, above which an attack is doubted. A confident network has some: its
// loss rounds to 0.
const maxZeroGradients = 0.01

// notes say how the score was made where that is not the usual way, and when
// not to believe it, in the manner of the flags of AutoAttack (Croce and Hein,
// Reliable Evaluation of Adversarial Robustness with an Ensemble of Diverse
// Parameter-free Attacks, ICML 2020).
func (a *adversarialRobustness) notes() []string {
	notes := a.choices()
	for i := range a.curves {
		notes = append(notes, a.curves[i].notes()...)
	}
	for _, pair := range [][2]string{{"fgsm", "pgd"}, {"fgsm", "apgd"}, {"pgd", "apgd"}} {
		notes = append(notes, weaker(a.curve(pair[0]), a.curve(pair[1]))...)
	}
	for _, extra := range []string{"apgd", attackSquare} {
		notes = append(notes, apart(a.curve(extra), a.curve("pgd"))...)
	}
	for _, whiteBox := range []string{"pgd", "apgd"} {
		notes = append(notes, masked(a.curve(attackSquare), a.curve(whiteBox))...)
	}
	return append(notes, a.chain.notes()...)
}

func (a *adversarialRobustness) curve(role string) *attackCurve {
	for i := range a.curves {
		if a.curves[i].role == role {
			return &a.curves[i]
		}
	}
	return &attackCurve{role: role}
}

// choices say where the score is not that of the dimension, and where its two
// halves are of other images.
func (a *adversarialRobustness) choices() []string {
	fgsm, pgd := &a.curves[0], &a.curves[1]
	var notes []string
	switch {
	case a.area:
		notes = append(notes, fmt.Sprintf("area under relative accuracy over eps %s of 255, not relative accuracy at eps %d", longer(fgsm, pgd).epsText(), dimensionEps))
	case a.at != dimensionEps*linfSteps:
		notes = append(notes, fmt.Sprintf("at eps %s/255, not %d/255", fgsm.epsOf(a.at), dimensionEps))
	}
	for _, severity := range longer(fgsm, pgd).severities() {
		f, p := fgsm.points[severity], pgd.points[severity]
		if f != nil && p != nil && f.n != p.n {
			return append(notes, fmt.Sprintf("fgsm is over %d images, pgd over %d (eps %s)", f.n, p.n, pgd.epsOf(severity)))
		}
	}
	return notes
}

// longer is the one of two curves that has more points.
func longer(a, b *attackCurve) *attackCurve {
	if len(a.points) > len(b.points) {
		return a
	}
	return b
}

func (c *attackCurve) notes() []string {
	if len(c.points) == 0 {
		return nil
	}
	var notes []string
	if c.substituted() {
		notes = append(notes, standIn+c.role+": the network has no gradient")
	}
	if severity, found := c.undefined(); found {
		notes = append(notes, fmt.Sprintf("no parts of %s: none of its %d images at eps %s was classified correctly before", c.role, c.points[severity].n, c.epsOf(severity)))
	}
	if c.differentiated > 0 && c.zeroFraction() > maxZeroGradients {
		notes = append(notes, fmt.Sprintf("unreliable: %d of %d %s met a gradient that is zero or not finite under %s", c.zeroGradients, c.differentiated, c.counted(), c.role))
	}
	return append(notes, c.rises()...)
}

// counted names what the numbers of gradients are of.
func (c *attackCurve) counted() string {
	if c.swept() {
		return "adversarial images (one for each image and eps)"
	}
	return "images"
}

// rises says where accuracy is higher at a larger eps by more than two standard
// errors of the difference.
func (c *attackCurve) rises() []string {
	var lowest *attackPoint
	var lowestAt int32
	for _, severity := range c.severities() {
		p := c.points[severity]
		if lowest != nil && p.exceeds(lowest) {
			return []string{fmt.Sprintf("unreliable: accuracy under %s rises with eps (%.3g at eps %s, %.3g at eps %s)",
				c.role, lowest.accuracyAfter(), c.epsOf(lowestAt), p.accuracyAfter(), c.epsOf(severity))}
		}
		if lowest == nil || p.accuracyAfter() < lowest.accuracyAfter() {
			lowest, lowestAt = p, severity
		}
	}
	return nil
}

// exceeds compares accuracies after the attack, each with its binomial
// variance.
func (p *attackPoint) exceeds(q *attackPoint) bool {
	a, b := p.accuracyAfter(), q.accuracyAfter()
	variance := a*(1-a)/float64(p.n) + b*(1-b)/float64(q.n)
	return a-b > 2*math.Sqrt(variance)
}

// weaker says where the stronger of two attacks that use gradients leaves more
// right.
func weaker(weak, strong *attackCurve) []string {
	if weak.substituted() || strong.substituted() {
		return nil
	}
	eps := whereFewer(weak, strong)
	if len(eps) == 0 {
		return nil
	}
	return []string{fmt.Sprintf("unreliable: accuracy under %s, the stronger attack, is higher than under %s at eps %s", strong.role, weak.role, strings.Join(eps, ", "))}
}

// masked says where an attack without gradients leaves fewer right than one
// that uses them.
func masked(blackBox, whiteBox *attackCurve) []string {
	if whiteBox.substituted() {
		return nil
	}
	eps := whereFewer(blackBox, whiteBox)
	if len(eps) == 0 {
		return nil
	}
	return []string{fmt.Sprintf("unreliable: accuracy under %s, which sees no gradient, is lower than under %s at eps %s: the network may mask its gradients", blackBox.role, whiteBox.role, strings.Join(eps, ", "))}
}

// apart says where two attacks cannot be held against each other, since the
// images are not the same.
func apart(a, b *attackCurve) []string {
	for _, severity := range a.severities() {
		p, q := a.points[severity], b.points[severity]
		if q != nil && p.before > 0 && (p.n != q.n || p.before != q.before) {
			return []string{fmt.Sprintf("%s is not compared with %s, which attacked other images (%d of %d and %d of %d right before, eps %s)",
				a.role, b.role, p.before, p.n, q.before, q.n, a.epsOf(severity))}
		}
	}
	return nil
}

// whereFewer lists the eps at which fewer images are right under a than under
// b. Only equal numbers of images, as many of them right before, are compared:
// others are not the same images.
func whereFewer(a, b *attackCurve) []string {
	var eps []string
	for _, severity := range a.severities() {
		p, q := a.points[severity], b.points[severity]
		if q != nil && p.n == q.n && p.before == q.before && p.after < q.after {
			eps = append(eps, a.epsOf(severity))
		}
	}
	return eps
}
