package stages

import (
	"quba/pipeline"
	"quba/pipeline/registry"
)

func init() {
	registry.Register(Stages, "high_pass", "Gaussian high-pass filter; the severity is the cut-off in whole cycles per image, 0 unfiltered.",
		highPassConfig{Cutoffs: []float64{0, 11.88, 23.77, 35.65, 50.93, 64.82, 79.22, 89.13}, Mean: 0.4423, Grayscale: true}, newHighPass)
}

type highPassConfig struct {
	Cutoffs   []float64 `koanf:"cutoffs" jsonschema:"minItems=1,minimum=0" jsonschema_description:"Cycles per shorter side at which the gain is 1-exp(-1/2); 0 filters nothing. The defaults are the standard deviations inf, 3, 1.5, 1, 0.7, 0.55, 0.45 and 0.4 pixels at 224 pixels of Geirhos et al. (NeurIPS 2018)."`
	Mean      float64   `koanf:"mean" jsonschema:"minimum=0,maximum=1" jsonschema_description:"Mean of the filtered image, 0 black and 1 white; 0.4423 as published, the mean of the images there."`
	Grayscale bool      `koanf:"grayscale" jsonschema_description:"Without colour, as published."`
}

func (c *highPassConfig) Validate() error {
	return distinctLevels("cutoffs", c.Cutoffs, nearestWhole, "cycles")
}

func newHighPass(c highPassConfig) (pipeline.Stage, error) {
	return &parametric[float64]{
		name: "high_pass", levels: c.Cutoffs, severity: nearestWhole,
		prepare: func(s pipeline.Sample) func(float64) (*pipeline.Image, error) {
			planes := planesOf(s.Image, c.Grayscale)
			return func(cutoff float64) (*pipeline.Image, error) {
				return eachPlane(planes, func(p plane) plane { return p.highPass(cutoff, c.Mean) }), nil
			}
		},
	}, nil
}

// highPass is what lowPass takes away, moved to a mean.
func (p plane) highPass(cutoff, mean float64) plane {
	if cutoff == 0 {
		return p
	}
	low := p.lowPass(cutoff)
	out := newPlane(p.w, p.h)
	for i, v := range p.v {
		out.v[i] = v - low.v[i]
	}
	shift := mean - out.mean()
	for i := range out.v {
		out.v[i] += shift
	}
	return out
}
