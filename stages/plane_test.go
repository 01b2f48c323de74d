package stages

import (
	"math"
	"testing"
)

func TestToByteRoundsAndClips(t *testing.T) {
	for v, want := range map[float64]byte{
		-1: 0, 0: 0, 0.4 / 255: 0, 0.6 / 255: 1, 127.4 / 255: 127, 1: 255, 2: 255, math.Inf(1): 255, math.Inf(-1): 0,
	} {
		if got := toByte(v); got != want {
			t.Errorf("%g becomes %d, want %d", v, got, want)
		}
	}
	if toByte(math.NaN()) != 0 {
		t.Error("NaN is not black")
	}
	for v := range 256 {
		if got := toByte(float64(v) / 255); int(got) != v {
			t.Errorf("%d becomes %d", v, got)
		}
	}
}

// The weights do not lose grey: equal channels stay what they are.
func TestGreyOfGreyIsTheSame(t *testing.T) {
	m := greyImage(16, 16, make([]byte, 256))
	for i := range m.Pix {
		m.Pix[i] = byte(i / 3)
	}
	if got := imageOf(planesOf(m, true)); string(got.Pix) != string(m.Pix) {
		t.Error("grey levels changed")
	}
}
