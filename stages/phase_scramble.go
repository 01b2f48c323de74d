package stages

import (
	"quba/pipeline"
	"quba/pipeline/registry"
)

func init() {
	registry.Register(Stages, "phase_scramble", "Random shifts of the Fourier phases; the severity is the largest shift in degrees.",
		phaseScrambleConfig{Widths: []int{0, 30, 60, 90, 120, 150, 180}, Grayscale: true}, newPhaseScramble)
}

type phaseScrambleConfig struct {
	Widths    []int `koanf:"widths" jsonschema:"minItems=1,uniqueItems=true,minimum=0,maximum=180" jsonschema_description:"The shifts are in [-width, width] degrees; the defaults are those of Geirhos et al. (NeurIPS 2018)."`
	Grayscale bool  `koanf:"grayscale" jsonschema_description:"Without colour, as published. All channels get the same shifts."`
}

func newPhaseScramble(c phaseScrambleConfig) (pipeline.Stage, error) {
	return &parametric[int]{
		name: "phase_scramble", levels: c.Widths, severity: wholeLevel,
		prepare: func(s pipeline.Sample) func(int) (*pipeline.Image, error) {
			var spectra []spectrum
			for _, p := range planesOf(s.Image, c.Grayscale) {
				spectra = append(spectra, p.transform())
			}
			shifts := phaseShifts(s, spectra[0])
			return func(width int) (*pipeline.Image, error) {
				planes := make([]plane, len(spectra))
				for i, spectrum := range spectra {
					planes[i] = spectrum.turn(shifts, float64(width)/180).inverse()
				}
				return imageOf(planes), nil
			}
		},
	}, nil
}

// phaseShifts are uniform in [-1, 1) for each term of a spectrum, opposite
// for terms that are conjugate, and 0 for those that are their own conjugate:
// the image stays real and keeps its mean.
func phaseShifts(s pipeline.Sample, of spectrum) []float64 {
	n := of.columns()
	shifts := symmetricNoise(s, "phase_scramble", n*of.h)
	for u := range n {
		if u != 0 && 2*u != of.w {
			continue
		}
		for v := range of.h/2 + 1 {
			conjugate := (of.h - v) % of.h
			shifts[conjugate*n+u] = -shifts[v*n+u]
			if conjugate == v {
				shifts[v*n+u] = 0
			}
		}
	}
	return shifts
}
