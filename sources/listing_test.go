package sources

import (
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestStableIDIsValidAndTellsNamesApart(t *testing.T) {
	names := rapid.StringOfN(rapid.SampledFrom([]rune{'a', '\\', 'x', 'f', 'é', '\ufffd'}), 0, 6, -1)
	raw := rapid.SliceOfN(rapid.SampledFrom([]byte("a\\xf\xff\xc3\xa9")), 0, 6)
	rapid.Check(t, func(t *rapid.T) {
		a := names.Draw(t, "a")
		b := string(raw.Draw(t, "b"))
		for _, name := range []string{a, b} {
			if !utf8.ValidString(stableID(name)) {
				t.Fatalf("ID of %q is %q", name, stableID(name))
			}
		}
		if (a == b) != (stableID(a) == stableID(b)) {
			t.Fatalf("%q and %q have the IDs %q and %q", a, b, stableID(a), stableID(b))
		}
	})
}
