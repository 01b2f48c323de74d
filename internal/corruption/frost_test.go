package corruption

import (
	"bytes"
	"image"
	"image/jpeg"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"quba/internal/imaging"
)

func frostOf(t *testing.T, src *imaging.Image, severity int, d Draws, o Options) (*imaging.Image, error) {
	t.Helper()
	c := named(t, "frost")
	return c.Corrupt(src, severity, d, o)
}

// writeTextures writes the five files, black except for frost2.png.
func writeTextures(t *testing.T, dir string, w, h int) {
	t.Helper()
	for _, name := range frostFiles {
		m := imaging.New(w, h)
		var b bytes.Buffer
		var err error
		if strings.HasSuffix(name, ".jpg") {
			err = jpeg.Encode(&b, image.NewRGBA(image.Rect(0, 0, w, h)), nil)
		} else {
			if name == "frost2.png" {
				m.Pix[0] = 250
			}
			err = imaging.EncodePNG(&b, m)
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestLoadFrost(t *testing.T) {
	dir := t.TempDir()
	writeTextures(t, dir, 6, 4)
	textures, err := LoadFrost(dir)
	if err != nil {
		t.Fatal(err)
	}
	for i, m := range textures {
		if m.W != 6 || m.H != 4 || (i == 1) != (m.Pix[0] == 250) {
			t.Errorf("frost%d is %dx%d with %d first", i+1, m.W, m.H, m.Pix[0])
		}
	}
	broken := filepath.Join(dir, "frost3.png")
	if err := os.WriteFile(broken, []byte("no picture"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadFrost(dir); err == nil || !strings.Contains(err.Error(), "frost3.png") {
		t.Errorf("error of a broken file is %v", err)
	}
	if err := os.Remove(broken); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadFrost(dir); err == nil || !strings.Contains(err.Error(), "must hold [frost1.png") {
		t.Errorf("error of a missing file is %v", err)
	}
	if _, err := LoadFrost(filepath.Join(dir, "none")); err == nil {
		t.Error("no error for a missing folder")
	}
}

func TestFrostTakesThePlaceThatIsDrawn(t *testing.T) {
	texture := imaging.New(5, 4)
	texture.Pix[3*(2*5+1)+1] = 200 // green of row 2, column 1
	textures := &FrostTextures{nil, nil, nil, texture, nil}
	src := imaging.New(3, 2)
	got, err := frostOf(t, src, 2, &recorded{ints: []int{3, 1, 0}}, Options{Frost: textures})
	if err != nil {
		t.Fatal(err)
	}
	// It comes to row 1, column 1, with the weight 0.6.
	for i, v := range got.Pix {
		want := byte(0)
		if i == 3*(1*3+1)+1 {
			want = 120
		}
		if v != want {
			t.Errorf("sample %d is %d, want %d", i, v, want)
		}
	}
}

func TestFrostThatDoesNotCover(t *testing.T) {
	textures := &FrostTextures{}
	for i := range textures {
		textures[i] = imaging.New(30, 20)
	}
	r := NewDraws(rand.New(rand.NewPCG(1, 1)))
	for _, size := range [][2]int{{31, 5}, {5, 21}, {400, 300}} {
		src := imaging.New(size[0], size[1])
		if _, err := frostOf(t, src, 1, r, Options{Frost: textures}); err == nil || !strings.Contains(err.Error(), "30x20 does not cover") {
			t.Errorf("%v: error is %v", size, err)
		}
		if _, err := frostOf(t, src, 1, r, Options{Frost: textures, Variant: ImageCorruptions}); err != nil {
			t.Errorf("%v: %v", size, err)
		}
	}
	if _, err := frostOf(t, imaging.New(30, 20), 1, r, Options{Frost: textures}); err != nil {
		t.Errorf("a texture that just covers: %v", err)
	}
}

// Cubic convolution keeps constants and, away from the edges, reproduces
// straight lines only with a = -0.5; with -0.75 they are at most 0.07 steps off.
func TestCubicWindow(t *testing.T) {
	texture := imaging.New(40, 30)
	for y := range 30 {
		for x := range 40 {
			texture.Pix[3*(y*40+x)] = 77
			texture.Pix[3*(y*40+x)+1] = byte(5 * x)
			texture.Pix[3*(y*40+x)+2] = byte(8 * y)
		}
	}
	const scale = 1.1
	c := newCubicWindow(texture, 44, 33, 4, 5, 30)
	defer c.close()
	row := make([]byte, 90)
	for y := range 20 {
		c.read(row, y)
		for x := range 30 {
			wantX := 5 * ((float64(x+4)+0.5)/scale - 0.5)
			wantY := 8 * ((float64(y+5)+0.5)/scale - 0.5)
			if row[3*x] != 77 || math.Abs(float64(row[3*x+1])-wantX) > 0.85 || math.Abs(float64(row[3*x+2])-wantY) > 1.06 {
				t.Fatalf("row %d, column %d: %v, want 77 %.1f %.1f", y, x, row[3*x:3*x+3], wantX, wantY)
			}
		}
	}
}

// The made textures have the quantiles that were measured, and no seam.
func TestMadeFrost(t *testing.T) {
	for i, p := range loadFrostProfiles() {
		m := madeFrost()[i][0]()
		for channel := range 3 {
			if p.RedRho < 0.9 && channel == 0 {
				continue // a sum of two fields
			}
			var values []byte
			for j := channel; j < len(m.Pix); j += 3 {
				values = append(values, m.Pix[j])
			}
			slices.Sort(values)
			for _, k := range []int{5, 6, 7, 8, 9, 10, 11} {
				got := float64(values[len(values)*int(p.Percents[k])/100])
				want := p.Quantiles[channel][k]
				// Intermittent noise is not quite normal.
				if math.Abs(got-want) > 10 {
					t.Errorf("profile %d, channel %d: %v%% lie below %v, want %v", i, channel, p.Percents[k], got, want)
				}
			}
		}
		within, across := 0.0, 0.0
		for y := range madeFrostSize {
			row := m.Pix[3*y*madeFrostSize:][:3*madeFrostSize]
			within += math.Abs(float64(row[301]) - float64(row[304]))
			across += math.Abs(float64(row[1]) - float64(row[3*madeFrostSize-2]))
		}
		if across > 1.5*within {
			t.Errorf("profile %d: steps of %.1f at the seam, %.1f elsewhere", i, across/madeFrostSize, within/madeFrostSize)
		}
	}
}

func TestMadeFrostDrawsProfilesByWeight(t *testing.T) {
	d := NewDraws(rand.New(rand.NewPCG(9, 9)))
	const draws = 5000
	var counts [4]int
	for range draws {
		counts[drawProfile(loadFrostProfiles(), d)]++
	}
	for i, share := range []float64{0.2, 0.4, 0.2, 0.2} {
		got := float64(counts[i]) / draws
		if math.Abs(got-share) > 5*math.Sqrt(share*(1-share)/draws) {
			t.Errorf("profile %d has a share of %v, want %v", i, got, share)
		}
	}
}

func TestMadeFrostIsTheSameForTheSameDraws(t *testing.T) {
	src := imaging.New(700, 3) // wider than a texture
	made := func() *imaging.Image {
		m, err := frostOf(t, src, 3, NewDraws(rand.New(rand.NewPCG(4, 2))), Options{})
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	a, b := made(), made()
	if !slices.Equal(a.Pix, b.Pix) {
		t.Error("two frosts of the same draws differ")
	}
	for x := madeFrostSize; x < src.W; x++ {
		if a.Pix[3*x] != a.Pix[3*(x-madeFrostSize)] {
			t.Fatalf("column %d does not repeat", x)
		}
	}
}
