package stages

import "testing"

// Expected: the weights of ITU-R BT.709 by hand.
func TestGrayscale(t *testing.T) {
	in := still(4, 1)
	in.Image.Pix = []byte{255, 0, 0, 0, 255, 0, 0, 0, 255, 10, 20, 30}
	out := apply(t, makeDefault(t, "grayscale"), in)[0]
	for x, want := range []byte{54, 182, 18, 19} {
		if r, g, b := out.Image.At(x, 0); r != want || g != want || b != want {
			t.Errorf("pixel %d is %d %d %d, want %d", x, r, g, b, want)
		}
	}
	if out.Variant.Perturbation != "grayscale" {
		t.Errorf("variant is %v", out.Variant)
	}
}
