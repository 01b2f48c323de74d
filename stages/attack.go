package stages

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"quba/internal/attack"
	"quba/internal/imaging"
	"quba/pipeline"
	"quba/pipeline/record"
	"quba/pipeline/registry"
)

// Where an attack looks into the model.
const (
	whiteBox  = "white-box"
	autoWhite = "auto"
)

// attacker is an attack bound to the model under test. It makes one sample for
// each of its levels.
type attacker struct {
	name     string
	method   attack.Method
	access   accessConfig // its zero value is an attack that nothing stands in for
	levels   []float64
	severity func(float64) int32
	options  attack.Options
	// normalised attacks what enters the network, as the authors' released code
	// does.
	normalised bool
	// departures name the settings that differ from those which the score
	// adversarial_robustness is defined by.
	departures []string
}

var (
	_ pipeline.Attack     = (*attacker)(nil)
	_ pipeline.Opener     = (*attacker)(nil)
	_ pipeline.Multiplier = (*attacker)(nil)
	_ pipeline.Noter      = (*attacker)(nil)
	_ pipeline.Graded     = (*attacker)(nil)

	_ pipeline.ModelPreparer   = (*attacker)(nil)
	_ pipeline.Substitute      = (*attacker)(nil)
	_ pipeline.ProtocolChecker = (*attacker)(nil)
)

// newCubeAttack is an attack whose levels are radii in the maximum norm, in
// 1/255. The severity is the level in hundredths.
func newCubeAttack(name string, m attack.Method, c cubeConfig) *attacker {
	a := &attacker{
		name: name, method: m, levels: c.Eps, severity: hundredths,
		options: attack.Options{Restarts: 1, EarlyStop: c.EarlyStop, Quantize: c.Quantize},
	}
	for _, level := range c.Eps {
		a.options.Radii = append(a.options.Radii, of255(level))
	}
	return a
}

// of255 turns levels of 8-bit images into units in which white is 1.
func of255(level float64) float32 { return float32(level / 255) }

// cubeConfig are the options of attacks within a radius in the maximum norm.
type cubeConfig struct {
	Eps       []float64 `koanf:"eps" alone:"true" jsonschema:"minItems=1,exclusiveMinimum=0,maximum=255" jsonschema_description:"Largest change of a pixel value, in 1/255; several make a sweep, with one image for each. The severity in records is in hundredths: 800 for 8."`
	Quantize  bool      `koanf:"quantize" jsonschema_description:"Make true 8-bit images: what was found is rounded within eps."`
	EarlyStop bool      `koanf:"early_stop" jsonschema_description:"Leave images alone that are already classified wrongly."`
}

func (c cubeConfig) check() error {
	problems := []error{checkEps(c.Eps, hundredths, 0.01, "hundredths")}
	for i, eps := range c.Eps {
		if c.Quantize && eps < 1 {
			problems = append(problems, registry.Fieldf(itemOf("eps", i), "must be at least 1 with quantize, got %g: the only 8-bit image in the ball is the clean one", eps))
		}
	}
	return errors.Join(problems...)
}

// departures are those of both attacks of the score. EarlyStop is none: what is
// wrong already stays wrong.
func (c cubeConfig) departures() []string {
	if c.Quantize {
		return []string{"rounded to 8-bit images"}
	}
	return nil
}

// checkEps reports eps that records would round: results are scored by what
// records say.
func checkEps(eps []float64, severity func(float64) int32, unit float64, name string) error {
	const slack = 1e-9
	var problems []error
	for i, level := range eps {
		if recorded := float64(severity(level)) * unit; math.Abs(recorded-level) > slack {
			problems = append(problems, registry.Fieldf(itemOf("eps", i), "must be a multiple of %g, got %g", unit, level))
		}
	}
	if len(problems) > 0 {
		return errors.Join(problems...)
	}
	return distinctLevels("eps", eps, severity, name)
}

// accessConfig says what an attack does where there is no gradient.
type accessConfig struct {
	Attack  string `koanf:"attack" jsonschema:"enum=white-box,enum=auto" jsonschema_description:"white-box: models without a gradient are an error; auto: they meet the Square attack instead, which records call square_for_ and the attack's name."`
	Queries int    `koanf:"queries" jsonschema:"minimum=1,maximum=1000000" jsonschema_description:"Forward passes of the Square attack for each image, with attack: auto."`
}

var defaultAccess = accessConfig{Attack: whiteBox, Queries: 1000}

// fallback is what stands in where the network has no gradient; nil for an error.
func (c accessConfig) fallback() attack.Method {
	if c.Attack == autoWhite {
		return attack.Square{Queries: c.Queries}
	}
	return nil
}

// withoutGradient says what else can be done.
func (c accessConfig) withoutGradient(err error) error {
	if c.Attack != whiteBox {
		return err
	}
	return fmt.Errorf("%w, or set attack: auto, which takes it where there is no gradient", err)
}

// qubaCode is the protocol whose attacks act on normalised images.
const qubaCode = "quba-code"

// CheckProtocol refuses whole levels of pixels where there are no pixels.
func (a *attacker) CheckProtocol(protocol string) error {
	if protocol == qubaCode && a.options.Quantize {
		return registry.Fieldf("quantize", "cannot be used with protocol: quba-code, whose attacks do not act on pixels: leave it out")
	}
	return nil
}

// Open learns the protocol.
func (a *attacker) Open(_ context.Context, run *pipeline.Run) error {
	a.normalised = run.Protocol == qubaCode
	return nil
}

// Variants is the number of levels.
func (a *attacker) Variants() int { return len(a.levels) }

// Severities are the levels as records say them.
func (a *attacker) Severities() []int32 {
	severities := make([]int32, len(a.levels))
	for k, level := range a.levels {
		severities[k] = a.severity(level)
	}
	return severities
}

// Passes are those of the attack itself.
func (a *attacker) Passes() (forward, backward int) { return attack.Passes(a.method, a.options) }

// SubstitutePasses are those of the attack in its place, where it may have one.
func (a *attacker) SubstitutePasses() int {
	fallback := a.access.fallback()
	if fallback == nil {
		return 0
	}
	forward, _ := attack.Passes(fallback, a.options)
	return forward
}

// Apply is an error.
func (a *attacker) Apply(context.Context, pipeline.Sample) ([]pipeline.Sample, error) {
	return nil, fmt.Errorf("%s attacks the model under test, and there is none here", a.name)
}

// PrepareModel has the network differentiated where the attack needs that.
func (a *attacker) PrepareModel(ctx context.Context, m pipeline.Model) ([]string, error) {
	x, err := a.open(ctx, m)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", a.name, err)
	}
	return x.notes(), x.Close()
}

// AttackModel makes the adversarial images of each sample in the order of the
// levels.
func (a *attacker) AttackModel(ctx context.Context, m pipeline.Model, batch []pipeline.Sample) (_ []pipeline.Sample, err error) {
	for _, s := range batch {
		if err := attackable(s); err != nil {
			return nil, err
		}
	}
	x, err := a.open(ctx, m)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", a.name, err)
	}
	defer func() { err = errors.Join(err, x.Close()) }()
	images, err := x.images(batch)
	if err != nil {
		return nil, err
	}
	outcomes, err := attack.Run(ctx, x.oracle(), x.method, images, a.options)
	if err != nil {
		return nil, nameSample(err, batch)
	}
	return a.samples(x, batch, images, outcomes), nil
}

func attackable(s pipeline.Sample) error {
	if s.Decision != nil {
		return fmt.Errorf("%s: attacks need labels among the model's own classes, these are of %s: take a data set with the model's labels", s.ID, s.Decision.Name)
	}
	if s.Label == record.NoClass {
		return pipeline.Unusable("%s: has no label, and attacks move away from the true class", s.ID)
	}
	return nil
}

// nameSample puts the sample's name in the place of its number.
func nameSample(err error, batch []pipeline.Sample) error {
	var of *attack.ImageError
	if errors.As(err, &of) {
		return fmt.Errorf("%s: %w", batch[of.Image].ID, of.Err)
	}
	return err
}

// access is a model that is being attacked.
type access struct {
	pipeline.Differentiator
	name   string // of the attack, or of the one in its place
	method attack.Method
	// missing is why there is no gradient, where another attack took the place.
	missing error
	// space is that of normalised images, nil for pixels.
	space *attack.Normalised
}

// open takes the fallback where the model has no gradient.
func (a *attacker) open(ctx context.Context, m pipeline.Model) (*access, error) {
	model, ok := m.(pipeline.Differentiable)
	if !ok {
		return nil, errors.New("models of this type cannot be attacked: they do not say how their output depends on single values")
	}
	x := &access{name: a.name, method: a.method}
	d, err := model.Differentiator(ctx, attack.UsesGradient(a.method))
	if fallback := a.access.fallback(); errors.Is(err, pipeline.ErrNoGradient) && fallback != nil {
		x.name, x.method, x.missing = "square_for_"+a.name, fallback, err
		d, err = model.Differentiator(ctx, false)
	}
	if errors.Is(err, pipeline.ErrNoGradient) {
		err = a.access.withoutGradient(err)
	}
	if err != nil {
		return nil, err
	}
	x.Differentiator = d
	if a.normalised {
		h, w := d.Size()
		mean, std := d.Normalisation()
		x.space = attack.NewNormalised(d, h, w, mean, std)
	}
	return x, nil
}

func (x *access) oracle() attack.Oracle {
	if x.space != nil {
		return x.space
	}
	return x.Differentiator
}

// images are the samples in the space of the attack.
func (x *access) images(batch []pipeline.Sample) (attack.Images, error) {
	h, w := x.Size()
	in := attack.Images{H: h, W: w, Rand: func(i, restart int) *rand.Rand {
		return batch[i].Rand(fmt.Sprintf("%s %d", x.name, restart))
	}}
	for _, s := range batch {
		pixels, err := exactPixels(s, w, h)
		if err != nil {
			return in, err
		}
		if x.space != nil {
			x.space.Normalise(pixels, pixels)
		}
		in.Pix = append(in.Pix, pixels)
		in.Labels = append(in.Labels, int64(s.Label))
	}
	return in, nil
}

// exactPixels is a copy of what the model is given: planes of values in 0..1.
func exactPixels(s pipeline.Sample, w, h int) ([]float32, error) {
	if e := s.Exact; e != nil {
		if e.W != w || e.H != h {
			return nil, fmt.Errorf("%s: must be %dx%d as the model takes it, is %dx%d", s.ID, w, h, e.W, e.H)
		}
		return append([]float32(nil), e.Pix...), nil
	}
	if s.Image == nil || s.Image.W != w || s.Image.H != h {
		return nil, fmt.Errorf("%s: must be %dx%d as the model takes it", s.ID, w, h)
	}
	plane := w * h
	pixels := make([]float32, 3*plane)
	for i, level := range s.Image.Pix {
		pixels[i%3*plane+i/3] = float32(level) / 255
	}
	return pixels, nil
}

// rounded is the nearest 8-bit image.
func rounded(e *pipeline.Exact) *pipeline.Image {
	image := imaging.New(e.W, e.H)
	plane := e.W * e.H
	for i := range image.Pix {
		v := float64(e.Pix[i%3*plane+i/3])
		image.Pix[i] = byte(math.Round(255 * min(max(v, 0), 1)))
	}
	return image
}

func (a *attacker) samples(x *access, batch []pipeline.Sample, images attack.Images, outcomes [][]attack.Outcome) []pipeline.Sample {
	made := make([]pipeline.Sample, 0, len(batch)*len(a.levels))
	for i, s := range batch {
		clean := images.Pix[i]
		if x.space != nil {
			x.space.Pixels(clean, clean)
		}
		for k, level := range a.levels {
			found := outcomes[i][k]
			if x.space != nil {
				x.space.Pixels(found.Pix, found.Pix)
			}
			exact := &pipeline.Exact{W: images.W, H: images.H, Pix: found.Pix}
			out := s.With(rounded(exact), s.Variant.Then(x.name, a.severity(level)))
			out.Exact, out.Attacked = exact, attackedBy(found, clean)
			made = append(made, out)
		}
	}
	return made
}

func attackedBy(found attack.Outcome, clean []float32) *record.Attack {
	largest, squares := 0.0, 0.0
	for j, v := range found.Pix {
		d := float64(v) - float64(clean[j])
		largest = max(largest, math.Abs(d))
		squares += float64(d * d)
	}
	return &record.Attack{
		Before: found.Before, Linf: float32(largest), L2: float32(math.Sqrt(squares)),
		Forward: found.Forward, Backward: found.Backward, ZeroGradient: found.ZeroGradient,
	}
}
