package stages

import (
	"math"

	"gonum.org/v1/gonum/dsp/fourier"
)

// blur filters with a Gaussian of standard deviation sigma pixels. The image
// goes on beyond its borders as its mirror image (half-sample symmetric). A
// sigma of 0 changes nothing.
//
// The kernel is sampled and cut at 4 sigma, as SciPy's is. Where it is long,
// the gain of the whole Gaussian is put on the cosine transform instead, which
// has the same mirrored border and takes the same time for every sigma.
func (p plane) blur(sigma float64) plane {
	out := p.clone()
	if sigma <= 0 {
		return out
	}
	out.filterRows(newLineFilter(p.w, sigma))
	out.filterColumns(newLineFilter(p.h, sigma))
	return out
}

// lineFilter filters n numbers in place. It is not safe for concurrent use.
type lineFilter interface{ apply(v []float64) }

// maxRadius is the longest kernel that is not slower than the transform.
const maxRadius = 40

func newLineFilter(n int, sigma float64) lineFilter {
	if radius := int(4*sigma + 0.5); radius <= maxRadius {
		return newKernelFilter(n, radius, sigma)
	}
	return newCosineFilter(n, sigma)
}

func (p plane) filterRows(f lineFilter) {
	for y := range p.h {
		f.apply(p.v[y*p.w : (y+1)*p.w])
	}
}

func (p plane) filterColumns(f lineFilter) {
	column := make([]float64, p.h)
	for x := range p.w {
		for y := range column {
			column[y] = p.v[y*p.w+x]
		}
		f.apply(column)
		for y, v := range column {
			p.v[y*p.w+x] = v
		}
	}
}

// kernelFilter convolves with a symmetric kernel: weights has the middle one
// and those to one side.
type kernelFilter struct {
	weights []float64
	padded  []float64 // the numbers with radius mirrored ones on each side
}

func newKernelFilter(n, radius int, sigma float64) *kernelFilter {
	f := &kernelFilter{weights: make([]float64, radius+1), padded: make([]float64, n+2*radius)}
	sum := 0.0
	for t := range f.weights {
		f.weights[t] = math.Exp(-float64(t*t) / (2 * sigma * sigma))
		sum += 2 * f.weights[t]
	}
	sum -= f.weights[0]
	for t := range f.weights {
		f.weights[t] /= sum
	}
	return f
}

func (f *kernelFilter) apply(v []float64) {
	radius := len(f.weights) - 1
	for i := range f.padded {
		f.padded[i] = v[mirrored(i-radius, len(v))]
	}
	for i := range v {
		v[i] *= f.weights[0]
	}
	for t := 1; t <= radius; t++ {
		weight := f.weights[t]
		left := f.padded[radius-t:][:len(v)]
		right := f.padded[radius+t:][:len(v)]
		for i := range v {
			v[i] += weight * (left[i] + right[i])
		}
	}
}

// mirrored folds an index into 0..n-1: -1 is 0, n is n-1, as often as needed.
func mirrored(i, n int) int {
	for i < 0 || i >= n {
		if i < 0 {
			i = -1 - i
		} else {
			i = 2*n - 1 - i
		}
	}
	return i
}

// cosineFilter multiplies the terms of the cosine transform: the one of k half
// cycles by exp(-(pi k sigma / n)^2 / 2).
type cosineFilter struct {
	fft  *fourier.QuarterWaveFFT
	gain []float64
}

func newCosineFilter(n int, sigma float64) *cosineFilter {
	f := &cosineFilter{fft: fourier.NewQuarterWaveFFT(n), gain: make([]float64, n)}
	for k := range f.gain {
		t := math.Pi * float64(k) * sigma / float64(n)
		// The two transforms in a row multiply by 4n.
		f.gain[k] = math.Exp(-t*t/2) / float64(4*n)
	}
	return f
}

func (f *cosineFilter) apply(v []float64) {
	if len(v) == 1 {
		return
	}
	f.fft.CosSequence(v, v)
	for k := range v {
		v[k] *= f.gain[k]
	}
	f.fft.CosCoefficients(v, v)
}
