package metrics_test

import (
	"strings"
	"testing"

	"quba/metrics"
)

// The values are Python's round(count / 1e6, 1).
func TestParametersRounding(t *testing.T) {
	for count, want := range map[int64]float64{
		4_652_008: 4.7, 61_100_840: 61.1, 250_000: 0.2, 350_000: 0.3, 450_000: 0.5, 1: 0, 86_567_656: 86.6,
	} {
		s, err := newSpec(t, "parameters").New(metrics.Env{Parameters: count, ParametersOrigin: "side-car"}).Score()
		if err != nil {
			t.Fatal(err)
		}
		if s.Value != want {
			t.Errorf("%d: got %v, want %v", count, s.Value, want)
		}
		if got := part(t, s, "count"); got != float64(count) {
			t.Errorf("count: got %v, want %d", got, count)
		}
		if !strings.Contains(strings.Join(s.Notes, ""), "side-car") {
			t.Errorf("notes %q do not name the origin", s.Notes)
		}
	}
}
