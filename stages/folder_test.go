package stages

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func folderOf(t *testing.T, files map[string]string) string {
	t.Helper()
	folder := t.TempDir()
	for name, text := range files {
		path := filepath.Join(folder, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

func TestListFolder(t *testing.T) {
	folder := folderOf(t, map[string]string{"b/2.PNG": "22", "b.png": "1", "a/x/3.png": "333", "a/.4.png": "", ".h/5.png": "", "6.txt": ""})
	files, err := listFolder(t.Context(), folder, []string{".png"})
	if got, want := fmt.Sprint(files), "[{a/x/3.png 3} {b.png 1} {b/2.PNG 2}]"; err != nil || got != want {
		t.Errorf("got %s, %v; want %s", got, err, want)
	}
	if _, err := listFolder(t.Context(), folder, []string{".jpg", ".gif"}); err == nil || !strings.Contains(err.Error(), "has no image; looked for files named *.jpg, *.gif") {
		t.Errorf("without an image: %v", err)
	}
	if _, err := listFolder(t.Context(), filepath.Join(folder, "none"), []string{".png"}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("without a folder: %v", err)
	}
	done, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := listFolder(done, folder, []string{".png"}); !errors.Is(err, context.Canceled) {
		t.Errorf("when canceled: %v", err)
	}
}

// Any other name or size gives another digest, and nothing else does.
func TestFolderFact(t *testing.T) {
	same := folderFact("styles", []folderFile{{"a.png", 3}, {"b.png", 4}})
	for _, files := range [][]folderFile{
		{{"a.png", 3}}, {{"a.png", 3}, {"b.png", 5}}, {{"a.png", 3}, {"c.png", 4}}, {{"a.pngb.png", 3}, {"", 4}}, {{"a.png", -1}, {"b.png", 4}},
	} {
		if other := folderFact("styles", files); other.Value == same.Value {
			t.Errorf("%v have the digest of others", files)
		}
	}
	if again := folderFact("styles", []folderFile{{"a.png", 3}, {"b.png", 4}}); again != same || len(same.Value) != 64 {
		t.Errorf("got %v, then %v", same, again)
	}
}
