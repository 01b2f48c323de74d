package stages

import (
	"context"

	"quba/pipeline"
	"quba/pipeline/registry"
)

func init() {
	registry.Register(Stages, "grayscale", "Luminance (ITU-R BT.709) in place of colour.", grayscaleConfig{}, newGrayscale)
}

type grayscaleConfig struct{}

// grayscale takes the colour away.
type grayscale struct{}

var (
	_ pipeline.Stage      = grayscale{}
	_ pipeline.Multiplier = grayscale{}
)

func newGrayscale(grayscaleConfig) (pipeline.Stage, error) { return grayscale{}, nil }

func (grayscale) Apply(_ context.Context, s pipeline.Sample) ([]pipeline.Sample, error) {
	return []pipeline.Sample{s.With(imageOf(planesOf(s.Image, true)), s.Variant.Then("grayscale", 0))}, nil
}

// Variants is one.
func (grayscale) Variants() int { return 1 }
