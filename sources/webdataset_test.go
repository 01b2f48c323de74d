package sources

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"quba/pipeline"
	"quba/pipeline/registry"
)

// tarOf makes an archive of names and contents in turns.
func tarOf(t testing.TB, files ...string) []byte {
	t.Helper()
	var headers []tar.Header
	var contents []string
	for i := 0; i < len(files); i += 2 {
		headers = append(headers, tar.Header{Name: files[i], Typeflag: tar.TypeReg, Mode: 0o600})
		contents = append(contents, files[i+1])
	}
	return tarOfHeaders(t, headers, contents...)
}

func tarOfHeaders(t testing.TB, headers []tar.Header, contents ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for i, h := range headers {
		if h.Typeflag == tar.TypeReg {
			h.Size = int64(len(contents[i]))
		}
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if h.Typeflag == tar.TypeReg {
			if _, err := io.WriteString(w, contents[i]); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func pngText(t testing.TB) string {
	t.Helper()
	root := t.TempDir()
	writePNGs(t, root, "a.png")
	data, err := os.ReadFile(filepath.Join(root, "a.png"))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func init() {
	fixtures["webdataset"] = func(t *testing.T) fixture {
		root := t.TempDir()
		image := pngText(t)
		first := []string{"x/b.png", image, "x/b.cls", "3", "a.png", image, "a.cls", "0"}
		writeFile(t, filepath.Join(root, "v-0.tar"), string(tarOf(t, first...)))
		writeFile(t, filepath.Join(root, "v-1.tar"), string(tarOf(t, "a.cls", "1", "a.png", image)))
		return fixture{
			source: func() pipeline.Source {
				return webDatasetOf(t, root, webDatasetConfig{Shards: []string{"v-{0..1}.tar"}})
			},
			add: func() {
				writeFile(t, filepath.Join(root, "v-0.tar"), string(tarOf(t, append(first, "c.png", image, "c.cls", "0")...)))
			},
		}
	}
}

// webDatasetOf fills what is left out with the defaults.
func webDatasetOf(t testing.TB, root string, c webDatasetConfig) pipeline.Source {
	t.Helper()
	c.Root = root
	if c.Shards == nil {
		c.Shards = []string{"*.tar"}
	}
	for option, value := range map[*string]string{&c.Label: "cls", &c.Field: "label", &c.Labels: "index"} {
		if *option == "" {
			*option = value
		}
	}
	return makeSource(t, "webdataset", c)
}

// oneShard gives the samples of an archive, or the error after the path.
func oneShard(t testing.TB, archive []byte, c webDatasetConfig) (string, error) {
	t.Helper()
	root := t.TempDir()
	file := filepath.Join(root, "s.tar")
	writeFile(t, file, string(archive))
	s := webDatasetOf(t, root, c)
	samples, err := collect(s)
	_, again := s.Describe(context.Background())
	if fmt.Sprint(err) != fmt.Sprint(again) {
		t.Errorf("Samples says %v, Describe %v", err, again)
	}
	if err != nil {
		err = errors.New(strings.TrimPrefix(err.Error(), file))
	}
	return ids(samples), err
}

func TestWebDatasetSamples(t *testing.T) {
	classes := filepath.Join(t.TempDir(), "m.csv")
	writeFile(t, classes, "cat,3\n")
	for name, c := range map[string]struct {
		files  []string
		config webDatasetConfig
		want   string
	}{
		"either order":       {[]string{"b.cls", "1\n", "b.jpg", "i", "a.JPEG", "i", "a.cls", " 0"}, webDatasetConfig{}, "s.tar/b=1 s.tar/a=0"},
		"first dot":          {[]string{"d.x/a.jpg", "i", "d.x/a.cls", "1", "d.x/a.seg.png", "i"}, webDatasetConfig{}, "s.tar/d.x/a=1"},
		"dot folder":         {[]string{"./a.jpg", "i", "./a.cls", "1"}, webDatasetConfig{}, "s.tar/a=1"},
		"no samples beside":  {[]string{"__index__.json", "{}", "__m__/x.txt", "", ".hid.jpg", "i", "README", "", "a.jpg", "i", "a.cls", "1", "._a.jpg", "i"}, webDatasetConfig{}, "s.tar/a=1"},
		"image":              {[]string{"a.jpg", "i", "a.png", "i", "a.cls", "1"}, webDatasetConfig{Image: "png"}, "s.tar/a=1"},
		"image of two parts": {[]string{"a.jpg", "i", "a.crop.png", "i", "a.cls", "1"}, webDatasetConfig{Image: "crop.png"}, "s.tar/a=1"},
		"json":               {[]string{"a.jpg", "i", "a.json", `{"label": 7, "more": [1]}`}, webDatasetConfig{Label: "json"}, "s.tar/a=7"},
		"json field":         {[]string{"a.jpg", "i", "a.json", `{"wnid": "n01443537"}`}, webDatasetConfig{Label: "json", Field: "wnid", Labels: "imagenet"}, "s.tar/a=1"},
		"wnid":               {[]string{"a.jpg", "i", "a.txt", "n15075141\n"}, webDatasetConfig{Label: "txt", Labels: "imagenet"}, "s.tar/a=999"},
		"map":                {[]string{"a.jpg", "i", "a.txt", "cat"}, webDatasetConfig{Label: "txt", Labels: "map", LabelMap: classes}, "s.tar/a=3"},
	} {
		got, err := oneShard(t, tarOf(t, c.files...), c.config)
		if err != nil || got != c.want {
			t.Errorf("%s: got %s, %v, want %s", name, got, err, c.want)
		}
	}
}

func TestWebDatasetFaults(t *testing.T) {
	for name, c := range map[string]struct {
		files  []string
		config webDatasetConfig
		want   string
	}{
		"nothing":     {nil, webDatasetConfig{}, ": has no sample; expected files such as 00000001.jpg and 00000001.cls"},
		"no label":    {[]string{"x/a.jpg", "i", "x/a.json", "{}"}, webDatasetConfig{}, ": sample x/a: expected a.jpg and a.cls; found .jpg, .json"},
		"no image":    {[]string{"a.npy", "", "a.cls", "1"}, webDatasetConfig{}, ": sample a: expected a.jpg and a.cls; found .cls, .npy"},
		"apart":       {[]string{"a.jpg", "i", "b.jpg", "i", "a.cls", "1"}, webDatasetConfig{}, ": sample a: expected a.jpg and a.cls; found .jpg"},
		"two images":  {[]string{"a.jpg", "i", "a.png", "i", "a.cls", "1"}, webDatasetConfig{}, ": sample a: has two images, .jpg and .png; choose one by its extension with image"},
		"two labels":  {[]string{"a.jpg", "i", "a.cls", "1", "a.CLS", "2"}, webDatasetConfig{}, ": sample a: has two files .cls"},
		"label":       {[]string{"a.jpg", "i", "a.cls", "cat"}, webDatasetConfig{}, `: sample a: .cls: class index must be a whole number from 0 on, got "cat"`},
		"large label": {[]string{"a.jpg", "i", "a.cls", strings.Repeat("1", maxLabelBytes+1)}, webDatasetConfig{}, ": sample a: the label .cls has 1048577 bytes, at most 1048576 are read"},
		"no json":     {[]string{"a.jpg", "i", "a.json", "[]"}, webDatasetConfig{Label: "json"}, `: sample a: .json: must be an object such as {"label": 3}, got "[]"`},
		"no field":    {[]string{"a.jpg", "i", "a.json", "{}"}, webDatasetConfig{Label: "json"}, `: sample a: .json: field "label" must be a number or a text`},
		"absolute":    {[]string{"/etc/a.jpg", "i"}, webDatasetConfig{}, `: entry "/etc/a.jpg" leads out of the archive; a name must be relative and never lead up`},
		"upwards":     {[]string{"x/../../a.jpg", "i"}, webDatasetConfig{}, `: entry "x/../../a.jpg" leads out of the archive; a name must be relative and never lead up`},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := oneShard(t, tarOf(t, c.files...), c.config); fmt.Sprint(err) != c.want {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
}

func TestWebDatasetRefusesRepeatedKeys(t *testing.T) {
	root := t.TempDir()
	writeFile(t, filepath.Join(root, "s.tar"), string(tarOf(t, "a.jpg", "i", "a.cls", "1", "b.jpg", "i", "b.cls", "1", "a.jpg", "i", "a.cls", "1")))
	_, err := webDatasetOf(t, root, webDatasetConfig{}).Describe(context.Background())
	wantError(t, err, "s.tar: sample a is there twice")
}

func TestWebDatasetRefusesWhatIsNoPlainFile(t *testing.T) {
	for name, h := range map[string]tar.Header{
		"link":      {Name: "a.jpg", Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"},
		"hard link": {Name: "a.jpg", Typeflag: tar.TypeLink, Linkname: "b.jpg"},
		"device":    {Name: "a.jpg", Typeflag: tar.TypeChar},
		"pipe":      {Name: "a.jpg", Typeflag: tar.TypeFifo},
	} {
		_, err := oneShard(t, tarOfHeaders(t, []tar.Header{h}), webDatasetConfig{})
		if want := `: entry "a.jpg" is a link, a device or a sparse file; shards must hold plain files`; fmt.Sprint(err) != want {
			t.Errorf("%s: got %v", name, err)
		}
	}
	sparse := tar.Header{Name: "a.jpg", PAXRecords: map[string]string{"GNU.sparse.map": "0,1"}, Typeflag: tar.TypeReg}
	if _, plain, err := plainFile(&sparse, 0); plain || err == nil {
		t.Error("a sparse file of the PAX format is taken")
	}
	folder := tarOfHeaders(t, []tar.Header{
		{Typeflag: tar.TypeXGlobalHeader, PAXRecords: map[string]string{"comment": "git"}},
		{Name: "x/", Typeflag: tar.TypeDir, Mode: 0o700},
		{Name: "x/a.jpg", Typeflag: tar.TypeReg},
		{Name: "x/a.cls", Typeflag: tar.TypeReg},
	}, "", "", "i", "4")
	if got, err := oneShard(t, folder, webDatasetConfig{}); err != nil || got != "s.tar/x/a=4" {
		t.Errorf("an archive with a folder gives %s, %v", got, err)
	}
}

// A shard that ends early must not pass for a small one, wherever it ends.
func TestWebDatasetFindsCutShards(t *testing.T) {
	whole := tarOf(t, "a.cls", "1", "a.jpg", strings.Repeat("i", 700), "b.jpg", "i", "b.cls", "2")
	const content = 4*tarBlock + 5*tarBlock // headers and data, before the mark of the end
	for n := range content + 1 {
		if _, err := oneShard(t, whole[:n], webDatasetConfig{}); err == nil {
			t.Fatalf("no error for the first %d of %d bytes", n, len(whole))
		}
	}
	_, err := oneShard(t, whole[:content], webDatasetConfig{})
	if want := ": is cut off: it ends at byte 4608 in the middle of an entry or without the mark of the end; copy it again"; fmt.Sprint(err) != want {
		t.Errorf("got %v", err)
	}
	_, err = oneShard(t, []byte(strings.Repeat("no tar ", 300)), webDatasetConfig{})
	if want := ": is no tar archive, or is damaged, at byte 0"; fmt.Sprint(err) != want {
		t.Errorf("got %v", err)
	}
	_, err = oneShard(t, []byte("\x1f\x8b\x08 and more"), webDatasetConfig{})
	wantError(t, err, "is compressed", "gunzip")
}

func TestWebDatasetOptions(t *testing.T) {
	good := webDatasetConfig{Shards: []string{"a.tar"}, Label: "cls", Field: "label", Labels: "index"}
	for field, change := range map[string]func(*webDatasetConfig){
		"shards[0]": func(c *webDatasetConfig) { c.Shards = []string{"pipe:cat a.tar"} },
		"label_map": func(c *webDatasetConfig) { c.Labels = "map" },
		"image":     func(c *webDatasetConfig) { c.Image = ".jpg" },
		"label":     func(c *webDatasetConfig) { c.Label = "CLS" },
		"field":     func(c *webDatasetConfig) { c.Field = "class" },
	} {
		c := good
		change(&c)
		_, err := tryMakeSource("webdataset", c)
		var fault *registry.FieldError
		if !errors.As(err, &fault) || fault.Field != field {
			t.Errorf("%s: error is %v", field, err)
		}
	}
}

// Any samples come back with their own bytes, read in parallel.
func TestWebDatasetReadsWhatWasPacked(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(rt *rapid.T) {
		images := rapid.SliceOfN(rapid.StringN(0, 40, 1500), 1, 12).Draw(rt, "images")
		var files []string
		for i, image := range images {
			name := strings.Repeat("long/", rapid.IntRange(0, 60).Draw(rt, "depth")) + fmt.Sprint(i)
			files = append(files, name+".jpg", image, name+".cls", fmt.Sprint(i))
		}
		if err := os.WriteFile(filepath.Join(dir, "s.tar"), tarOf(t, files...), 0o600); err != nil {
			rt.Fatal(err)
		}
		var wg sync.WaitGroup
		n := 0
		for sample, err := range webDatasetOf(t, dir, webDatasetConfig{}).Samples(context.Background()) {
			if err != nil {
				rt.Fatal(err)
			}
			want := images[n]
			n++
			wg.Go(func() {
				if data, err := readSample(sample); err != nil || string(data) != want {
					t.Errorf("%s: read %q, %v, want %q", sample.ID, data, err, want)
				}
			})
		}
		wg.Wait()
		if n != len(images) {
			rt.Fatalf("%d of %d samples", n, len(images))
		}
	})
}

func TestWebDatasetReadFaultsAreOfTheImage(t *testing.T) {
	root := t.TempDir()
	file := filepath.Join(root, "s.tar")
	writeFile(t, file, string(tarOf(t, "a.jpg", "image", "a.cls", "1")))
	for sample := range webDatasetOf(t, root, webDatasetConfig{}).Samples(context.Background()) {
		if err := os.Truncate(file, tarBlock+3); err != nil {
			t.Fatal(err)
		}
		_, err := readSample(sample)
		wantError(t, err, file, "at byte 512", "unexpected EOF")
		break
	}
	err := readPart(&bytes.Buffer{}, file, 0, maxFileBytes+1)
	wantError(t, err, "at most")
}

// FuzzTarEntries checks that whatever is found lies in the archive and has a
// name below it.
func FuzzTarEntries(f *testing.F) {
	f.Add(tarOf(f, "a.jpg", "image", "a.cls", "1", strings.Repeat("long/", 60)+"b.jpg", "i"))
	f.Add(tarOfHeaders(f, []tar.Header{{Name: "a", Typeflag: tar.TypeSymlink, Linkname: "b"}}))
	f.Add([]byte{0x1f, 0x8b})
	f.Fuzz(func(t *testing.T, data []byte) {
		end := int64(0)
		for entry, err := range tarEntries(bytes.NewReader(data)) {
			if err != nil {
				return
			}
			if entry.offset < end || entry.size < 0 {
				t.Fatalf("%q has %d bytes at %d, after %d", entry.name, entry.size, entry.offset, end)
			}
			if strings.HasPrefix(entry.name, "/") || entry.name == ".." || strings.HasPrefix(entry.name, "../") {
				t.Fatalf("%q leads out", entry.name)
			}
			// The next header is only found where this content is whole.
			if end != 0 && end > int64(len(data)) {
				t.Fatalf("an entry follows one that ends at %d of %d", end, len(data))
			}
			end = entry.offset + entry.size
		}
		if end > int64(len(data)) {
			t.Fatalf("the last entry ends at %d of %d without an error", end, len(data))
		}
		_, _ = oneGroup(data)
	})
}

// oneGroup goes through the samples of an archive.
func oneGroup(data []byte) (n int, err error) {
	c := webDatasetConfig{Label: "json", Field: "label"}
	for group, err := range c.groups(bytes.NewReader(data)) {
		if err != nil {
			return n, err
		}
		if _, err := c.label(group, imagenetLabel); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}
