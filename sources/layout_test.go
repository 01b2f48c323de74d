package sources

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"quba/pipeline"
)

// checkLayoutError holds the whole message of a wrong layout, which follows
// the root, against want.
func checkLayoutError(t *testing.T, root string, s pipeline.Source, want string) {
	t.Helper()
	_, err := collect(s)
	if err == nil || err.Error() != root+want {
		t.Errorf("got  %v\nwant %s%s", err, root, want)
	}
	if _, again := s.Describe(context.Background()); fmt.Sprint(again) != fmt.Sprint(err) {
		t.Errorf("Describe says %v, Samples %v", again, err)
	}
}

// wrongLayout is a data set that is laid out wrongly, and the message that
// follows its root.
type wrongLayout struct {
	name  string
	files []string
	want  string
}

func checkWrongLayouts(t *testing.T, source func(root string) pipeline.Source, cases []wrongLayout) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			root := t.TempDir()
			for _, file := range c.files {
				writeFile(t, filepath.Join(root, file), "")
			}
			checkLayoutError(t, root, source(root), c.want)
		})
	}
}

func TestSourcesShowTheirLayout(t *testing.T) {
	for _, e := range Sources.Entries() {
		if e.Layout == "" {
			t.Errorf("the config of source %s has no method Layout() string: the tree of files that it expects", e.Name)
		}
	}
}

func openRoot(t *testing.T, dir string) *os.Root {
	t.Helper()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	return root
}

func TestContents(t *testing.T) {
	for _, c := range []struct {
		files        []string
		folder, want string
	}{
		{nil, ".", "nothing"},
		{[]string{"x/.hidden"}, "x", "nothing in x"},
		{[]string{"a.jpg"}, ".", "no folder but the file a.jpg"},
		{[]string{"x/b.jpg", "x/a.jpg"}, "x", "no folder but the files a.jpg, b.jpg in x"},
		{[]string{"b/1", "a/1", "c.txt"}, ".", "the folders a, b"},
		{[]string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "a"}, ".", "no folder but the files 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 1 other"},
	} {
		dir := t.TempDir()
		for _, file := range c.files {
			writeFile(t, filepath.Join(dir, file), "")
		}
		if got := contents(openRoot(t, dir), c.folder); got != c.want {
			t.Errorf("got %s, want %s", got, c.want)
		}
	}
}
