package corruption

import (
	"math"
	"testing"
)

// TestHSV has the values of Python's colorsys.
func TestHSV(t *testing.T) {
	for _, want := range []struct{ r, g, b, h, s, v float64 }{
		{0, 0, 0, 0, 0, 0},
		{1, 1, 1, 0, 0, 1},
		{1, 0, 0, 0, 1, 1},
		{1, 1, 0, 1. / 6, 1, 1},
		{0, 1, 0, 2. / 6, 1, 1},
		{0, 1, 1, 3. / 6, 1, 1},
		{0, 0, 1, 4. / 6, 1, 1},
		{1, 0, 1, 5. / 6, 1, 1},
		{.8, .2, .5, .91666666666666667, .75, .8},
		{.25, .5, .125, .27777777777777778, .75, .5},
	} {
		h, s, v := toHSV(want.r, want.g, want.b)
		if math.Abs(h-want.h)+math.Abs(s-want.s)+math.Abs(v-want.v) > 1e-12 {
			t.Errorf("%v %v %v: HSV %v %v %v, want %v %v %v", want.r, want.g, want.b, h, s, v, want.h, want.s, want.v)
		}
		r, g, b := fromHSV(h, s, v)
		if math.Abs(r-want.r)+math.Abs(g-want.g)+math.Abs(b-want.b) > 1e-12 {
			t.Errorf("HSV %v %v %v: %v %v %v, want %v %v %v", h, s, v, r, g, b, want.r, want.g, want.b)
		}
	}
}
