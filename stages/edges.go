package stages

import (
	"context"

	"quba/internal/edge"
	"quba/internal/imaging"
	"quba/pipeline"
	"quba/pipeline/registry"
)

func init() {
	registry.Register(Stages, "edges", "Canny edges, black lines on white.",
		edgesConfig{Sigma: 1.4, Low: 50, High: 120}, newEdges)
}

type edgesConfig struct {
	Sigma float64 `koanf:"sigma" jsonschema:"minimum=0,maximum=100" jsonschema_description:"Standard deviation in pixels of the Gaussian blur before the edges are looked for."`
	Low   float64 `koanf:"low" jsonschema:"minimum=0,maximum=2040" jsonschema_description:"Lines end where the gradient (sum of the absolute Sobel responses, 0..2040) falls to this."`
	High  float64 `koanf:"high" jsonschema:"minimum=0,maximum=2040" jsonschema_description:"Lines have at least one pixel with a larger gradient than this."`
}

func (c *edgesConfig) Validate() error {
	if c.Low > c.High {
		return registry.Fieldf("low", "must be at most high (%g), got %g", c.High, c.Low)
	}
	return nil
}

// edges draws the edges of an image (Canny, PAMI 1986).
type edges struct{ config edgesConfig }

var (
	_ pipeline.Stage      = (*edges)(nil)
	_ pipeline.Multiplier = (*edges)(nil)
)

func newEdges(c edgesConfig) (pipeline.Stage, error) { return &edges{c}, nil }

func (e *edges) Apply(_ context.Context, s pipeline.Sample) ([]pipeline.Sample, error) {
	return []pipeline.Sample{s.With(e.draw(s.Image), s.Variant.Then("edges", 0))}, nil
}

func (e *edges) draw(m *imaging.Image) *imaging.Image {
	grey := greyOf(m).blur(e.config.Sigma)
	lines := edge.Canny(grey.bytes(), m.W, m.H, e.config.Low, e.config.High)
	for i, v := range lines {
		lines[i] = 255 - v
	}
	return greyImage(m.W, m.H, lines)
}

// Variants is one.
func (e *edges) Variants() int { return 1 }
