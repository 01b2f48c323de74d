package corruption

import (
	"math"
	"testing"

	"quba/internal/imaging"
)

// TestZoomFactors: the last factors of the published benchmark.
func TestZoomFactors(t *testing.T) {
	for i, want := range []float64{1.11, 1.15, 1.20, 1.24, 1.30} {
		f := zoomFactors[i]
		if math.Abs(f[len(f)-1]-want) > 1e-9 {
			t.Errorf("severity %d ends at %v, want %v", i+1, f[len(f)-1], want)
		}
	}
}

func noiseImage(w, h int) *imaging.Image {
	m := imaging.New(w, h)
	for i, v := range randomPlane(len(m.Pix)) {
		m.Pix[i] = byte(256 * v)
	}
	return m
}

// TestZoomBlurSizes compares images of many sizes with the average of
// enlargements made with zoomPlane.
func TestZoomBlurSizes(t *testing.T) {
	for _, size := range [][2]int{{1, 1}, {1, 9}, {9, 1}, {2, 2}, {3, 5}, {47, 33}, {250, 3}} {
		for severity := 1; severity <= MaxSeverity; severity++ {
			src := noiseImage(size[0], size[1])
			dst := imaging.New(src.W, src.H)
			if err := zoomBlur(dst, src, severity, nil, Options{}); err != nil {
				t.Fatal(err)
			}
			for i, want := range averageOfZooms(src, zoomFactors[severity-1]) {
				if got := float64(dst.Pix[i]); math.Abs(got+0.5-want) > 0.501 {
					t.Fatalf("%dx%d severity %d: sample %d is %v, want %v", src.W, src.H, severity, i, got, want)
				}
			}
		}
	}
}

func averageOfZooms(src *imaging.Image, factors []float64) []float64 {
	out := make([]float64, len(src.Pix))
	plane, zoomed := make([]float64, src.W*src.H), make([]float64, src.W*src.H)
	for c := range 3 {
		for i := range plane {
			plane[i] = float64(src.Pix[3*i+c])
			out[3*i+c] += plane[i]
		}
		for _, z := range factors {
			down, across := newZoomAxis(src.H, z, true), newZoomAxis(src.W, z, true)
			zoomPlane(zoomed, plane, src.W, &down, &across)
			for i, v := range zoomed {
				out[3*i+c] += v
			}
		}
	}
	for i := range out {
		out[i] /= float64(len(factors) + 1)
	}
	return out
}
