package metrics

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"quba/pipeline/record"
	"quba/pipeline/registry"
)

func init() {
	registry.Register(Registry, "adversarial_robustness",
		"Geometric mean over FGSM and PGD of accuracy under attack relative to accuracy before it on the same images.",
		adversarialOptions{At: dimensionEps, Score: scoreGmean}, newAdversarialRobustness)
}

type adversarialOptions struct {
	At    float64 `koanf:"at" jsonschema:"minimum=0.01,maximum=255" jsonschema_description:"The eps of the score, in 1/255; 8 is that of the dimension. It must be among those of the attacks."`
	Score string  `koanf:"score" jsonschema:"enum=gmean,enum=auc" jsonschema_description:"gmean: relative accuracy at one eps; auc: normalised area under relative accuracy against eps, which tells models apart that all lie near 0 at one eps. The geometric mean over FGSM and PGD is taken of either."`
}

// Validate checks what tags cannot say.
func (o *adversarialOptions) Validate() error {
	if severity := float64(severityOf(o.At)) / linfSteps; math.Abs(o.At-severity) > 1e-9 {
		return registry.Fieldf("at", "must be a multiple of %v, got %v", 1.0/linfSteps, o.At)
	}
	return nil
}

const (
	dimensionEps = 8 // in 1/255
	scoreGmean   = "gmean"
	scoreAUC     = "auc"
)

// The attacks that the score is the mean over come first.
var attackRoles = [...]Role{
	{Name: "fgsm", Doc: "predictions on images attacked by FGSM", Attack: true, Optional: true},
	{Name: "pgd", Doc: "predictions on images attacked by PGD", Attack: true, Optional: true},
	{Name: "apgd", Doc: "predictions on images attacked by AutoPGD; parts only", Attack: true, Optional: true, Extra: true},
	{Name: attackL2, Doc: "predictions on images attacked by PGD in the L2 norm; parts only", Attack: true, Optional: true, Extra: true},
	{Name: attackSquare, Doc: "predictions on images attacked by Square, which needs no gradient; parts only", Attack: true, Optional: true, Extra: true},
}

const (
	attackL2     = "pgd_l2"
	attackSquare = "square"
)

// scoredAttacks is how many attacks the score is the mean over.
const scoredAttacks = 2

func newAdversarialRobustness(o adversarialOptions) (Spec, error) {
	return Spec{
		Better: Higher,
		Roles:  slices.Clone(attackRoles[:]),
		CheckStages: func(roles map[string]*record.PipelineStages) error {
			return attackCheck{at: severityOf(o.At), area: o.Score == scoreAUC, roles: roles}.run()
		},
		New: func(env Env) Metric {
			a := &adversarialRobustness{at: severityOf(o.At), area: o.Score == scoreAUC, bounded: env.Protocol != QubaCode}
			for i, role := range attackRoles {
				a.curves[i] = attackCurve{role: role.Name, points: map[int32]*attackPoint{}}
			}
			return a
		},
	}, nil
}

// adversarialRobustness is the geometric mean over FGSM and PGD of accuracy
// under attack divided by accuracy before it on the same images, at one eps,
// or with score auc of the normalised area under that ratio against eps. With
// one of the two attacks alone it is partial. A ratio of 0 makes it 0; it is
// not defined where no image was classified correctly before. N counts the
// adversarial images of the score.
//
// Parts, for pgd as for each other attack: pgd is the ratio at the eps of the
// score, pgd/before and pgd/after the accuracies, pgd/linf_mean, pgd/linf_max,
// pgd/l2_mean and pgd/l2_max the norms of the change of the image in pixel
// values of 0..1. pgd/eps_2 and pgd/eps_2/before to pgd/eps_2/l2_max are the
// same at each eps of the sweep, in 1/255, but for pgd_l2, whose eps is in pixel
// values and which has nothing at the eps of the score. pgd/auc is the area
// and auc the geometric mean of those of FGSM and PGD, where their eps are the
// same and two at least. pgd/forward and pgd/backward are the passes through
// the network, those of each eps counted as if it were alone (a sweep makes the
// pass at the clean image once), pgd/zero_gradients the fraction of the images
// with a gradient that was zero everywhere or had values that were not finite,
// which the attacks take for 0.
//
// The protocols differ in what is attacked: with quba-code that is the
// normalised image, whose change in pixel values eps does not bound. With
// standard a norm beyond eps is an error.
type adversarialRobustness struct {
	at      int32 // severity of the score
	area    bool
	bounded bool // eps bounds the norms
	curves  [len(attackRoles)]attackCurve
	chain   chain
}

var _ Metric = (*adversarialRobustness)(nil)

func (a *adversarialRobustness) Observe(role string, v record.View) error {
	at := slices.IndexFunc(attackRoles[:], func(r Role) bool { return r.Name == role })
	if at < 0 {
		return fmt.Errorf("unknown role %q; must be one of %s", role, roleNames(attackRoles[:]))
	}
	for i := range v.Len() {
		if err := checkLabel(v, i); err != nil {
			return err
		}
		if err := a.observe(&a.curves[at], v, i); err != nil {
			return err
		}
	}
	return nil
}

func (a *adversarialRobustness) observe(c *attackCurve, v record.View, i int) error {
	before, attack := splitPerturbation(v.Perturbation(i))
	if err := c.check(attack, v, i); err != nil {
		return err
	}
	if a.bounded {
		if err := c.checkNorm(v, i); err != nil {
			return err
		}
	}
	if err := a.chain.observe(before); err != nil {
		return err
	}
	c.add(v, i)
	return nil
}

func (a *adversarialRobustness) Score() (Score, error) {
	var s Score
	var values []float64
	for i := range a.curves[:scoredAttacks] {
		c := &a.curves[i]
		if len(c.points) == 0 {
			s.Missing = append(s.Missing, c.role)
			continue
		}
		value, n, err := a.valueOf(c)
		if err != nil {
			return Score{}, err
		}
		values = append(values, value)
		s.N += n
	}
	if len(values) == 0 {
		return Score{}, errors.New("neither fgsm nor pgd was seen; a score needs at least one: bind a pipeline that ends in such an attack")
	}
	if a.area && !a.sameSweeps() {
		return Score{}, fmt.Errorf("areas are comparable over the same eps only: fgsm has eps %s, pgd has %s", a.curves[0].epsText(), a.curves[1].epsText())
	}
	s.Value = geometricMean(values)
	s.Parts = a.parts()
	s.Notes = a.notes()
	return s, nil
}

// valueOf is what the score is the mean of, and how many adversarial images it
// was made from.
func (a *adversarialRobustness) valueOf(c *attackCurve) (value float64, n int64, err error) {
	if severity, found := c.undefined(); found {
		return 0, 0, fmt.Errorf("none of %d images was classified correctly before %s at eps %s; accuracy relative to that is not defined",
			c.points[severity].n, c.role, c.epsOf(severity))
	}
	if a.area {
		if !c.swept() {
			return 0, 0, fmt.Errorf("an area needs at least two eps; %s has eps %s: give its stage a list, or choose score: gmean", c.role, c.epsText())
		}
		return c.area(), c.images(), nil
	}
	p, ok := c.points[a.at]
	if !ok {
		return 0, 0, fmt.Errorf("%s has no images at eps %s, which the score is made at; there are eps %s: attack with that eps too, or choose one of these with the option at",
			c.role, c.epsOf(a.at), c.epsText())
	}
	return p.ratio(), p.n, nil
}

// sameSweeps says whether the attacks of the score that are there have the same
// eps, two at least.
func (a *adversarialRobustness) sameSweeps() bool {
	var first []int32
	for i := range a.curves[:scoredAttacks] {
		c := &a.curves[i]
		switch {
		case len(c.points) == 0:
			continue
		case first == nil:
			first = c.severities()
		}
		if !c.swept() || !slices.Equal(first, c.severities()) {
			return false
		}
	}
	return true
}

func (a *adversarialRobustness) parts() []Part {
	var parts []Part
	if a.sameSweeps() {
		parts = append(parts, a.areaPart())
	}
	for i := range a.curves {
		c := &a.curves[i]
		if _, undefined := c.undefined(); undefined || len(c.points) == 0 {
			continue
		}
		parts = append(parts, c.parts(a.at)...)
	}
	return parts
}

func (a *adversarialRobustness) areaPart() Part {
	part := Part{Name: scoreAUC}
	var areas []float64
	for i := range a.curves[:scoredAttacks] {
		if c := &a.curves[i]; len(c.points) > 0 {
			areas = append(areas, c.area())
			part.N += c.images()
		}
	}
	part.Value = geometricMean(areas)
	return part
}

func geometricMean(values []float64) float64 {
	product := 1.0
	for _, v := range values {
		product *= v
	}
	return math.Pow(product, 1/float64(len(values)))
}

func (*adversarialRobustness) Close() error { return nil }
