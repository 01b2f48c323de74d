package stages

import (
	"math"
	"testing"

	"quba/internal/imaging"
	"quba/pipeline/pipelinetest"
)

// Known colours in CIELAB (D65).
func TestLab(t *testing.T) {
	for rgb, want := range map[[3]byte][3]float64{
		{255, 255, 255}: {100, 0, 0},
		{0, 0, 0}:       {0, 0, 0},
		{255, 0, 0}:     {53.24, 80.09, 67.20},
		{0, 255, 0}:     {87.73, -86.18, 83.18},
		{0, 0, 255}:     {32.30, 79.19, -107.86},
		{119, 119, 119}: {50.03, 0, 0},
	} {
		lab := labOf(&imaging.Image{W: 1, H: 1, Pix: rgb[:]})
		for axis, w := range want {
			if math.Abs(lab[axis][0]-w) > 0.02 {
				t.Errorf("%v: axis %d is %g, want %g", rgb, axis, lab[axis][0], w)
			}
		}
	}
}

func TestLabAndBack(t *testing.T) {
	m := pipelinetest.Picture(64, 64, 9)
	if d := worstLevel(imageOfLab(labOf(m), 64, 64), m); d > 0 {
		t.Errorf("a level is off by %d", d)
	}
}

// Soft colours, so that nothing is clipped: the statistics become the style's.
func TestColorStatsAreTheStyles(t *testing.T) {
	content, style := pipelinetest.Picture(40, 40, 1), pipelinetest.Picture(40, 40, 2)
	for i := range content.Pix {
		content.Pix[i] = 100 + content.Pix[i]/8
		style.Pix[i] = 120 + style.Pix[i]/10 + byte(i%3*10)
	}
	got, want := labOf(stylizeColorStats(content, style, stylizeConfig{})), labOf(style)
	for axis := range got {
		mean, deviation := meanAndDeviation(got[axis])
		styleMean, styleDeviation := meanAndDeviation(want[axis])
		if math.Abs(mean-styleMean) > 0.1 || math.Abs(deviation-styleDeviation) > 0.1 {
			t.Errorf("axis %d: %g and %g, want %g and %g", axis, mean, deviation, styleMean, styleDeviation)
		}
	}
}

// The levels are those of the sRGB curve, rounded.
func TestLevelsOfLight(t *testing.T) {
	for i := -5; i <= 1005; i++ {
		v := float64(i) / 1000
		want := 12.92 * v
		if v > 0.0031308 {
			want = 1.055*math.Pow(v, 1/2.4) - 0.055
		}
		if got := levelCurve().level(v); got != toByte(want) {
			t.Errorf("light %g has the level %d, want %d", v, got, toByte(want))
		}
	}
}
