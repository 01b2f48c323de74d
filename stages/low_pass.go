package stages

import (
	"math"

	"quba/pipeline"
	"quba/pipeline/registry"
)

func init() {
	registry.Register(Stages, "low_pass", "Gaussian low-pass filter; the severity is the cut-off in whole cycles per image, 0 unfiltered.",
		lowPassConfig{Cutoffs: []float64{0, 35.65, 11.88, 7.13, 5.09, 3.57, 2.38, 0.89}, Grayscale: true}, newLowPass)
}

type lowPassConfig struct {
	Cutoffs   []float64 `koanf:"cutoffs" jsonschema:"minItems=1,minimum=0" jsonschema_description:"Cycles per shorter side at which the gain is exp(-1/2); 0 filters nothing. The defaults are the standard deviations 0, 1, 3, 5, 7, 10, 15 and 40 pixels at 224 pixels of Geirhos et al. (NeurIPS 2018)."`
	Grayscale bool      `koanf:"grayscale" jsonschema_description:"Without colour, as published."`
}

func (c *lowPassConfig) Validate() error {
	return distinctLevels("cutoffs", c.Cutoffs, nearestWhole, "cycles")
}

func newLowPass(c lowPassConfig) (pipeline.Stage, error) {
	return &parametric[float64]{
		name: "low_pass", levels: c.Cutoffs, severity: nearestWhole,
		prepare: func(s pipeline.Sample) func(float64) (*pipeline.Image, error) {
			planes := planesOf(s.Image, c.Grayscale)
			return func(cutoff float64) (*pipeline.Image, error) {
				return eachPlane(planes, func(p plane) plane { return p.lowPass(cutoff) }), nil
			}
		},
	}, nil
}

// lowPass keeps frequencies below a cut-off in cycles per shorter side f: the
// Gaussian gain exp(-1/2 (frequency/f)^2), in pixels the standard deviation
// side/(2 pi f). A cut-off of 0 filters nothing. Beyond the border the image is
// mirrored; the published images have a grey of 0.4423 there.
func (p plane) lowPass(cutoff float64) plane {
	if cutoff == 0 {
		return p
	}
	return p.blur(float64(min(p.w, p.h)) / (2 * math.Pi * cutoff))
}
