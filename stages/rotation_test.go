package stages

import (
	"testing"

	"quba/pipeline/pipelinetest"
)

// A picture of 2x3 pixels, turned by hand.
func TestRotationIsCounterclockwise(t *testing.T) {
	in := still(2, 3)
	in.Image = greyImage(2, 3, []byte{
		1, 2,
		3, 4,
		5, 6,
	})
	want := map[int32][]byte{
		0:   {1, 2, 3, 4, 5, 6},
		90:  {2, 4, 6, 1, 3, 5},
		180: {6, 5, 4, 3, 2, 1},
		270: {5, 3, 1, 6, 4, 2},
	}
	for _, out := range apply(t, makeDefault(t, "rotation"), in) {
		angle := out.Variant.Severity
		w := 2
		if angle%180 == 90 {
			w = 3
		}
		if expected := greyImage(w, 6/w, want[angle]); out.Image.W != w || string(out.Image.Pix) != string(expected.Pix) {
			t.Errorf("%d degrees: %dx%d %v", angle, out.Image.W, out.Image.H, out.Image.Pix)
		}
	}
}

func TestFourQuarterTurnsAreNone(t *testing.T) {
	m := pipelinetest.Picture(7, 4, 1)
	turned := m
	for range 4 {
		turned = rotate(turned, 90)
	}
	if string(turned.Pix) != string(m.Pix) {
		t.Error("colour or place changed")
	}
}

func TestRotationRefusesOtherAngles(t *testing.T) {
	_, err := tryMakeStage("rotation", rotationConfig{Angles: []int{0, 45}})
	wantFieldError(t, err, "angles[1]")
}
