package corruption

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"image"
	"image/draw"
	"image/png"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"quba/internal/imaging"
)

// Two sets of vectors made by the reference code: one on a procedural picture,
// one on photographs, which stay outside the repository.
const (
	proceduralGolden = "testdata/procedural"
	photographGolden = "../../../shared/golden/corruptions"
)

// storageEntry is the manifest's name of the quality-85 round trip.
const storageEntry = "jpeg_q85_roundtrip"

// golden is a folder of vectors with its manifest.
type golden struct {
	dir    string
	Inputs map[string]struct{ File string }
	Draws  map[string]struct{ File, Dtype string }

	Deterministic, Random []goldenEntry
	Statistics            []goldenStatistics
}

type goldenEntry struct {
	Corruption, Variant, Input, File string

	Severity int
	TolMax   float64 `json:"tol_max"`
	TolMean  float64 `json:"tol_mean"`

	Draw    string
	Angle   *float64 `json:"angle_deg"`
	Texture string
	Row0    int
	Col0    int
}

func (e goldenEntry) options(t *testing.T, g *golden) Options {
	t.Helper()
	o := Options{Variant: ImageNetC}
	if e.Variant == "imagecorruptions" {
		o.Variant = ImageCorruptions
	}
	if e.Texture != "" {
		texture := g.input(t, e.Texture)
		o.Frost = &FrostTextures{texture, texture, texture, texture, texture}
	}
	return o
}

// draws are the recorded draws of an entry.
func (e goldenEntry) draws(t *testing.T, g *golden) *recorded {
	t.Helper()
	r := &recorded{}
	if e.Angle != nil {
		r.angles = []float64{*e.Angle}
	}
	if e.Texture != "" {
		r.ints = []int{0, e.Row0, e.Col0}
	}
	if e.Draw == "" {
		return r
	}
	raw, err := os.ReadFile(filepath.Join(g.dir, g.Draws[e.Draw].File))
	if err != nil {
		t.Fatal(err)
	}
	kind := strings.TrimRight(e.Draw[:strings.IndexByte(e.Draw, '.')], "0123456789")
	switch kind {
	case "z":
		r.normals = widen(raw)
	case "u_fog":
		r.uniforms = widen(raw)
		if e.Variant == "imagecorruptions" {
			r.uniforms = r.uniforms[:128*128-1] // its map is no larger than needed
		}
	case "u_elastic":
		r.uniforms = widen(raw)
		if e.Variant == "imagecorruptions" {
			r.uniforms = r.uniforms[6:]
		}
	case "glass":
		for _, b := range raw {
			r.offsets = append(r.offsets, int8(b))
		}
	case "poisson":
		for _, b := range raw {
			r.counts = append(r.counts, uint16(b))
		}
	case "impulse":
		r.salt = raw
	default:
		t.Fatalf("draw %q is of no known kind", e.Draw)
	}
	return r
}

// widen reads little-endian float32 numbers.
func widen(raw []byte) []float64 {
	f := make([]float64, len(raw)/4)
	for i := range f {
		f[i] = float64(math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:])))
	}
	return f
}

// loadGolden skips the test where the folder is absent.
func loadGolden(t testing.TB, dir string) *golden {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(dir, "manifest.json"))
	if errors.Is(err, fs.ErrNotExist) {
		t.Skipf("no vectors in %s", dir)
	}
	if err != nil {
		t.Fatal(err)
	}
	g := &golden{dir: dir}
	if err := json.Unmarshal(raw, g); err != nil {
		t.Fatal(err)
	}
	return g
}

func (g *golden) input(t testing.TB, name string) *imaging.Image {
	t.Helper()
	return g.picture(t, g.Inputs[name].File)
}

func (g *golden) picture(t testing.TB, file string) *imaging.Image {
	t.Helper()
	f, err := os.Open(filepath.Join(g.dir, file))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	decoded, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	size := decoded.Bounds().Size()
	rgba := image.NewNRGBA(image.Rect(0, 0, size.X, size.Y))
	draw.Draw(rgba, rgba.Rect, decoded, decoded.Bounds().Min, draw.Src)
	m := imaging.New(size.X, size.Y)
	for i := range size.X * size.Y {
		copy(m.Pix[3*i:3*i+3], rgba.Pix[4*i:])
	}
	return m
}

// deviation returns the greatest and the mean distance of the samples.
func deviation(a, b *imaging.Image) (greatest, mean float64) {
	sum := 0
	for i := range a.Pix {
		d := max(int(a.Pix[i]), int(b.Pix[i])) - min(int(a.Pix[i]), int(b.Pix[i]))
		sum += d
		greatest = max(greatest, float64(d))
	}
	return greatest, float64(sum) / float64(len(a.Pix))
}

func TestGoldenProcedural(t *testing.T) { testGolden(t, proceduralGolden) }

func TestGoldenPhotographs(t *testing.T) { testGolden(t, photographGolden) }

func testGolden(t *testing.T, dir string) {
	g := loadGolden(t, dir)
	for _, c := range All() {
		t.Run(c.Name, func(t *testing.T) {
			entries, worst, sum := 0, 0.0, 0.0
			for _, e := range append(g.Deterministic, g.Random...) {
				if e.Corruption != c.Name {
					continue
				}
				greatest, mean := testEntry(t, g, c, e)
				entries, worst, sum = entries+1, max(worst, greatest), sum+mean
			}
			if entries == 0 {
				t.Fatal("the manifest has no entry")
			}
			t.Logf("%d entries: worst %v, mean %.6f", entries, worst, sum/float64(entries))
		})
	}
	t.Run(storageEntry, func(t *testing.T) {
		entries := 0
		for _, e := range g.Deterministic {
			if e.Corruption == storageEntry {
				testStorage(t, g, e)
				entries++
			}
		}
		t.Logf("%d entries compared", entries)
	})
}

func testEntry(t *testing.T, g *golden, c Corruption, e goldenEntry) (greatest, mean float64) {
	t.Helper()
	src := g.input(t, e.Input)
	before := src.Clone()
	d := e.draws(t, g)
	got, err := c.Corrupt(src, e.Severity, d, e.options(t, g))
	if err != nil {
		t.Fatalf("%s: %v", e.File, err)
	}
	if left := d.left(); left > 0 {
		t.Errorf("%s: %d recorded draws were not used", e.File, left)
	}
	if changed, _ := deviation(src, before); changed != 0 {
		t.Errorf("%s: the input was written", e.File)
	}
	greatest, mean = deviation(got, g.picture(t, e.File))
	if greatest > e.TolMax || mean > e.TolMean {
		t.Errorf("%s: deviation max %v mean %.6f, at most %v and %v allowed", e.File, greatest, mean, e.TolMax, e.TolMean)
	}
	return greatest, mean
}
