package stages

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"quba/internal/imaging"
	"quba/pipeline"
	"quba/pipeline/pipelinetest"
)

func paint(m *imaging.Image, x0, y0, x1, y1 int, level byte) {
	for y := y0; y < y1; y++ {
		for i := 3 * (y*m.W + x0); i < 3*(y*m.W+x1); i++ {
			m.Pix[i] = level
		}
	}
}

// ring is a dark ring on a bright, slightly uneven background; its hole has
// the background's colour.
func ring() pipeline.Sample {
	s := still(30, 20)
	for i := range s.Image.Pix {
		s.Image.Pix[i] = byte(200 + i%7)
	}
	paint(s.Image, 8, 4, 22, 16, 40)
	paint(s.Image, 13, 8, 17, 12, 200)
	return s
}

func wantSilhouette(t *testing.T, m *imaging.Image, inside func(x, y int) bool) {
	t.Helper()
	for i := range m.W * m.H {
		want := byte(255)
		if inside(i%m.W, i/m.W) {
			want = 0
		}
		if m.Pix[3*i] != want || m.Pix[3*i+1] != want || m.Pix[3*i+2] != want {
			t.Fatalf("pixel %d, %d is %v, want %d", i%m.W, i/m.W, m.Pix[3*i:3*i+3], want)
		}
	}
}

func TestSilhouetteFromAUniformBackground(t *testing.T) {
	out := apply(t, makeDefault(t, "silhouette"), ring())[0]
	wantSilhouette(t, out.Image, func(x, y int) bool { return x >= 8 && x < 22 && y >= 4 && y < 16 })
	if out.Variant.Perturbation != "silhouette_generated" {
		t.Errorf("variant is %v", out.Variant)
	}
}

func TestSilhouetteSaysWhenItCannot(t *testing.T) {
	busy := ring()
	busy.Image = pipelinetest.Picture(30, 20, 1)
	plain := ring()
	paint(plain.Image, 0, 0, 30, 20, 200)
	for words, s := range map[string]pipeline.Sample{"background is not uniform": busy, "no object was found": plain} {
		_, err := makeDefault(t, "silhouette").Apply(t.Context(), s)
		if !errors.Is(err, pipeline.ErrUnusable) || !strings.Contains(err.Error(), words) {
			t.Errorf("error is %v, want one with %q", err, words)
		}
	}
}

func TestSilhouetteFromAMask(t *testing.T) {
	folder := t.TempDir()
	mask := imaging.New(30, 20)
	paint(mask, 3, 5, 9, 11, 255)
	writePicture(t, filepath.Join(folder, "cat", "still.png"), mask)
	c := defaultsOf[silhouetteConfig](t, "silhouette")
	c.Masks = folder
	s := makeStage(t, "silhouette", c)
	out := apply(t, s, ring())[0]
	wantSilhouette(t, out.Image, func(x, y int) bool { return x >= 3 && x < 9 && y >= 5 && y < 11 })
	if out.Variant.Perturbation != "silhouette" {
		t.Errorf("variant is %v", out.Variant)
	}
	// Twice the size, and the same once more.
	large := ring()
	large.Image = imaging.Resize(large.Image, 60, 40, imaging.Nearest)
	wantSilhouette(t, apply(t, s, large)[0].Image, func(x, y int) bool { return x >= 6 && x < 18 && y >= 10 && y < 22 })
}

func TestSilhouetteWithoutAFittingMask(t *testing.T) {
	folder := t.TempDir()
	writePicture(t, filepath.Join(folder, "cat", "still.png"), imaging.New(60, 40))
	writePicture(t, filepath.Join(filepath.Dir(folder), "outside.png"), imaging.New(30, 20))
	c := defaultsOf[silhouetteConfig](t, "silhouette")
	c.Masks = folder
	s := makeStage(t, "silhouette", c)
	missing, outside, cropped, other := ring(), ring(), ring(), ring()
	missing.ID = "dog/none.jpg"
	outside.ID = "../outside.png"
	cropped.Whole = true
	other.Image = imaging.Resize(other.Image, 20, 20, imaging.Nearest)
	for name, sample := range map[string]pipeline.Sample{"missing": missing, "outside": outside, "cropped": cropped, "other aspect": other} {
		if _, err := s.Apply(t.Context(), sample); !errors.Is(err, pipeline.ErrUnusable) {
			t.Errorf("%s: error is %v", name, err)
		}
	}
}

// The facts are a digest of the masks; an empty folder of masks is a mistake.
func TestSilhouetteFacts(t *testing.T) {
	c := defaultsOf[silhouetteConfig](t, "silhouette")
	c.Masks = t.TempDir()
	s := makeStage(t, "silhouette", c)
	if err := openError(t, s); err == nil || !strings.Contains(err.Error(), "masks: "+c.Masks+" has no image; looked for files named *.png") {
		t.Errorf("without masks: %v", err)
	}
	writePicture(t, filepath.Join(c.Masks, "cat", "still.png"), imaging.New(30, 20))
	open(t, s, "standard")
	facts := s.(pipeline.Factual).Facts()
	if len(facts) != 1 || facts[0].Name != "masks" || facts[0].Origin != "sha256 of the names and sizes of 1 files" {
		t.Errorf("facts are %v", facts)
	}
}
