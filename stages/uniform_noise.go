package stages

import (
	"quba/pipeline"
	"quba/pipeline/registry"
)

func init() {
	registry.Register(Stages, "uniform_noise", "Additive uniform noise; the severity is the width in hundredths.",
		uniformNoiseConfig{Widths: []float64{0, 0.03, 0.05, 0.1, 0.2, 0.35, 0.6, 0.9}, Contrast: 30, Grayscale: true}, newUniformNoise)
}

type uniformNoiseConfig struct {
	Widths    []float64 `koanf:"widths" jsonschema:"minItems=1,minimum=0,maximum=1" jsonschema_description:"The noise is in [-width, width], where 1 is the step from black to white; the defaults are those of Geirhos et al. (NeurIPS 2018)."`
	Contrast  int       `koanf:"contrast" jsonschema:"minimum=1,maximum=100" jsonschema_description:"Contrast in percent before the noise is added, so that less is clipped; 30 as published."`
	Grayscale bool      `koanf:"grayscale" jsonschema_description:"Without colour, as published. All channels of a pixel get the same noise."`
}

func (c *uniformNoiseConfig) Validate() error {
	return distinctLevels("widths", c.Widths, hundredths, "hundredths")
}

func newUniformNoise(c uniformNoiseConfig) (pipeline.Stage, error) {
	return &parametric[float64]{
		name: "uniform_noise", levels: c.Widths, severity: hundredths,
		prepare: func(s pipeline.Sample) func(float64) (*pipeline.Image, error) {
			planes := planesOf(s.Image, c.Grayscale)
			for i, p := range planes {
				planes[i] = p.withContrast(float64(c.Contrast) / 100)
			}
			noise := symmetricNoise(s, "uniform_noise", len(planes[0].v))
			return func(width float64) (*pipeline.Image, error) {
				return eachPlane(planes, func(p plane) plane { return p.plus(noise, width) }), nil
			}
		},
	}, nil
}

// symmetricNoise is uniform in [-1, 1): one field of a sample for all levels,
// so that levels differ in strength alone, whichever of them are run.
func symmetricNoise(s pipeline.Sample, purpose string, n int) []float64 {
	r := s.Rand(purpose)
	noise := make([]float64, n)
	for i := range noise {
		noise[i] = 2*r.Float64() - 1
	}
	return noise
}

func (p plane) plus(noise []float64, width float64) plane {
	out := newPlane(p.w, p.h)
	for i, v := range p.v {
		out.v[i] = v + width*noise[i]
	}
	return out
}
