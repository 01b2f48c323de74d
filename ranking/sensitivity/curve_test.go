package sensitivity

import (
	"strings"
	"testing"
)

func TestCurveFallsWithTheDistance(t *testing.T) {
	m := published(t)
	c := ok[Curve](t)(m.Curve(10, Simulation{Draws: 2000}))
	if len(c.Bins) < 5 || c.TopK != 10 {
		t.Fatalf("got %+v", c)
	}
	drawn := 0
	for i, bin := range c.Bins {
		drawn += bin.Draws
		if bin.Tau.Tail > bin.Tau.Median || bin.TopOverlap.Tail > bin.TopOverlap.Median || bin.MeanShift.Tail < bin.MeanShift.Median {
			t.Errorf("%v..%v: the tail is better than the median: %+v", bin.From, bin.To, bin)
		}
		if i > 0 && (bin.Tau.Median > c.Bins[i-1].Tau.Median || bin.From < c.Bins[i-1].To-1e-12) {
			t.Errorf("%v..%v: %+v after %+v", bin.From, bin.To, bin, c.Bins[i-1])
		}
	}
	if drawn > c.Draws || drawn < c.Draws*9/10 {
		t.Errorf("bins hold %d of %d draws", drawn, c.Draws)
	}
	if first := c.Bins[0]; first.Tau.Median < 0.95 || first.From != 0 {
		t.Errorf("next to the weights: %+v", first)
	}
}

func TestCurveBins(t *testing.T) {
	var drawn []agreement
	for i := range 100 {
		v := float64(i + 1)
		drawn = append(drawn, agreement{distance: 0.07, tau: v, top: -v, shift: v})
	}
	drawn = append(drawn, agreement{distance: 0.2})
	bins := curveBins(drawn)
	if len(bins) != 1 {
		t.Fatalf("got %+v", bins)
	}
	want := CurveBin{From: 0.05, To: 0.1, Draws: 100, Tau: Spread{50, 5}, TopOverlap: Spread{-51, -96}, MeanShift: Spread{50, 95}}
	if bins[0] != want {
		t.Errorf("got %+v, want %+v", bins[0], want)
	}
}

func TestWhatNeedsPairsSaysSo(t *testing.T) {
	one := matrixOf([][]float64{{1, 0}}, 1, 1)
	for name, call := range map[string]func() error{
		"curve":     func() error { _, err := one.Curve(1, Simulation{}); return err },
		"influence": func() error { _, err := one.Influence(Uniform(), Simulation{}); return err },
		"flips":     func() error { _, err := one.Flips(); return err },
		"ablation":  func() error { _, err := one.Ablate(nil); return err },
		"scenarios": func() error { _, err := one.ScoreScenarios(nil, 1); return err },
	} {
		if err := call(); err == nil || !strings.Contains(err.Error(), "at least two models") {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if _, err := matrixOf([][]float64{{1}, {2}}, 1).Curve(0, Simulation{}); err == nil {
		t.Error("no error for a top of none")
	}
}
