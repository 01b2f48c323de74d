package stages

import (
	"math/cmplx"

	"quba/internal/imaging"
)

func init() { registerStylizer("fourier", stylizeFourier) }

// stylizeFourier gives the content the style's amplitudes at low frequencies
// and keeps its phases (Yang and Soatto, CVPR 2020): those of at most
// floor(beta * shorter side) cycles per image along both axes, the mean
// included.
func stylizeFourier(content, style *imaging.Image, c stylizeConfig) *imaging.Image {
	reach := int(c.Beta * float64(min(content.W, content.H)))
	planes := planesOf(content, false)
	for i, from := range planesOf(style, false) {
		spectrum := planes[i].transform()
		spectrum.takeAmplitudes(from.transform(), reach)
		planes[i] = spectrum.inverse()
	}
	return imageOf(planes)
}

// takeAmplitudes replaces the lowest amplitudes. A term that is 0 has the
// phase 0.
func (s spectrum) takeAmplitudes(from spectrum, reach int) {
	n := s.columns()
	for v := range s.h {
		if v > reach && v < s.h-reach {
			continue
		}
		for u := range min(n, reach+1) {
			i := v*n + u
			s.c[i] = cmplx.Rect(cmplx.Abs(from.c[i]), cmplx.Phase(s.c[i]))
		}
	}
}
