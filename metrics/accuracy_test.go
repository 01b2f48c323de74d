package metrics_test

import (
	"testing"

	"quba/metrics"
)

func TestAccuracyGolden(t *testing.T) {
	for name, c := range goldenCases(t) {
		t.Run(name, func(t *testing.T) {
			s := mustScore(t, c.samples(t, false), "accuracy", metrics.Env{})
			near(t, "top1", s.Value, c.Top1, 1e-15)
			near(t, "top5", part(t, s, "top5"), c.Top5, 1e-15)
			if s.N != c.N {
				t.Errorf("n: got %d, want %d", s.N, c.N)
			}
		})
	}
}
