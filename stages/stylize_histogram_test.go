package stages

import (
	"slices"
	"testing"

	"quba/pipeline/pipelinetest"
)

// Four levels go to those of the style, by rank.
func TestHistogramByHand(t *testing.T) {
	content := greyImage(4, 1, []byte{10, 30, 20, 40})
	style := greyImage(4, 1, []byte{200, 7, 100, 50})
	want := greyImage(4, 1, []byte{7, 100, 50, 200})
	if got := stylizeHistogram(content, style, stylizeConfig{}); string(got.Pix) != string(want.Pix) {
		t.Errorf("got %v", got.Pix)
	}
}

// With many levels the quantiles of every channel become the style's.
func TestHistogramQuantiles(t *testing.T) {
	content, style := pipelinetest.Picture(64, 64, 1), pipelinetest.Picture(64, 64, 2)
	for i, v := range style.Pix {
		style.Pix[i] = byte(int(v) * int(v) / 255)
	}
	out := stylizeHistogram(content, style, stylizeConfig{})
	for c := range 3 {
		var got, want []int
		for i := c; i < len(out.Pix); i += 3 {
			got, want = append(got, int(out.Pix[i])), append(want, int(style.Pix[i]))
		}
		slices.Sort(got)
		slices.Sort(want)
		for _, q := range []int{100, 1000, 2048, 3000, 4000} {
			if abs(got[q]-want[q]) > 4 {
				t.Errorf("channel %d, rank %d: %d, want %d", c, q, got[q], want[q])
			}
		}
	}
}
