package stages

import (
	"math"
	"math/cmplx"
	"testing"

	"quba/pipeline/pipelinetest"
)

// Inside the window amplitudes are the style's, outside the content's; phases
// are the content's everywhere, and the result is real.
func TestTakeAmplitudes(t *testing.T) {
	content := greyOf(pipelinetest.Picture(16, 12, 1)).transform()
	style := greyOf(pipelinetest.Picture(16, 12, 2)).transform()
	mixed := content.clone()
	mixed.takeAmplitudes(style, 2)
	again := mixed.inverse().transform()
	taken := 0
	for i, c := range mixed.c {
		u, v := i%content.columns(), i/content.columns()
		want := content.c[i]
		if u <= 2 && min(v, 12-v) <= 2 {
			taken++
			want = cmplx.Rect(cmplx.Abs(style.c[i]), cmplx.Phase(content.c[i]))
		}
		if cmplx.Abs(c-want) > 1e-9 {
			t.Errorf("column %d, row %d: %v, want %v", u, v, c, want)
		}
		if cmplx.Abs(again.c[i]-c) > 1e-9 {
			t.Errorf("column %d, row %d: the image is not real", u, v)
		}
	}
	if taken != 3*5 {
		t.Errorf("%d amplitudes were taken, want 15", taken)
	}
}

// With beta 0 only the mean is the style's.
func TestFourierOfTheMean(t *testing.T) {
	content, style := greyImage(8, 8, make([]byte, 64)), greyImage(8, 8, make([]byte, 64))
	for i := range content.Pix {
		content.Pix[i], style.Pix[i] = byte(100+i/3%2*20), 150
	}
	out := stylizeFourier(content, style, stylizeConfig{})
	for i, v := range out.Pix {
		want := 140 + float64(i/3%2*20)
		if math.Abs(float64(v)-want) > 1 {
			t.Fatalf("byte %d is %d, want %g", i, v, want)
		}
	}
}
