package stages

import (
	"context"
	"math"

	"quba/internal/imaging"
	"quba/pipeline"
	"quba/pipeline/registry"
)

func init() {
	registry.Register(Stages, "sketch", "A drawing: ink lines (xdog) or pencil (dodge).",
		sketchConfig{Method: "xdog", Sharpness: 20, Threshold: 0.1, Steepness: 10}, newSketch)
}

type sketchConfig struct {
	Method    string  `koanf:"method" jsonschema:"enum=xdog,enum=dodge" jsonschema_description:"xdog: extended difference of Gaussians (Winnemoeller et al. 2012); dodge: grey divided by its blur."`
	Sigma     float64 `koanf:"sigma" jsonschema:"minimum=0,maximum=100" jsonschema_description:"Standard deviation in pixels of the Gaussian: with xdog the width of the lines, with dodge the reach of the pencil; 0 is 1 with xdog and 5 with dodge."`
	Sharpness float64 `koanf:"sharpness" jsonschema:"minimum=0,maximum=1000" jsonschema_description:"xdog: weight of the difference of Gaussians beside the blurred image (p)."`
	Threshold float64 `koanf:"threshold" jsonschema:"minimum=0,maximum=1" jsonschema_description:"xdog: what is brighter is white (epsilon), 0 black and 1 white."`
	Steepness float64 `koanf:"steepness" jsonschema:"exclusiveMinimum=0,maximum=1000" jsonschema_description:"xdog: how quickly darker parts become black (phi)."`
}

// sketch turns an image into a drawing in grey.
type sketch struct{ config sketchConfig }

var (
	_ pipeline.Stage      = (*sketch)(nil)
	_ pipeline.Multiplier = (*sketch)(nil)
)

// usualSigma is that of each method where none is given.
var usualSigma = map[string]float64{"xdog": 1, "dodge": 5}

func newSketch(c sketchConfig) (pipeline.Stage, error) {
	if c.Sigma == 0 {
		c.Sigma = usualSigma[c.Method]
	}
	return &sketch{c}, nil
}

func (k *sketch) Apply(_ context.Context, s pipeline.Sample) ([]pipeline.Sample, error) {
	return []pipeline.Sample{s.With(k.draw(s.Image), s.Variant.Then("sketch_"+k.config.Method, 0))}, nil
}

func (k *sketch) draw(m *imaging.Image) *imaging.Image {
	grey := greyOf(m)
	if k.config.Method == "dodge" {
		return imageOf([]plane{grey.dodge(k.config.Sigma)})
	}
	return imageOf([]plane{grey.xdog(k.config)})
}

// xdogRatio is that of the two Gaussians, close to a Laplacian (Marr and
// Hildreth 1980).
const xdogRatio = 1.6

// xdog is the soft threshold of (1+p) G(sigma) - p G(1.6 sigma): white above
// epsilon, 1 + tanh(phi (value - epsilon)) below.
func (p plane) xdog(c sketchConfig) plane {
	fine, coarse := p.blur(c.Sigma), p.blur(xdogRatio*c.Sigma)
	for i, v := range fine.v {
		sharp := v + c.Sharpness*(v-coarse.v[i])
		fine.v[i] = 1
		if sharp < c.Threshold {
			fine.v[i] = 1 + math.Tanh(c.Steepness*(sharp-c.Threshold))
		}
	}
	return fine
}

// dodge is colour dodge of the image with its blurred negative, g / blur(g):
// flat parts become white, and lines stay where it is darker than around.
func (p plane) dodge(sigma float64) plane {
	around := p.blur(sigma)
	for i, v := range p.v {
		lit := 1.0
		if v < around.v[i] {
			lit = v / around.v[i]
		}
		around.v[i] = lit
	}
	return around
}

// Variants is one.
func (k *sketch) Variants() int { return 1 }
