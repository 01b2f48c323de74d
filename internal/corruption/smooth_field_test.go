package corruption

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// naiveSmooth is the definition: a sum over all neighbours, folded into the
// field, with weights from the exponential function.
func naiveSmooth(field []float64, w, h int, sigmaY, sigmaX, truncate float64) []float64 {
	weights := func(sigma float64) (k []float64, r int) {
		r = int(truncate*sigma + 0.5)
		sum := 0.0
		for t := -r; t <= r; t++ {
			k = append(k, math.Exp(-float64(t*t)/(2*sigma*sigma)))
			sum += k[len(k)-1]
		}
		for i := range k {
			k[i] /= sum
		}
		return k, r
	}
	fold := func(i, n int) int {
		for i < 0 || i >= n {
			if i < 0 {
				i = -1 - i
			} else {
				i = 2*n - 1 - i
			}
		}
		return i
	}
	ky, ry := weights(sigmaY)
	kx, rx := weights(sigmaX)
	down, out := make([]float64, w*h), make([]float64, w*h)
	for y := range h {
		for x := range w {
			for j, v := range ky {
				down[y*w+x] += v * field[fold(y+j-ry, h)*w+x]
			}
		}
	}
	for y := range h {
		for x := range w {
			for j, v := range kx {
				out[y*w+x] += v * down[y*w+fold(x+j-rx, w)]
			}
		}
	}
	return out
}

func TestSmoothField(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, c := range []struct {
		w, h           int
		sigmaY, sigmaX float64
		tolerance      float64
	}{
		{1, 1, 170.8, 170.8, 1e-12},
		{1, 7, 2.44, 2.44, 1e-12},
		{5, 3, 0.03, 0.05, 1e-12},
		{40, 30, 0.3, 0.4, 1e-12},
		{40, 30, 2.44, 2.44, 1e-12},
		{60, 2, 19.52, 19.52, 1e-5},
		// Through frequencies. Times the scale of 488, the tolerance is less
		// than a hundredth of a pixel at this size; at 224 x 224 it is smaller.
		{64, 48, 170.8, 170.8, 1e-5},
		{64, 48, 19.52, 19.52, 1e-5},
		{17, 33, 20, 11, 1e-5},
	} {
		field := make([]float64, c.w*c.h)
		for i := range field {
			field[i] = 2*r.Float64() - 1
		}
		want := naiveSmooth(field, c.w, c.h, c.sigmaY, c.sigmaX, elasticTruncate)
		smoothField(field, c.w, c.h, c.sigmaY, c.sigmaX, elasticTruncate)
		for i, v := range field {
			if d := math.Abs(v - want[i]); d > c.tolerance {
				t.Errorf("%dx%d, sigma %v, %v: number %d is off by %g", c.w, c.h, c.sigmaY, c.sigmaX, i, d)
				break
			}
		}
	}
}

// The displacements of the two strong severities at the benchmark's size.
func TestSmoothFieldByFrequenciesIsExactEnough(t *testing.T) {
	const n, scale = 224, 488
	r := rand.New(rand.NewPCG(5, 6))
	for _, sigma := range []float64{170.8, 19.52} {
		field := make([]float64, n*n)
		for i := range field {
			field[i] = 2*r.Float64() - 1
		}
		direct := slices.Clone(field)
		a := axisOf(axisKey{n: n, sigma: sigma, truncate: elasticTruncate})
		smoothByNeighbours(direct, n, n, a, a)
		smoothByFrequencies(field, n, n, a, a)
		worst := 0.0
		for i, v := range field {
			worst = max(worst, scale*math.Abs(v-direct[i]))
		}
		t.Logf("sigma %v: %d frequencies, off by %.2g pixels", sigma, len(a.gains), worst)
		if worst > 1e-4 {
			t.Errorf("sigma %v: off by %g pixels", sigma, worst)
		}
	}
}

func TestAxesAreForgotten(t *testing.T) {
	for n := range 3 * maxAxes {
		axisOf(axisKey{n: n + 1, sigma: 1, truncate: 3})
	}
	axes.Lock()
	defer axes.Unlock()
	if len(axes.made) > maxAxes {
		t.Errorf("%d are kept", len(axes.made))
	}
}
