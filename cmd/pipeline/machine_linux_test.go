package main

import "testing"

func TestModelName(t *testing.T) {
	for _, c := range []struct{ name, info, want string }{
		{"x86", "processor\t: 0\nmodel\t\t: 85\nmodel name\t: Some CPU @ 2.00GHz\n\nprocessor\t: 1\nmodel name\t: Another\n", "Some CPU @ 2.00GHz"},
		{"arm", "processor\t: 0\nCPU part\t: 0xd0c\n", ""},
		{"empty", "", ""},
	} {
		if got := modelName(c.info); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}
