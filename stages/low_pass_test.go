package stages

import (
	"math"
	"testing"
)

// wave is a grey wave of so many half cycles over its width, which the mirror
// at the border continues without a kink.
func wave(n int, halfCycles float64) plane {
	p := newPlane(n, n)
	for i := range p.v {
		p.v[i] = 0.5 + 0.25*math.Cos(math.Pi*halfCycles*(float64(i%n)+0.5)/float64(n))
	}
	return p
}

// At f cycles per image the gain of a low pass is exp(-1/2 (f/cut-off)^2).
func TestLowPassGain(t *testing.T) {
	for _, cutoff := range []float64{2, 5, 11.88} {
		for _, cycles := range []float64{1, 5, 9} {
			in := wave(64, 2*cycles)
			out := in.lowPass(cutoff)
			want := 0.25 * math.Exp(-cycles*cycles/(2*cutoff*cutoff))
			got := (out.v[0] - 0.5) / (in.v[0] - 0.5) * 0.25
			if math.Abs(got-want) > 2e-5 {
				t.Errorf("cut-off %g, %g cycles: amplitude %g, want %g", cutoff, cycles, got, want)
			}
		}
	}
}

func TestUnfilteredIsOnlyGrey(t *testing.T) {
	in := still(30, 20)
	grey := apply(t, makeDefault(t, "grayscale"), in)[0]
	for _, name := range []string{"low_pass", "high_pass"} {
		if out := apply(t, makeDefault(t, name), in)[0]; string(out.Image.Pix) != string(grey.Image.Pix) {
			t.Errorf("%s of cut-off 0 is not the grey image", name)
		}
	}
}
