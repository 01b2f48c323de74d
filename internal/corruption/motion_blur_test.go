package corruption

import (
	"testing"

	"quba/internal/imaging"
)

type fixedAngle struct {
	Draws
	degrees float64
}

func (f fixedAngle) Angle(float64, float64) float64 { return f.degrees }

// TestMotionBlurOfPoint: a white pixel leaves a tail to its left, since each
// output looks to its right.
func TestMotionBlurOfPoint(t *testing.T) {
	src, dst := imaging.New(40, 3), imaging.New(40, 3)
	copy(src.Pix[3*(40+30):], []byte{255, 255, 255})
	if err := motionBlur(dst, src, 1, fixedAngle{degrees: 0}, Options{Variant: ImageCorruptions}); err != nil {
		t.Fatal(err)
	}
	last := byte(0)
	for x := 20; x <= 30; x++ {
		r, _, _ := dst.At(x, 1)
		if r < last {
			t.Errorf("column %d is %d, which is darker than the one before, %d", x, r, last)
		}
		last = r
	}
	if last == 0 {
		t.Error("the point vanished")
	}
	if r, _, _ := dst.At(31, 1); r != 0 {
		t.Errorf("right of the point is %d, want 0", r)
	}
}

func TestMotionBlurKeepsFlatImages(t *testing.T) {
	for _, size := range [][2]int{{1, 1}, {1, 9}, {3, 5}, {200, 3}} {
		src, dst := imaging.New(size[0], size[1]), imaging.New(size[0], size[1])
		for i := range src.Pix {
			src.Pix[i] = 200
		}
		if err := motionBlur(dst, src, 5, fixedAngle{degrees: 31}, Options{}); err != nil {
			t.Fatal(err)
		}
		for i, v := range dst.Pix {
			if v != 200 {
				t.Fatalf("%v: sample %d is %d, want 200", size, i, v)
			}
		}
	}
}
