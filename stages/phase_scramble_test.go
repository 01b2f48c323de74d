package stages

import (
	"math"
	"math/cmplx"
	"testing"

	"quba/pipeline/pipelinetest"
)

// Scrambling keeps the amplitudes and the mean, and moves the phases by no
// more than the width. What the 8 bits clip and round is left out here.
func TestScramblingKeepsAmplitudes(t *testing.T) {
	for _, size := range [][2]int{{16, 12}, {15, 9}, {1, 8}, {7, 1}} {
		s := still(size[0], size[1])
		p := greyOf(pipelinetest.Picture(size[0], size[1], 5))
		before := p.transform()
		after := before.turn(phaseShifts(s, before), 0.5).inverse()
		if d := math.Abs(after.mean() - p.mean()); d > 1e-12 {
			t.Errorf("%v: the mean moved by %g", size, d)
		}
		moved := 0.0
		for i, c := range after.transform().c {
			if d := math.Abs(cmplx.Abs(c) - cmplx.Abs(before.c[i])); d > 1e-9 {
				t.Fatalf("%v: amplitude %d moved by %g: the image was not real", size, i, d)
			}
			if cmplx.Abs(c) > 1e-6 {
				moved = max(moved, math.Abs(cmplx.Phase(c/before.c[i])))
			}
		}
		if moved > math.Pi/2+1e-9 || moved < math.Pi/6 {
			t.Errorf("%v: phases moved by up to %g", size, moved)
		}
	}
}

func TestNoScramblingIsOnlyGrey(t *testing.T) {
	in := still(33, 20)
	grey := apply(t, makeDefault(t, "grayscale"), in)[0]
	if out := apply(t, makeDefault(t, "phase_scramble"), in)[0]; string(out.Image.Pix) != string(grey.Image.Pix) {
		t.Error("a width of 0 changes the image")
	}
}

// Equal channels stay equal, as all get the same shifts.
func TestScramblingMakesNoColour(t *testing.T) {
	in := still(24, 24)
	in.Image = imageOf(planesOf(in.Image, true))
	c := phaseScrambleConfig{Widths: []int{90}}
	out := apply(t, makeStage(t, "phase_scramble", c), in)[0].Image
	for i := 0; i < len(out.Pix); i += 3 {
		if out.Pix[i] != out.Pix[i+1] || out.Pix[i] != out.Pix[i+2] {
			t.Fatalf("pixel %d has a colour: %v", i/3, out.Pix[i:i+3])
		}
	}
}
