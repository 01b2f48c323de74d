package metrics

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"quba/pipeline/record"
)

// The severity of an attack is its eps: in hundredths of 1/255, and in
// thousandths of a pixel value of 0..1 for the L2 norm.
const (
	linfSteps = 100
	l2Steps   = 1000
	levels    = 255
)

// severityOf turns an eps in 1/255 into the severity nearest to it.
func severityOf(eps float64) int32 { return int32(eps*linfSteps + 0.5) }

// substitutePrefix begins the name of the attack that takes the place of one
// which needs a gradient that the network does not have.
const substitutePrefix = attackSquare + "_for_"

// attackCurve is what an attack did, by severity.
type attackCurve struct {
	role              string
	attack            string // the one that was made; "" before the first image
	points            map[int32]*attackPoint
	forward, backward int64 // passes
	differentiated    int64 // images whose attack made a backward pass
	zeroGradients     int64 // those that met a gradient of zeros, or one that was not finite
}

// attackPoint is what an attack of one severity did.
type attackPoint struct {
	n, before, after int64 // images, and those that were right
	linf, l2         normTally
}

// normTally is a norm of the change of images.
type normTally struct{ sum, max float64 }

func (t *normTally) add(norm float32) {
	t.sum += float64(norm)
	t.max = max(t.max, float64(norm))
}

func (p *attackPoint) accuracyBefore() float64 { return float64(p.before) / float64(p.n) }
func (p *attackPoint) accuracyAfter() float64  { return float64(p.after) / float64(p.n) }

// ratio is accuracy after the attack relative to that before it.
func (p *attackPoint) ratio() float64 { return float64(p.after) / float64(p.before) }

// check refuses images that are not what the role is for.
func (c *attackCurve) check(attack string, v record.View, i int) error {
	if !v.HasAttack(i) || attack != c.role && attack != substitutePrefix+c.role {
		return fmt.Errorf("sample %q: perturbation %q is not that of %s; the stages of the pipeline that is bound to the role %s must end in {type: %s}",
			v.ID(i), v.Perturbation(i), c.role, c.role, c.role)
	}
	if c.attack == "" {
		c.attack = strings.Clone(attack)
	}
	if attack != c.attack {
		return fmt.Errorf("sample %q was attacked by %s, others by %s; they cannot be scored together: put them into pipelines of their own", v.ID(i), attack, c.attack)
	}
	if v.Severity(i) < 1 {
		return fmt.Errorf("sample %q: severity must be the eps of %s, above 0, got %d", v.ID(i), c.role, v.Severity(i))
	}
	return nil
}

// Rounding to float32 adds up over the pixels in an L2 norm.
const (
	linfTolerance = 1e-6
	l2Tolerance   = 1e-5
)

// checkNorm says where an image changed by more than eps.
func (c *attackCurve) checkNorm(v record.View, i int) error {
	name, norm, tolerance := "largest change of a pixel", float64(v.Linf(i)), linfTolerance
	if c.role == attackL2 {
		name, norm, tolerance = "L2 norm of the change", float64(v.L2(i)), l2Tolerance
	}
	bound := c.bound(v.Severity(i))
	if norm >= 0 && norm <= bound+tolerance {
		return nil
	}
	return fmt.Errorf("sample %q: the %s is %v, and eps of %s allows %v; the stage that made it does not keep to its eps", v.ID(i), name, norm, v.Perturbation(i), bound)
}

// bound is eps in pixel values of 0..1.
func (c *attackCurve) bound(severity int32) float64 {
	if c.role == attackL2 {
		return float64(severity) / l2Steps
	}
	return float64(severity) / (linfSteps * levels)
}

// epsOf writes eps in the unit of its attack.
func (c *attackCurve) epsOf(severity int32) string { return epsNumber(c.role, severity) }

func epsNumber(attack string, severity int32) string {
	steps := linfSteps
	if attack == attackL2 {
		steps = l2Steps
	}
	return strconv.FormatFloat(float64(severity)/float64(steps), 'f', -1, 64)
}

// AttackEps writes the eps that the severity of an adversarial image stands for,
// such as "8/255", or "0.5" in the L2 norm of pixel values of 0..1.
func AttackEps(perturbation string, severity int32) string {
	_, last := splitPerturbation(perturbation)
	attack := strings.TrimPrefix(last, substitutePrefix)
	if attack == attackL2 {
		return epsNumber(attack, severity)
	}
	return fmt.Sprintf("%s/%d", epsNumber(attack, severity), levels)
}

// epsText lists every eps for a message.
func (c *attackCurve) epsText() string { return epsList(c.role, c.severities()) }

func (c *attackCurve) add(v record.View, i int) {
	p := c.points[v.Severity(i)]
	if p == nil {
		p = &attackPoint{}
		c.points[v.Severity(i)] = p
	}
	p.n++
	if v.Before(i) {
		p.before++
	}
	if v.Correct(i) {
		p.after++
	}
	p.linf.add(v.Linf(i))
	p.l2.add(v.L2(i))
	c.forward += int64(v.Forward(i))
	c.backward += int64(v.Backward(i))
	if v.Backward(i) == 0 {
		return
	}
	c.differentiated++
	if v.ZeroGradient(i) {
		c.zeroGradients++
	}
}

func (c *attackCurve) severities() []int32 { return slices.Sorted(maps.Keys(c.points)) }

// substituted says that Square took the place of the attack.
func (c *attackCurve) substituted() bool { return strings.HasPrefix(c.attack, substitutePrefix) }

// swept says that there are eps enough for an area.
func (c *attackCurve) swept() bool { return len(c.points) >= 2 }

// images counts the adversarial images of all eps.
func (c *attackCurve) images() int64 {
	n := int64(0)
	for _, p := range c.points {
		n += p.n
	}
	return n
}

// undefined finds a severity at which nothing was right before the attack.
func (c *attackCurve) undefined() (severity int32, found bool) {
	for _, severity := range c.severities() {
		if c.points[severity].before == 0 {
			return severity, true
		}
	}
	return 0, false
}

// area is that under the ratio against eps, from a ratio of 1 at eps 0 to the
// largest eps, by trapezoids and divided by that eps.
func (c *attackCurve) area() float64 {
	area, eps, ratio := 0.0, 0.0, 1.0
	for _, severity := range c.severities() {
		nextEps, nextRatio := float64(severity), c.points[severity].ratio()
		area += (nextEps - eps) * (ratio + nextRatio) / 2
		eps, ratio = nextEps, nextRatio
	}
	return area / eps
}

// at is the point at an eps of the L-inf norm; nil where there is none.
func (c *attackCurve) at(severity int32) *attackPoint {
	if c.role == attackL2 {
		return nil
	}
	return c.points[severity]
}

const epsPrefix = "/eps_"

// parts are those at the severity of the score, of the whole curve and at each
// severity, in this order.
func (c *attackCurve) parts(severity int32) []Part {
	var parts []Part
	if p := c.at(severity); p != nil {
		parts = append(parts, p.parts(c.role)...)
	}
	images := c.images()
	if c.swept() {
		parts = append(parts, Part{Name: c.role + "/auc", Value: c.area(), N: images})
	}
	parts = append(parts,
		Part{Name: c.role + "/forward", Value: float64(c.forward), N: images},
		Part{Name: c.role + "/backward", Value: float64(c.backward), N: images})
	if c.differentiated > 0 {
		parts = append(parts, Part{Name: c.role + "/zero_gradients", Value: c.zeroFraction(), N: c.differentiated})
	}
	for _, severity := range c.severities() {
		parts = append(parts, c.points[severity].parts(c.role+epsPrefix+c.epsOf(severity))...)
	}
	return parts
}

// zeroFraction is of no meaning without gradients.
func (c *attackCurve) zeroFraction() float64 {
	return float64(c.zeroGradients) / float64(c.differentiated)
}

func (p *attackPoint) parts(name string) []Part {
	n := float64(p.n)
	return []Part{
		{Name: name, Value: p.ratio(), N: p.n},
		{Name: name + "/before", Value: p.accuracyBefore(), N: p.n},
		{Name: name + "/after", Value: p.accuracyAfter(), N: p.n},
		{Name: name + "/linf_mean", Value: p.linf.sum / n, N: p.n},
		{Name: name + "/linf_max", Value: p.linf.max, N: p.n},
		{Name: name + "/l2_mean", Value: p.l2.sum / n, N: p.n},
		{Name: name + "/l2_max", Value: p.l2.max, N: p.n},
	}
}

// AttackPoint is what an attack of one strength did to N images.
type AttackPoint struct {
	Attack string
	// Eps is in 1/255, and for pgd_l2 in pixel values of 0..1.
	Eps float64
	N   int64
	// Before and After are accuracies in [0, 1], Ratio is After / Before.
	Ratio, Before, After float64
	// The norms are of the change of the image, in pixel values of 0..1.
	LinfMean, LinfMax, L2Mean, L2Max float64
}

// AttackPoints finds the curves of accuracy against eps among the parts of
// adversarial_robustness, in their order, and gives back the other parts.
func AttackPoints(parts []Part) (points []AttackPoint, rest []Part) {
	for _, part := range parts {
		attack, eps, key, ok := parsePoint(part.Name)
		if !ok {
			rest = append(rest, part)
			continue
		}
		last := len(points) - 1
		if last < 0 || points[last].Attack != attack || points[last].Eps != eps {
			points = append(points, AttackPoint{Attack: attack, Eps: eps, N: part.N})
			last++
		}
		points[last].set(key, part.Value)
	}
	return points, rest
}

// parsePoint takes the name of a part such as "pgd/eps_2/before" to pieces.
func parsePoint(name string) (attack string, eps float64, key string, ok bool) {
	attack, name, ok = strings.Cut(name, epsPrefix)
	if !ok {
		return "", 0, "", false
	}
	text, key, _ := strings.Cut(name, "/")
	eps, err := strconv.ParseFloat(text, 64)
	return attack, eps, key, err == nil
}

func (p *AttackPoint) set(key string, value float64) {
	fields := map[string]*float64{
		"": &p.Ratio, "before": &p.Before, "after": &p.After,
		"linf_mean": &p.LinfMean, "linf_max": &p.LinfMax, "l2_mean": &p.L2Mean, "l2_max": &p.L2Max,
	}
	if field, ok := fields[key]; ok {
		*field = value
	}
}
