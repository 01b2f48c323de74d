package pipeline_test

import (
	"testing"

	"quba/pipeline"
)

// Images that went through other severities must not get the same name.
func TestVariantsOfChains(t *testing.T) {
	type step struct {
		name     string
		severity int32
	}
	for _, tt := range []struct {
		steps []step
		want  pipeline.Variant
	}{
		{[]step{{"fog", 3}}, pipeline.Variant{Perturbation: "fog", Severity: 3}},
		{[]step{{"edges", 0}, {"fog", 3}}, pipeline.Variant{Perturbation: "edges+fog", Severity: 3}},
		{[]step{{"fog", 3}, {"edges", 0}}, pipeline.Variant{Perturbation: "fog+edges", Severity: 3}},
		{[]step{{"fog", 3}, {"patch_shuffle", 4}}, pipeline.Variant{Perturbation: "fog-3+patch_shuffle", Severity: 4}},
		{[]step{{"fog", 3}, {"edges", 0}, {"snow", 1}, {"rotation", 90}}, pipeline.Variant{Perturbation: "fog+edges-3+snow-1+rotation", Severity: 90}},
	} {
		var got pipeline.Variant
		for _, s := range tt.steps {
			got = got.Then(s.name, s.severity)
		}
		if got != tt.want {
			t.Errorf("%v: %v, want %v", tt.steps, got, tt.want)
		}
	}
}
