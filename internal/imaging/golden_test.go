package imaging

import (
	"bytes"
	"encoding/json"
	"image/png"
	"os"
	"path/filepath"
	"testing"
)

// manifest lists what Pillow 12.3 made of procedural pictures.
type manifest struct {
	Decode []struct{ Input, Expected string }
	Resize []struct {
		Input, Filter, Expected string
		Width, Height           int
	}
	EvalTransform []struct {
		Input, Filter, Expected string
		Resize                  int `json:"resize_shorter_side"`
		Crop                    int `json:"center_crop"`
	} `json:"eval_transform"`
}

const goldenDir = "testdata/preprocessing_procedural"

func readManifest(t testing.TB) manifest {
	t.Helper()
	var m manifest
	if err := json.Unmarshal(readFile(t, goldenDir, "manifest.json"), &m); err != nil {
		t.Fatal(err)
	}
	return m
}

func readFile(t testing.TB, path ...string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// readPNG reads an 8-bit RGB PNG without the code under test.
func readPNG(t testing.TB, path ...string) *Image {
	t.Helper()
	src, err := png.Decode(bytes.NewReader(readFile(t, path...)))
	if err != nil {
		t.Fatal(err)
	}
	b := src.Bounds()
	m := New(b.Dx(), b.Dy())
	for y := range m.H {
		for x := range m.W {
			r, g, bl, _ := src.At(x, y).RGBA()
			copy(m.Pix[3*(y*m.W+x):], []byte{byte(r >> 8), byte(g >> 8), byte(bl >> 8)})
		}
	}
	return m
}

// difference returns the largest and the mean absolute difference in levels.
func difference(t testing.TB, got, want *Image) (largest int, mean float64) {
	t.Helper()
	if got.W != want.W || got.H != want.H || len(got.Pix) != len(want.Pix) {
		t.Fatalf("size %dx%d, want %dx%d", got.W, got.H, want.W, want.H)
	}
	sum := 0
	for i, v := range got.Pix {
		d := int(v) - int(want.Pix[i])
		d = max(d, -d)
		largest, sum = max(largest, d), sum+d
	}
	return largest, float64(sum) / float64(len(got.Pix))
}

func requireEqual(t testing.TB, got, want *Image) {
	t.Helper()
	if largest, mean := difference(t, got, want); largest != 0 {
		t.Errorf("pixels differ by up to %d levels, %.4f on average; want none", largest, mean)
	}
}

func mustDecode(t testing.TB, data []byte) *Image {
	t.Helper()
	m, _, err := Decode(data, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestDecodeGolden(t *testing.T) {
	for _, c := range readManifest(t).Decode {
		t.Run(filepath.Base(c.Input), func(t *testing.T) {
			m, info, err := Decode(readFile(t, goldenDir, c.Input), Options{})
			if err != nil {
				t.Fatal(err)
			}
			want := readPNG(t, goldenDir, c.Expected)
			if info.Decoder == pureGoJPEG {
				requireClose(t, m, want, pureGoMean)
				return
			}
			requireEqual(t, m, want)
		})
	}
}

func TestResizeGolden(t *testing.T) {
	for _, c := range readManifest(t).Resize {
		t.Run(filepath.Base(c.Expected), func(t *testing.T) {
			f, err := ParseFilter(c.Filter)
			if err != nil {
				t.Fatal(err)
			}
			src := mustDecode(t, readFile(t, goldenDir, c.Input))
			want := readPNG(t, goldenDir, c.Expected)
			requireEqual(t, Resize(src, c.Width, c.Height, f), want)
			exact := Transform{Mode: ResizeExact, ResizeW: c.Width, ResizeH: c.Height, Filter: f}
			got, err := exact.Apply(src)
			if err != nil {
				t.Fatal(err)
			}
			requireEqual(t, got, want)
		})
	}
}

func TestTransformGolden(t *testing.T) {
	cases := readManifest(t).EvalTransform
	if len(cases) == 0 {
		t.Fatal("manifest has no eval_transform")
	}
	for _, c := range cases {
		t.Run(filepath.Base(c.Expected), func(t *testing.T) {
			f, err := ParseFilter(c.Filter)
			if err != nil {
				t.Fatal(err)
			}
			tr := Transform{Mode: ResizeShorter, ResizeH: c.Resize, Filter: f, CropW: c.Crop, CropH: c.Crop}
			got, err := tr.Apply(mustDecode(t, readFile(t, goldenDir, c.Input)))
			if err != nil {
				t.Fatal(err)
			}
			requireEqual(t, got, readPNG(t, goldenDir, c.Expected))
		})
	}
}

// pureGoMean is the mean difference in levels that the inverse DCT of the
// pure-Go JPEG decoder may cost on one picture.
const pureGoMean = 0.1

// requireClose allows differences of 3 levels, and of mean on average.
func requireClose(t testing.TB, got, want *Image, mean float64) {
	t.Helper()
	const most = 3
	largest, average := difference(t, got, want)
	if largest > most || average > mean {
		t.Errorf("pixels differ by up to %d levels, %.4f on average; want at most %d and %.2f", largest, average, most, mean)
	}
}
