package corruption

import (
	"math"
	"sync"
)

// axis is a normalised Gaussian, cut at truncate standard deviations, along
// one axis of n numbers, mirrored with the edge repeated.
//
// Such a convolution is diagonal in the cosine transform (DCT-II), and that of
// a wide Gaussian has few factors that matter.
type axis struct {
	n      int
	kernel []float64 // as of gaussianKernel
	// line are the neighbours of the first number in a line that is extended
	// by the radius on both sides.
	line []pair
	// waves are the orthonormal cosines of the lowest frequencies, n numbers
	// each, up to the last whose factor is above negligible; gains are the
	// factors.
	waves []float64
	gains []float64
}

// negligible is the factor below which two axes together leave so little of a
// frequency that it is dropped: with the displacements of elastic_transform,
// whose scale is 488, about 1e-5 pixels.
const negligible = 1e-3

type axisKey struct {
	n               int
	sigma, truncate float64
}

// axes keeps what the last image sizes needed.
var axes = struct {
	sync.Mutex
	made map[axisKey]*axis
}{made: map[axisKey]*axis{}}

// maxAxes bounds the memory for data sets whose images have many sizes.
const maxAxes = 64

func axisOf(key axisKey) *axis {
	axes.Lock()
	defer axes.Unlock()
	if a, ok := axes.made[key]; ok {
		return a
	}
	if len(axes.made) >= maxAxes {
		clear(axes.made)
	}
	a := newAxis(key)
	axes.made[key] = a
	return a
}

func newAxis(key axisKey) *axis {
	a := &axis{n: key.n, kernel: gaussianKernel(key.sigma, key.truncate)}
	r := a.radius()
	for j := range a.kernel {
		d := distance(j, r)
		a.line = append(a.line, pair{int32(r - d), int32(r + d)})
	}
	cosines := make([]float64, 4*key.n)
	for i := range cosines {
		cosines[i] = math.Cos(math.Pi * float64(i) / float64(2*key.n))
	}
	gains := make([]float64, key.n)
	kept := 1
	for f := range gains {
		for j, weight := range a.kernel {
			gains[f] += 2 * weight * cosines[2*f*distance(j, r)%len(cosines)]
		}
		if math.Abs(gains[f]) > negligible {
			kept = f + 1
		}
	}
	a.gains = gains[:kept]
	a.waves = make([]float64, kept*key.n)
	for f := range kept {
		scale := math.Sqrt(2 / float64(key.n))
		if f == 0 {
			scale = math.Sqrt(1 / float64(key.n))
		}
		for i := range key.n {
			a.waves[f*key.n+i] = scale * cosines[f*(2*i+1)%len(cosines)]
		}
	}
	return a
}

// radius is the number of neighbours on one side.
func (a *axis) radius() int { return len(a.kernel) - 1 }

// rows are the neighbours of row y in a field of rows of w numbers; dst has
// the length of the kernel.
func (a *axis) rows(dst []pair, y, w int) {
	for j := range dst {
		d := distance(j, a.radius())
		dst[j] = pair{int32(edgeReflect.index(y-d, a.n) * w), int32(edgeReflect.index(y+d, a.n) * w)}
	}
}

// blur convolves the line that begins at radius in padded into dst.
func (a *axis) blur(dst, padded []float64) {
	extend(padded, a.n, 1, a.radius(), a.radius(), edgeReflect)
	fastest.pairs(dst, padded, a.line, a.kernel)
}

// blurAll convolves the lines that follow each other in lines into dst.
func (a *axis) blurAll(dst, lines []float64) {
	padded := borrowFloats(a.n + 2*a.radius())
	defer floatPool.Put(padded)
	for i := 0; i < len(lines); i += a.n {
		copy((*padded)[a.radius():], lines[i:i+a.n])
		a.blur(dst[i:i+a.n], *padded)
	}
}

// wave is the cosine of frequency f.
func (a *axis) wave(f int) []float64 { return a.waves[f*a.n : (f+1)*a.n] }
