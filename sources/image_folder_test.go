package sources

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"quba/pipeline"
	"quba/pipeline/registry"
)

func init() {
	fixtures["image_folder"] = func(t *testing.T) fixture {
		root := t.TempDir()
		writePNGs(t, root, "b/1.png", "b/sub/2.png", "a/3.PNG", "a/4.png")
		return fixture{
			source: func() pipeline.Source {
				return makeSource(t, "image_folder", imageFolderConfig{Root: root, Labels: "folders"})
			},
			add: func() { writePNGs(t, root, "a/5.png") },
		}
	}
}

func imageFolderOf(t *testing.T, c imageFolderConfig) pipeline.Source {
	t.Helper()
	return makeSource(t, "image_folder", c)
}

func TestImageFolderLabels(t *testing.T) {
	root, other := t.TempDir(), t.TempDir()
	writePNGs(t, root, "n01443537/b.png", "n15075141/a.png", "n01440764/c.png", "stray.png", ".git/x.png", "n01440764/._c.png", "n01440764/readme.txt")
	csvMap, jsonMap := filepath.Join(other, "m.csv"), filepath.Join(other, "m.json")
	writeFile(t, csvMap, "\ufefffolder,index\nn01440764,7\nn01443537,5\nn15075141,7\n")
	writeFile(t, jsonMap, `{"n01440764": 7, "n01443537": 5, "n15075141": 7}`)
	for _, c := range []struct {
		config  imageFolderConfig
		want    string
		classes int
	}{
		{imageFolderConfig{Labels: "imagenet"}, "n01440764/c.png=0 n01443537/b.png=1 n15075141/a.png=999", 1000},
		{imageFolderConfig{Labels: "folders"}, "n01440764/c.png=0 n01443537/b.png=1 n15075141/a.png=2", 3},
		{imageFolderConfig{Labels: "map", LabelMap: csvMap}, "n01440764/c.png=7 n01443537/b.png=5 n15075141/a.png=7", 8},
		{imageFolderConfig{Labels: "map", LabelMap: jsonMap}, "n01440764/c.png=7 n01443537/b.png=5 n15075141/a.png=7", 8},
	} {
		c.config.Root = root
		s := imageFolderOf(t, c.config)
		got, err := collect(s)
		if err != nil {
			t.Fatal(err)
		}
		if ids(got) != c.want {
			t.Errorf("%s: got %s, want %s", c.config.Labels, ids(got), c.want)
		}
		info, err := s.Describe(context.Background())
		if err != nil || info.Classes != c.classes {
			t.Errorf("%s: %d classes, want %d (%v)", c.config.Labels, info.Classes, c.classes, err)
		}
	}
}

func TestImageFolderOrderIsByteOrderOfPaths(t *testing.T) {
	root := t.TempDir()
	writePNGs(t, root, "b/1.png", "B/1.png", "a/x/1.png", "a/x-1.png", "a/10.png", "a/9.png", "a-b/1.png", "é/1.png")
	got, err := collect(imageFolderOf(t, imageFolderConfig{Root: root, Labels: "folders"}))
	if err != nil {
		t.Fatal(err)
	}
	const want = "B/1.png=0 a/10.png=1 a/9.png=1 a/x-1.png=1 a/x/1.png=1 a-b/1.png=2 b/1.png=3 é/1.png=4"
	if ids(got) != want {
		t.Errorf("got %s\nwant %s", ids(got), want)
	}
}

func TestImageFolderErrors(t *testing.T) {
	empty, noClass, strange := t.TempDir(), t.TempDir(), t.TempDir()
	writePNGs(t, noClass, "a.png")
	writeFile(t, filepath.Join(empty, "n01440764", "a.txt"), "")
	writePNGs(t, strange, "cat/a.png", "n01440764/b.png")
	m := filepath.Join(t.TempDir(), "m.json")
	writeFile(t, m, `{"n01440764": 0}`)
	for _, c := range []struct {
		config imageFolderConfig
		words  []string
	}{
		{imageFolderConfig{Root: empty, Labels: "imagenet"}, []string{empty, "no image", ".webp"}},
		{imageFolderConfig{Root: noClass, Labels: "imagenet"}, []string{"no class folder", "n01440764"}},
		{imageFolderConfig{Root: strange, Labels: "imagenet"}, []string{"wnid", `"cat"`, "labels: folders"}},
		{imageFolderConfig{Root: strange, Labels: "map", LabelMap: m}, []string{m, `"cat"`}},
		{imageFolderConfig{Root: filepath.Join(empty, "none"), Labels: "folders"}, []string{"none"}},
	} {
		s := imageFolderOf(t, c.config)
		_, err := collect(s)
		wantError(t, err, c.words...)
		_, err = s.Describe(context.Background())
		wantError(t, err, c.words...)
	}
}

func TestLabelMapOptionMustFit(t *testing.T) {
	for _, c := range []imageFolderConfig{{Labels: "map"}, {Labels: "imagenet", LabelMap: "m.csv"}} {
		_, err := tryMakeSource("image_folder", c)
		var field *registry.FieldError
		if !errors.As(err, &field) || field.Field != "label_map" {
			t.Errorf("%v: error is %v", c, err)
		}
	}
}

func TestImageFolderLinks(t *testing.T) {
	root, outside := t.TempDir(), t.TempDir()
	writePNGs(t, root, "a/1.png")
	writePNGs(t, outside, "secret.png")
	links := map[string]string{
		"a/inside.png":   "1.png",
		"a/outside.png":  filepath.Join(outside, "secret.png"),
		"a/dangling.png": "none.png",
		"a/circle.png":   "circle.png",
		"a/folder.png":   ".",
	}
	for name, target := range links {
		if err := os.Symlink(target, filepath.Join(root, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(filepath.Join(root, "a", "pipe.png"), 0o600); err != nil {
		t.Fatal(err)
	}
	readable := map[string]bool{}
	s := imageFolderOf(t, imageFolderConfig{Root: root, Labels: "folders"})
	for sample, err := range s.Samples(context.Background()) {
		if err != nil {
			t.Fatal(err)
		}
		_, err := readSample(sample)
		readable[sample.ID] = err == nil
		switch sample.ID {
		case "a/outside.png":
			wantError(t, err, "a/outside.png is a link that leads out of "+root+"; list such files with a file_list source")
		case "a/dangling.png", "a/circle.png":
			wantError(t, err, sample.ID+" is a link that cannot be followed")
		case "a/pipe.png":
			wantError(t, err, "pipe.png must be a regular file, is a pipe or a device")
		}
	}
	if len(readable) != 7 {
		t.Errorf("%d samples, want all 7: %v", len(readable), readable)
	}
	for id, ok := range readable {
		if want := id == "a/1.png" || id == "a/inside.png"; ok != want {
			t.Errorf("%s can be read: %t", id, ok)
		}
	}
	if _, err := s.Describe(context.Background()); err != nil {
		t.Error(err)
	}
}

func TestStrangeClassesAreCounted(t *testing.T) {
	for want, classes := range map[string][]string{`found 1 other: ["cat"]`: {"cat"}, `found 2 others: ["cat" "dog"]`: {"cat", "dog"}} {
		root := t.TempDir()
		for _, class := range classes {
			writePNGs(t, root, class+"/1.png")
		}
		_, err := collect(imageFolderOf(t, imageFolderConfig{Root: root, Labels: "imagenet"}))
		wantError(t, err, want)
	}
}

// TestPipesAreNotOpened would wait for ever otherwise: nobody writes to them.
func TestPipesAreNotOpened(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe.csv")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	list := &fileList{config: fileListConfig{Path: pipe, Labels: "index"}}
	_, err := list.Describe(context.Background())
	wantError(t, err, pipe+" must be a regular file, is a pipe or a device")
	_, err = readLabelMap(pipe)
	wantError(t, err, "must be a regular file, is a pipe or a device")
}

func TestImageFolderRefusesFolderLinks(t *testing.T) {
	for _, link := range []string{"circle", "a/circle"} {
		root := t.TempDir()
		writePNGs(t, root, "a/1.png")
		if err := os.Symlink(root, filepath.Join(root, link)); err != nil {
			t.Fatal(err)
		}
		_, err := collect(imageFolderOf(t, imageFolderConfig{Root: root, Labels: "folders"}))
		wantError(t, err, "circle", "link to a folder", "file_list")
	}
}

func TestImageFolderKeepsStrangeNames(t *testing.T) {
	root := t.TempDir()
	writePNGs(t, root, "\xffc/\xfe.png", "\xffc/\\xfe.png", "\xffc/'a b'.png")
	s := imageFolderOf(t, imageFolderConfig{Root: root, Labels: "folders"})
	got, err := collect(s)
	if err != nil {
		t.Skipf("this file system has no such names: %v", err)
	}
	const want = `\xffc/'a b'.png=0 \xffc/\\xfe.png=0 \xffc/\xfe.png=0`
	if ids(got) != want {
		t.Errorf("got %s\nwant %s", ids(got), want)
	}
	checkRead(t, s)
}

func TestDigestSeesLabelAndSize(t *testing.T) {
	root := t.TempDir()
	writePNGs(t, root, "a/1.png", "b/1.png")
	digest := func() string {
		info, err := imageFolderOf(t, imageFolderConfig{Root: root, Labels: "folders"}).Describe(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		return info.Digest
	}
	first := digest()
	writeFile(t, filepath.Join(root, "b/1.png"), "other size")
	second := digest()
	if err := os.Mkdir(filepath.Join(root, "aa"), 0o755); err != nil {
		t.Fatal(err)
	}
	third := digest()
	if first == second || second == third {
		t.Error("the digest misses a change of size or label")
	}
}

func TestListingOfManyFilesIsFast(t *testing.T) {
	if testing.Short() {
		t.Skip("makes 5,000 files")
	}
	root := t.TempDir()
	for i := range 5000 {
		writeFile(t, filepath.Join(root, strconv.Itoa(i%50), strconv.Itoa(i)+".jpg"), "")
	}
	start := time.Now()
	info, err := imageFolderOf(t, imageFolderConfig{Root: root, Labels: "folders"}).Describe(context.Background())
	if err != nil || info.Samples != 5000 {
		t.Fatal(info, err)
	}
	t.Logf("listed 5000 files in %v", time.Since(start))
}

// sharedFolder finds the folder of goldens and data beside the repository.
func sharedFolder(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for dir != filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		dir = filepath.Dir(dir)
	}
	shared := filepath.Join(filepath.Dir(dir), "shared")
	if _, err := os.Stat(shared); err != nil {
		t.Skip("no folder of goldens: ", err)
	}
	return shared
}

func TestImageFolderOnRealSample(t *testing.T) {
	root := filepath.Join(sharedFolder(t), "data", "imagenet-sample", "val")
	if _, err := os.Stat(root); err != nil {
		t.Skip(err)
	}
	info, err := imageFolderOf(t, imageFolderConfig{Root: root, Labels: "imagenet"}).Describe(context.Background())
	if err != nil || info.Samples != 500 || info.Classes != 1000 {
		t.Errorf("%+v, %v", info, err)
	}
}
