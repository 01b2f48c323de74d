package stages

import "testing"

// Expected: round(255 ((1-c)/2 + c grey/255)) by hand.
func TestContrast(t *testing.T) {
	m := greyImage(3, 1, []byte{0, 200, 255})
	in := still(3, 1)
	in.Image = m
	c := contrastConfig{Levels: []int{100, 50, 1, 0}}
	want := [][3]byte{{0, 200, 255}, {64, 164, 191}, {126, 128, 129}, {128, 128, 128}}
	for i, out := range apply(t, makeStage(t, "contrast", c), in) {
		for x, level := range want[i] {
			if r, g, b := out.Image.At(x, 0); r != level || g != level || b != level {
				t.Errorf("contrast %d: pixel %d is %d %d %d, want %d", c.Levels[i], x, r, g, b, level)
			}
		}
	}
}

func TestContrastKeepsColour(t *testing.T) {
	in := still(1, 1)
	in.Image.Pix = []byte{255, 0, 100}
	out := apply(t, makeStage(t, "contrast", contrastConfig{Levels: []int{50}}), in)[0]
	if got, want := string(out.Image.Pix), string([]byte{191, 64, 114}); got != want {
		t.Errorf("colour became %v", out.Image.Pix)
	}
}
