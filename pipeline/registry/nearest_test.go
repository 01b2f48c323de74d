package registry

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestNearest(t *testing.T) {
	known := []string{"accuracy", "calibration_error", "fgsm", "pgd", "root"}
	for name, want := range map[string]string{
		"acuracy":           "accuracy",
		"Accuracy":          "accuracy",
		"accuarcy":          "accuracy",
		"calibration-error": "calibration_error",
		"calibration_eror":  "calibration_error",
		"fgms":              "fgsm",
		"rot":               "root",
		"xyz":               "",
		"pxy":               "",
		"a":                 "",
		"":                  "",
		"precision":         "",
	} {
		if got := Nearest(name, known); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", name, got, want)
		}
	}
	if got := Nearest("b", nil); got != "" {
		t.Errorf("nothing is known, got %q", got)
	}
}

// slowDistance is the distance by its recursive definition.
func slowDistance(a, b string) int {
	if a == "" || b == "" {
		return len(a) + len(b)
	}
	i, j := len(a)-1, len(b)-1
	cost := 1
	if a[i] == b[j] {
		cost = 0
	}
	d := min(slowDistance(a[:i], b)+1, slowDistance(a, b[:j])+1, slowDistance(a[:i], b[:j])+cost)
	if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
		d = min(d, slowDistance(a[:i-1], b[:j-1])+1)
	}
	return d
}

func TestEditDistanceFollowsItsDefinition(t *testing.T) {
	words := rapid.StringOfN(rapid.SampledFrom([]rune("ab")), 0, 6, -1)
	rapid.Check(t, func(t *rapid.T) {
		a, b := words.Draw(t, "a"), words.Draw(t, "b")
		if got, want := editDistance(a, b), slowDistance(a, b); got != want {
			t.Fatalf("distance of %q and %q is %d, want %d", a, b, got, want)
		}
	})
}

func TestNearestFindsAnySingleSlip(t *testing.T) {
	known := []string{"calibration_error", "class_balance", "parameters"}
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.SampledFrom(known).Draw(t, "name")
		at := rapid.IntRange(0, len(name)-1).Draw(t, "at")
		slips := []string{name[:at] + name[at+1:], name[:at] + "z" + name[at:], name[:at] + "z" + name[at+1:]}
		for _, slip := range slips {
			if got := Nearest(slip, slices.Clone(known)); got != name {
				t.Fatalf("Nearest(%q) = %q, want %q", slip, got, name)
			}
		}
	})
}
