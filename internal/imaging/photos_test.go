package imaging

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// sharedDir finds a folder of ../shared, seen from the repository's root, or
// skips the test.
func sharedDir(t testing.TB, path ...string) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("go.mod not found")
		}
		dir = filepath.Dir(dir)
	}
	shared := filepath.Join(append([]string{filepath.Dir(dir), "shared"}, path...)...)
	if _, err := os.Stat(shared); err != nil {
		t.Skipf("needs photographs: %v", err)
	}
	return shared
}

func TestPhotographGoldens(t *testing.T) {
	golden, data := sharedDir(t, "golden", "preprocessing"), sharedDir(t, "data")
	var expected struct {
		Cases []struct {
			File, Decoded, Config, Expected string
			Resize                          int `json:"resize_shorter_side"`
			Crop                            int `json:"center_crop"`
		}
	}
	if err := json.Unmarshal(readFile(t, golden, "expected.json"), &expected); err != nil {
		t.Fatal(err)
	}
	if len(expected.Cases) == 0 {
		t.Fatal("no cases listed")
	}
	for _, c := range expected.Cases {
		t.Run(c.Expected, func(t *testing.T) {
			decoded := readPNG(t, golden, c.Decoded)
			comparePhotograph(t, filepath.Join(data, c.File), decoded)
			tr := Transform{Mode: ResizeShorter, ResizeH: c.Resize, Filter: Bicubic, CropW: c.Crop, CropH: c.Crop}
			got, err := tr.Apply(decoded)
			if err != nil {
				t.Fatal(err)
			}
			requireEqual(t, got, readPNG(t, golden, c.Expected))
		})
	}
}

// comparePhotograph decodes a file; a few of the goldens' sources are not there.
func comparePhotograph(t *testing.T, file string, want *Image) {
	t.Helper()
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		t.Logf("decoding is not tested: %v", err)
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	m, info, err := Decode(data, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if info.Decoder == pureGoJPEG {
		requireClose(t, m, want, pureGoMean)
		return
	}
	requireEqual(t, m, want)
}

// TestPhotographsAsPillow compares hashes of 500 photographs, decoded and
// transformed, with Pillow's.
func TestPhotographsAsPillow(t *testing.T) {
	if JPEGDecoder() == pureGoJPEG {
		t.Skip("only libjpeg-turbo is exact")
	}
	photos := sharedDir(t, "data", "imagenet-sample", "val")
	tr := Transform{Mode: ResizeShorter, ResizeH: 256, Filter: Bicubic, CropW: 224, CropH: 224}
	var n, decoded, transformed int
	for line := range strings.Lines(string(readFile(t, "testdata", "imagenet_sample.tsv"))) {
		f := strings.Split(strings.TrimSpace(line), "\t")
		if len(f) != 3 {
			continue
		}
		n++
		m, info, err := Decode(readFile(t, photos, f[0]), Options{})
		if err != nil || info.Warning != "" {
			t.Fatalf("%s: %v %s", f[0], err, info.Warning)
		}
		if strings.HasPrefix(digest(m), f[1]) {
			decoded++
		}
		m, err = tr.Apply(m)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(digest(m), f[2]) {
			transformed++
		}
	}
	if n != 500 || decoded != n || transformed != n {
		t.Errorf("of %d photographs %d decode and %d transform as in Pillow; want all 500", n, decoded, transformed)
	}
}

// TestPureGoPhotographs bounds what the pure-Go decoder costs on photographs.
func TestPureGoPhotographs(t *testing.T) {
	if JPEGDecoder() == pureGoJPEG {
		t.Skip("this build has no libjpeg-turbo to compare with")
	}
	photos, err := filepath.Glob(filepath.Join(sharedDir(t, "data", "imagenet-sample", "val"), "*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	const step = 10
	for i := 0; i < len(photos); i += step {
		data := readFile(t, photos[i])
		m, _, err := decodeJPEGGo(data, Options{})
		if err != nil {
			t.Fatalf("%s: %v", photos[i], err)
		}
		requireClose(t, m, mustDecode(t, data), pureGoMean)
	}
}
