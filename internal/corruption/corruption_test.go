package corruption

import (
	"slices"
	"strings"
	"testing"
)

func TestSelect(t *testing.T) {
	for _, tt := range []struct {
		names []string
		first string
		n     int
	}{
		{[]string{SetBenchmark}, "gaussian_noise", 15},
		{[]string{SetExtra}, "speckle_noise", 4},
		{[]string{SetAll, "fog", "fog"}, "gaussian_noise", 19},
		{[]string{SetExtra, "fog"}, "fog", 5},
		{nil, "", 0},
	} {
		got := Select(tt.names)
		if len(got) != tt.n || tt.n > 0 && got[0].Name != tt.first {
			t.Errorf("%q selects %d, from %v", tt.names, len(got), got[:min(1, len(got))])
		}
		if !slices.IsSortedFunc(got, func(a, b Corruption) int { return a.Order - b.Order }) {
			t.Errorf("%q: the order is not the benchmark's", tt.names)
		}
	}
}

func TestCheckSelection(t *testing.T) {
	for _, name := range append([]string{SetBenchmark, SetExtra, SetAll}, Names()...) {
		if err := CheckSelection(name); err != nil {
			t.Error(err)
		}
	}
	if err := CheckSelection("fgo"); err == nil || !strings.Contains(err.Error(), `did you mean "fog"`) {
		t.Errorf("error is %v", err)
	}
}
