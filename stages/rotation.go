package stages

import (
	"errors"

	"quba/internal/imaging"
	"quba/pipeline"
	"quba/pipeline/registry"
)

func init() {
	registry.Register(Stages, "rotation", "Rotation by quarter turns; the severity is the angle in degrees.",
		rotationConfig{Angles: []int{0, 90, 180, 270}, Grayscale: true}, newRotation)
}

type rotationConfig struct {
	Angles    []int `koanf:"angles" jsonschema:"minItems=1,uniqueItems=true" jsonschema_description:"Degrees counterclockwise: 0, 90, 180, 270."`
	Grayscale bool  `koanf:"grayscale" jsonschema_description:"Without colour, as published by Geirhos et al. (NeurIPS 2018)."`
}

func (c *rotationConfig) Validate() error {
	var problems []error
	for i, angle := range c.Angles {
		if angle%90 != 0 || angle < 0 || angle > 270 {
			problems = append(problems, registry.Fieldf(itemOf("angles", i), "must be 0, 90, 180 or 270, got %d", angle))
		}
	}
	return errors.Join(problems...)
}

func newRotation(c rotationConfig) (pipeline.Stage, error) {
	return &parametric[int]{
		name: "rotation", levels: c.Angles, severity: wholeLevel,
		prepare: func(s pipeline.Sample) func(int) (*pipeline.Image, error) {
			upright := s.Image
			if c.Grayscale {
				upright = imageOf(planesOf(upright, true))
			}
			return func(angle int) (*pipeline.Image, error) { return rotate(upright, angle), nil }
		},
	}, nil
}

// rotate turns counterclockwise by a multiple of 90 degrees, without loss.
func rotate(m *imaging.Image, angle int) *imaging.Image {
	if angle == 0 {
		return m
	}
	w, h := m.W, m.H
	if angle != 180 {
		w, h = h, w
	}
	out := imaging.New(w, h)
	for y := range h {
		for x := range w {
			fromX, fromY := m.W-1-y, x // 90
			switch angle {
			case 180:
				fromX, fromY = m.W-1-x, m.H-1-y
			case 270:
				fromX, fromY = y, m.H-1-x
			}
			i := 3 * (y*w + x)
			j := 3 * (fromY*m.W + fromX)
			copy(out.Pix[i:i+3], m.Pix[j:j+3])
		}
	}
	return out
}
