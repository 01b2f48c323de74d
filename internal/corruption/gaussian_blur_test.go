package corruption

import (
	"math"
	"testing"

	"quba/internal/imaging"
)

func TestGaussianBlurImage(t *testing.T) {
	for _, size := range [][2]int{{1, 1}, {5, 3}, {29, 17}} {
		src := noiseImage(size[0], size[1])
		dst := imaging.New(src.W, src.H)
		if err := gaussianBlurImage(dst, src, 2, nil, Options{}); err != nil {
			t.Fatal(err)
		}
		plane := make([]float64, src.W*src.H)
		for c := range 3 {
			for i := range plane {
				plane[i] = float64(src.Pix[3*i+c])
			}
			for i, want := range naiveGaussian(plane, src.W, src.H, 2, 4, edgeNearest) {
				if got := float64(dst.Pix[3*i+c]); math.Abs(got+0.5-want) > 0.5+1e-9 {
					t.Fatalf("%dx%d: pixel %d channel %d is %v, want %v", src.W, src.H, i, c, got, want)
				}
			}
		}
	}
}

// TestGaussianBlurKeepsWhiteAndBlack: the order of the sums decides whether a level
// is truncated to the one below.
func TestGaussianBlurKeepsWhiteAndBlack(t *testing.T) {
	for _, level := range []byte{0, 255} {
		src, dst := imaging.New(20, 20), imaging.New(20, 20)
		for i := range src.Pix {
			src.Pix[i] = level
		}
		if err := gaussianBlurImage(dst, src, 1, nil, Options{}); err != nil {
			t.Fatal(err)
		}
		for i, v := range dst.Pix {
			if max(v, level)-min(v, level) > 1 {
				t.Fatalf("sample %d is %d, want %d", i, v, level)
			}
		}
	}
}
