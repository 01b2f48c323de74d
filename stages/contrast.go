package stages

import (
	"quba/pipeline"
	"quba/pipeline/registry"
)

func init() {
	registry.Register(Stages, "contrast", "Contrast reduced towards mid grey; the severity is the contrast in percent.",
		contrastConfig{Levels: []int{100, 50, 30, 15, 10, 5, 3, 1}, Grayscale: true}, newContrast)
}

type contrastConfig struct {
	Levels    []int `koanf:"levels" alone:"true" jsonschema:"minItems=1,uniqueItems=true,minimum=0,maximum=100" jsonschema_description:"Contrasts in percent; the defaults are those of Geirhos et al. (NeurIPS 2018)."`
	Grayscale bool  `koanf:"grayscale" jsonschema_description:"Without colour, as published."`
}

var (
	_ pipeline.Stage      = (*parametric[int])(nil)
	_ pipeline.Multiplier = (*parametric[int])(nil)
)

func newContrast(c contrastConfig) (pipeline.Stage, error) {
	return &parametric[int]{
		// The corruption of ImageNet-C is contrast, with severities of its own.
		name: "contrast_percent", levels: c.Levels, severity: wholeLevel,
		prepare: func(s pipeline.Sample) func(int) (*pipeline.Image, error) {
			planes := planesOf(s.Image, c.Grayscale)
			return func(percent int) (*pipeline.Image, error) {
				return eachPlane(planes, func(p plane) plane { return p.withContrast(float64(percent) / 100) }), nil
			}
		},
	}, nil
}

// withContrast scales the distance to mid grey: (1-c)/2 + c x.
func (p plane) withContrast(c float64) plane {
	out := newPlane(p.w, p.h)
	for i, v := range p.v {
		out.v[i] = (1-c)/2 + c*v
	}
	return out
}
