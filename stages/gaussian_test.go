package stages

import (
	"math"
	"testing"

	"quba/pipeline/pipelinetest"
)

// naiveBlur is the convolution with a sampled Gaussian over the mirrored
// image, cut at 8 standard deviations.
func naiveBlur(p plane, sigma float64) plane {
	r := int(8*sigma + 0.5)
	weights := make([]float64, 2*r+1)
	sum := 0.0
	for i := range weights {
		weights[i] = math.Exp(-float64((i-r)*(i-r)) / (2 * sigma * sigma))
		sum += weights[i]
	}
	mirror := func(i, n int) int {
		i = ((i % (2 * n)) + 2*n) % (2 * n)
		return min(i, 2*n-1-i)
	}
	out := newPlane(p.w, p.h)
	for y := range p.h {
		for x := range p.w {
			for i, wy := range weights {
				for j, wx := range weights {
					out.v[y*p.w+x] += wy * wx / (sum * sum) * p.v[mirror(y+i-r, p.h)*p.w+mirror(x+j-r, p.w)]
				}
			}
		}
	}
	return out
}

func TestBlurIsTheGaussianConvolution(t *testing.T) {
	for _, size := range [][2]int{{1, 1}, {1, 7}, {13, 1}, {12, 17}, {20, 9}, {31, 2}} {
		p := greyOf(pipelinetest.Picture(size[0], size[1], 3))
		for _, sigma := range []float64{0.5, 1.2, 5, 10, 10.2, 30} {
			if d := maxDifference(p.blur(sigma), naiveBlur(p, sigma)); d > 2e-4 {
				t.Errorf("%v, sigma %g: differs by %g", size, sigma, d)
			}
		}
	}
}
