package stages

import (
	"math"
	"testing"
)

// Low and high pass add up to the image, but for the mean.
func TestHighPassIsTheRest(t *testing.T) {
	p := greyOf(still(40, 30).Image)
	low, high := p.lowPass(5), p.highPass(5, 0.4423)
	if d := math.Abs(high.mean() - 0.4423); d > 1e-12 {
		t.Errorf("the mean is off by %g", d)
	}
	shift := low.v[0] + high.v[0] - p.v[0]
	for i, v := range p.v {
		if math.Abs(low.v[i]+high.v[i]-v-shift) > 1e-12 {
			t.Fatalf("pixel %d: %g and %g do not add up to %g", i, low.v[i], high.v[i], v)
		}
	}
}

func TestHighPassGain(t *testing.T) {
	in := wave(64, 12)
	out := in.highPass(6, 0.5)
	want := 1 - math.Exp(-0.5)
	if got := (out.v[0] - 0.5) / (in.v[0] - 0.5); math.Abs(got-want) > 1e-4 {
		t.Errorf("the gain at the cut-off is %g, want %g", got, want)
	}
}
