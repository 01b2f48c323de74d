package corruption

import (
	"math"
	"math/rand/v2"
	"testing"

	"quba/internal/imaging"
)

type constantNormals struct {
	fixedAngle
	z float64
}

func (c constantNormals) Normals(dst []float64) {
	for i := range dst {
		dst[i] = c.z
	}
}

// TestSnowWithoutFlakes: below the threshold only the whitening is left.
func TestSnowWithoutFlakes(t *testing.T) {
	for _, v := range []Variant{ImageNetC, ImageCorruptions} {
		src := noiseImage(33, 40)
		dst := imaging.New(src.W, src.H)
		if err := snow(dst, src, 3, constantNormals{fixedAngle{degrees: -90}, -3}, Options{Variant: v}); err != nil {
			t.Fatal(err)
		}
		for i, got := range dst.Pix {
			r, g, b := src.At(i/3%src.W, i/3/src.W)
			grey := 0.299*float64(r) + 0.587*float64(g) + 0.114*float64(b)
			x := float64(src.Pix[i])
			want := 0.7*x + 0.3*max(x, 1.5*grey+127.5)
			if math.Abs(float64(got)+0.5-min(want, 255.5)) > 0.501 {
				t.Fatalf("sample %d is %d, want %v", i, got, want)
			}
		}
	}
}

// TestSnowCovers: a layer of nothing but flakes whitens all.
func TestSnowCovers(t *testing.T) {
	for _, size := range [][2]int{{1, 1}, {1, 20}, {3, 5}, {230, 4}} {
		src := noiseImage(size[0], size[1])
		dst := imaging.New(src.W, src.H)
		if err := snow(dst, src, 4, constantNormals{fixedAngle{degrees: -60}, 5}, Options{}); err != nil {
			t.Fatal(err)
		}
		for i, got := range dst.Pix {
			if got != 255 {
				t.Fatalf("%v: sample %d is %d, want 255", size, i, got)
			}
		}
	}
}

// TestFlakesFillTheLayer: every number of the layer is written, whatever
// the enlargement makes of the size.
func TestFlakesFillTheLayer(t *testing.T) {
	for severity := range snowSteps {
		for _, size := range [][2]int{{1, 1}, {3, 5}, {101, 17}} {
			for _, v := range []Variant{ImageNetC, ImageCorruptions} {
				layer := make([]float64, size[0]*size[1])
				for i := range layer {
					layer[i] = math.NaN()
				}
				d := NewDraws(rand.New(rand.NewPCG(1, 2)))
				snowSteps[severity].flakes(layer, size[0], size[1], d, v)
				for i, f := range layer {
					if !(f >= 0 && f <= 1) {
						t.Fatalf("severity %d, %v: flake %d is %v", severity+1, size, i, f)
					}
				}
			}
		}
	}
}
