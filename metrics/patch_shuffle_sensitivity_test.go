package metrics_test

import (
	"strings"
	"testing"

	"quba/metrics"
)

func TestPatchShuffleSensitivity(t *testing.T) {
	shuffled := []cell{{"patch_shuffle", 4, 10, 2}, {"patch_shuffle", 2, 10, 4}, {"patch_shuffle", 16, 20, 0}}
	for name, c := range map[string]struct {
		clean []cell
		want  float64
	}{
		"relative to clean": {[]cell{{n: 10, right: 8}}, 1 - (0.2+0.4+0)/0.8/3},
		"without clean":     {nil, 1 - (0.2+0.4+0)/3},
	} {
		m := newSpec(t, "patch_shuffle_sensitivity").New(metrics.Env{})
		if err := observeCells(t, m, "shuffled", shuffled...); err != nil {
			t.Fatal(err)
		}
		if err := observeCells(t, m, "clean", c.clean...); err != nil {
			t.Fatal(err)
		}
		s, err := m.Score()
		if err != nil {
			t.Fatal(err)
		}
		near(t, name, s.Value, c.want, 1e-12)
		near(t, "grid4", part(t, s, "grid4"), 0.2, 0)
		near(t, "grid16", part(t, s, "grid16"), 0, 0)
		if s.N != 40 {
			t.Errorf("%s: n is %d", name, s.N)
		}
	}
}

func TestPatchShuffleFaults(t *testing.T) {
	for want, cells := range map[string][]cell{
		`must be patch_shuffle, is "fog"`: {{"fog", 1, 1, 0}},
		"must be the n of an n x n grid":  {{"patch_shuffle", 0, 1, 0}},
		"cannot be scored together":       {{"patch_shuffle", 2, 1, 0}, {"edges+patch_shuffle", 2, 1, 0}},
	} {
		m := newSpec(t, "patch_shuffle_sensitivity").New(metrics.Env{})
		if err := observeCells(t, m, "shuffled", cells...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want %q", err, want)
		}
	}
	m := newSpec(t, "patch_shuffle_sensitivity").New(metrics.Env{})
	if err := observeCells(t, m, "shuffled", cell{"patch_shuffle", 4, 1, 0}); err != nil {
		t.Fatal(err)
	}
	if err := observeCells(t, m, "clean", cell{n: 2}); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Score(); err == nil || !strings.Contains(err.Error(), "clean accuracy is 0") {
		t.Errorf("error is %v", err)
	}
}
