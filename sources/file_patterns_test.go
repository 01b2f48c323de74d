package sources

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"quba/pipeline/registry"
)

func TestExpandBraces(t *testing.T) {
	for pattern, want := range map[string]string{
		"a.tar":               "a.tar",
		"v-{000..002}.tar":    "v-000.tar v-001.tar v-002.tar",
		"{8..11}":             "8 9 10 11",
		"{08..11}":            "08 09 10 11",
		"{7..7}":              "7",
		"{train,val}-{0..1}x": "train-0x train-1x val-0x val-1x",
		"a{,b}":               "a ab",
	} {
		got, err := expandBraces(pattern)
		if err != nil || strings.Join(got, " ") != want {
			t.Errorf("%s: got %q, %v", pattern, got, err)
		}
	}
	for pattern, word := range map[string]string{
		"a{0..1":                          "closed",
		"a}":                              "closed",
		"{a{0..1}}":                       "closed",
		"{}":                              "empty",
		"{3..1}":                          "count upwards",
		"{a..c}":                          "count upwards",
		"{0..9..2}":                       "count upwards",
		"{-1..2}":                         "count upwards",
		"{0..1000000}":                    "more than 100000",
		"{0..9999}{0..9999}":              "more than 100000",
		strings.Repeat("x", maxPattern+1): "at most 1024 bytes",
	} {
		_, err := expandBraces(pattern)
		wantError(t, err, word)
	}
}

// FuzzExpandBraces checks that the names are bounded and that a pattern
// without braces stands for itself.
func FuzzExpandBraces(f *testing.F) {
	f.Add("name-{000000..000147}.tar")
	f.Add("{a,b}{0..1}")
	f.Fuzz(func(t *testing.T, pattern string) {
		names, err := expandBraces(pattern)
		if err != nil {
			return
		}
		if len(names) == 0 || len(names) > maxExpanded {
			t.Fatalf("%d names", len(names))
		}
		if !strings.ContainsAny(pattern, "{}") && (len(names) != 1 || names[0] != pattern) {
			t.Fatalf("%q became %q", pattern, names)
		}
		for _, name := range names {
			if strings.ContainsAny(name, "{}") {
				t.Fatalf("%q has braces left", name)
			}
		}
	})
}

func TestPatternsAreOnThisMachineBelowRoot(t *testing.T) {
	for pattern, word := range map[string]string{
		"pipe:curl https://host/a.tar": "never followed",
		"https://host/a-{0..9}.tar":    "never followed",
		"s3://bucket/a.tar":            "never followed",
		"file:a.tar":                   "never followed",
		"/data/a.tar":                  "below root",
		"../a.tar":                     "below root",
		"a/{b,../..}/c.tar":            "below root",
		"":                             "below root",
		"a[.tar":                       "syntax error",
		"a{":                           "closed",
	} {
		err := checkPatterns("shards", []string{"ok.tar", pattern})
		var field *registry.FieldError
		if !errors.As(err, &field) || field.Field != "shards[1]" {
			t.Errorf("%s: error is %v", pattern, err)
			continue
		}
		wantError(t, err, word)
	}
	if err := checkPatterns("shards", []string{"a/b-{00..10}.tar", "*.tar", "[ab]?.tar"}); err != nil {
		t.Error(err)
	}
}

func TestFilesOf(t *testing.T) {
	root := t.TempDir()
	for _, name := range []string{"b.tar", "a.tar", "._a.tar", "c-00.tar", "c-01.tar", "x/d.tar", "y/d.tar"} {
		writeFile(t, filepath.Join(root, name), "")
	}
	for patterns, want := range map[string]string{
		"b.tar a.tar":        "b.tar a.tar",
		"*.tar":              "a.tar b.tar c-00.tar c-01.tar",
		"c-{01,00}.tar":      "c-01.tar c-00.tar",
		"./x/d.tar [ab].tar": "x/d.tar a.tar b.tar",
	} {
		got, err := filesOf(root, strings.Fields(patterns))
		if err != nil || strings.Join(got, " ") != want {
			t.Errorf("%s: got %q, %v", patterns, got, err)
		}
	}
	for patterns, want := range map[string]string{
		"n-{0..2}.tar":    ": expected files such as n-{0..2}.tar; found the folders x, y",
		"x/*.parquet":     ": expected files such as x/*.parquet; found no folder but the file d.tar in x",
		"z/*.tar":         ": expected files such as z/*.tar; found nothing in z",
		"c-{00..03}.tar":  ": expected files such as c-{00..03}.tar; found all but 2 of 4: missing are the files c-02.tar, c-03.tar",
		"x/d.tar y/d.tar": ": x/d.tar and y/d.tar have the same name, which must be different as it is part of the IDs of the images",
		"a.tar *.tar":     ": a.tar is named twice",
	} {
		_, err := filesOf(root, strings.Fields(patterns))
		if fmt.Sprint(err) != root+want {
			t.Errorf("%s: got %v", patterns, err)
		}
	}
}
