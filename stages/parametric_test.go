package stages

import (
	"context"
	"errors"
	"testing"

	"quba/pipeline"
)

// The published levels (Geirhos et al.) are the defaults, and the severity
// column has them as whole numbers.
func TestPublishedLevels(t *testing.T) {
	for name, want := range map[string]string{
		"contrast":       "contrast_percent:100 contrast_percent:50 contrast_percent:30 contrast_percent:15 contrast_percent:10 contrast_percent:5 contrast_percent:3 contrast_percent:1 ",
		"uniform_noise":  "uniform_noise:0 uniform_noise:3 uniform_noise:5 uniform_noise:10 uniform_noise:20 uniform_noise:35 uniform_noise:60 uniform_noise:90 ",
		"rotation":       "rotation:0 rotation:90 rotation:180 rotation:270 ",
		"low_pass":       "low_pass:0 low_pass:36 low_pass:12 low_pass:7 low_pass:5 low_pass:4 low_pass:2 low_pass:1 ",
		"high_pass":      "high_pass:0 high_pass:12 high_pass:24 high_pass:36 high_pass:51 high_pass:65 high_pass:79 high_pass:89 ",
		"phase_scramble": "phase_scramble:0 phase_scramble:30 phase_scramble:60 phase_scramble:90 phase_scramble:120 phase_scramble:150 phase_scramble:180 ",
	} {
		if got := severities(apply(t, makeDefault(t, name), still(32, 32))); got != want {
			t.Errorf("%s:\n got %s\nwant %s", name, got, want)
		}
	}
}

// A level of 0 is the severity also after a stage that has one.
func TestLevelZeroIsASeverity(t *testing.T) {
	in := still(8, 8)
	in.Variant = pipeline.Variant{Perturbation: "fog", Severity: 3}
	first := apply(t, makeDefault(t, "rotation"), in)[0]
	if want := (pipeline.Variant{Perturbation: "fog-3+rotation", Severity: 0}); first.Variant != want {
		t.Errorf("variant is %v, want %v", first.Variant, want)
	}
}

func TestLevelsThatRecordsCannotTellApart(t *testing.T) {
	c := defaultsOf[lowPassConfig](t, "low_pass")
	c.Cutoffs = []float64{7.1, 6.9}
	_, err := tryMakeStage("low_pass", c)
	wantFieldError(t, err, "cutoffs")
	n := defaultsOf[uniformNoiseConfig](t, "uniform_noise")
	n.Widths = []float64{0.101, 0.104}
	_, err = tryMakeStage("uniform_noise", n)
	wantFieldError(t, err, "widths")
	n.Widths = []float64{0.1, 0.004}
	_, err = tryMakeStage("uniform_noise", n)
	wantFieldError(t, err, "widths")
}

func TestParametricStopsWhenCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := makeDefault(t, "contrast").Apply(ctx, still(8, 8)); !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v", err)
	}
}
