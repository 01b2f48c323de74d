package stages

import (
	"math"
	"testing"
)

// At contrast c a mid grey stays mid grey, and the noise about it is uniform:
// mean 0, variance width^2/3, within [-width, width].
func TestUniformNoise(t *testing.T) {
	in := still(128, 128)
	for i := range in.Image.Pix {
		in.Image.Pix[i] = 128
	}
	c := defaultsOf[uniformNoiseConfig](t, "uniform_noise")
	for i, out := range apply(t, makeStage(t, "uniform_noise", c), in) {
		width := c.Widths[i]
		if width > 0.35 {
			continue // clipped
		}
		sum, squares, n := 0.0, 0.0, float64(len(out.Image.Pix)/3)
		for k := 0; k < len(out.Image.Pix); k += 3 {
			if out.Image.Pix[k] != out.Image.Pix[k+1] || out.Image.Pix[k] != out.Image.Pix[k+2] {
				t.Fatal("the noise has a colour")
			}
			d := float64(out.Image.Pix[k])/255 - 0.5
			if math.Abs(d) > width+2.0/255 {
				t.Fatalf("width %g: off by %g", width, d)
			}
			sum += d
			squares += d * d
		}
		if mean := sum / n; math.Abs(mean) > 0.002+4*width/math.Sqrt(3*n) {
			t.Errorf("width %g: mean %g", width, mean)
		}
		if variance := squares / n; math.Abs(variance-width*width/3) > 1e-4+0.02*width*width {
			t.Errorf("width %g: variance %g, want %g", width, variance, width*width/3)
		}
	}
}

// Levels share one field of noise, whichever of them are run.
func TestUniformNoiseOfASubset(t *testing.T) {
	c := defaultsOf[uniformNoiseConfig](t, "uniform_noise")
	all := apply(t, makeStage(t, "uniform_noise", c), still(20, 20))
	c.Widths = []float64{0.2}
	if one := apply(t, makeStage(t, "uniform_noise", c), still(20, 20)); string(one[0].Image.Pix) != string(all[4].Image.Pix) {
		t.Error("the noise depends on the other levels")
	}
}
