package stages

import (
	"math"
	"math/cmplx"

	"gonum.org/v1/gonum/dsp/fourier"
)

// spectrum is the Fourier transform of a plane, where the other half follows
// from symmetry: h rows of w/2+1 terms. The term in row v and column u has u
// cycles per image width, and v or v-h per image height.
type spectrum struct {
	w, h int
	c    []complex128
}

func (s spectrum) columns() int { return s.w/2 + 1 }

func (s spectrum) clone() spectrum {
	return spectrum{w: s.w, h: s.h, c: append([]complex128(nil), s.c...)}
}

// transform is the Fourier transform, not normalised.
func (p plane) transform() spectrum {
	s := spectrum{w: p.w, h: p.h}
	n := s.columns()
	s.c = make([]complex128, n*p.h)
	rows := fourier.NewFFT(p.w)
	for y := range p.h {
		rows.Coefficients(s.c[y*n:(y+1)*n], p.v[y*p.w:(y+1)*p.w])
	}
	fft := fourier.NewCmplxFFT(p.h)
	s.eachColumn(func(column []complex128) { fft.Coefficients(column, column) })
	return s
}

// inverse is the plane with this spectrum.
func (s spectrum) inverse() plane {
	s = s.clone()
	p := newPlane(s.w, s.h)
	n := s.columns()
	fft := fourier.NewCmplxFFT(s.h)
	s.eachColumn(func(column []complex128) { fft.Sequence(column, column) })
	rows := fourier.NewFFT(s.w)
	for y := range s.h {
		rows.Sequence(p.v[y*s.w:(y+1)*s.w], s.c[y*n:(y+1)*n])
	}
	for i := range p.v {
		p.v[i] /= float64(s.w * s.h)
	}
	return p
}

func (s spectrum) eachColumn(f func([]complex128)) {
	column := make([]complex128, s.h)
	n := s.columns()
	for u := range n {
		for v := range column {
			column[v] = s.c[v*n+u]
		}
		f(column)
		for v, c := range column {
			s.c[v*n+u] = c
		}
	}
}

// turn adds phases to the terms, in half turns and scaled.
func (s spectrum) turn(phases []float64, halfTurns float64) spectrum {
	out := s.clone()
	for i, phase := range phases {
		out.c[i] *= cmplx.Rect(1, math.Pi*halfTurns*phase)
	}
	return out
}
