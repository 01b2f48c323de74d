package corruption

import "testing"

// named is the corruption of a name.
func named(t testing.TB, name string) Corruption {
	t.Helper()
	found := Select([]string{name})
	if len(found) != 1 {
		t.Fatalf("%d corruptions are named %q", len(found), name)
	}
	return found[0]
}
