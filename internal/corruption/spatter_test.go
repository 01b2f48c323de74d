package corruption

import (
	"slices"
	"testing"

	"quba/internal/imaging"
)

// dryDraws give a layer that is nowhere liquid, or everywhere.
type dryDraws struct {
	Draws
	level float64
}

func (d dryDraws) Normals(dst []float64) {
	for i := range dst {
		dst[i] = d.level
	}
}

func spatterOf(t *testing.T, src *imaging.Image, severity int, level float64) *imaging.Image {
	t.Helper()
	c := named(t, "spatter")
	got, err := c.Corrupt(src, severity, dryDraws{level: level}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func greyRamp(w, h int) *imaging.Image {
	m := imaging.New(w, h)
	for i := range m.Pix {
		m.Pix[i] = byte(7 * i)
	}
	return m
}

func TestSpatterOfADryLayer(t *testing.T) {
	for _, size := range [][2]int{{1, 1}, {1, 9}, {9, 1}, {20, 15}} {
		src := greyRamp(size[0], size[1])
		for severity := 1; severity <= MaxSeverity; severity++ {
			got := spatterOf(t, src, severity, -2)
			if !slices.Equal(got.Pix, src.Pix) {
				t.Errorf("%v, severity %d: a dry layer changes the image", size, severity)
			}
		}
	}
}

func TestSpatterOfMudEverywhere(t *testing.T) {
	got := spatterOf(t, greyRamp(12, 10), 5, 2)
	for i, want := range []byte{63, 42, 20} {
		if d := int(got.Pix[i]) - int(want); d < -1 || d > 0 {
			t.Errorf("channel %d is %d, want %d", i, got.Pix[i], want)
		}
	}
}

// Water everywhere has no edges: the distance is 20 everywhere, one level is
// not equalised, and the lit side of the kernel has the weight 1 in all.
func TestSpatterOfWaterEverywhere(t *testing.T) {
	src := imaging.New(8, 6)
	got := spatterOf(t, src, 1, 1)
	for i, colour := range []float64{175, 238, 238} {
		want := 0.6 * colour
		if v := float64(got.Pix[i]); v > want || v < want-1.01 {
			t.Errorf("channel %d is %v, want %v", i, v, want)
		}
	}
}

func TestEqualise(t *testing.T) {
	pix := []byte{5, 5, 9, 9, 9, 200, 5, 201}
	// 3, 4 and 5 of the 5 pixels above the lowest level.
	equalise(pix)
	if want := []byte{0, 0, 153, 153, 153, 204, 0, 255}; !slices.Equal(pix, want) {
		t.Errorf("got %v, want %v", pix, want)
	}
	same := []byte{7, 7, 7}
	equalise(same)
	if !slices.Equal(same, []byte{7, 7, 7}) {
		t.Errorf("one level becomes %v", same)
	}
}

func TestEmbossAndAverages(t *testing.T) {
	src := []byte{
		10, 20, 30,
		40, 50, 60,
		70, 80, 90,
	}
	got := make([]byte, 9)
	emboss(got, src, 3, 3)
	// Middle: -2*10 - 20 - 40 + 50 + 60 + 80 + 2*90; corner, with the edges
	// mirrored: -2*50 - 40 - 20 + 10 + 20 + 40 + 2*50.
	if got[4] != 255 || got[0] != 10 {
		t.Errorf("emboss gives %v", got)
	}
	averageBytes(got, src, 3, 3)
	// Corner: (4*50 + 2*20 + 2*40 + 10)/9 = 36.7.
	if got[4] != 50 || got[0] != 37 {
		t.Errorf("means are %v", got)
	}
	singles := make([]float32, 9)
	for i, v := range src {
		singles[i] = float32(v)
	}
	averageSingles(got, singles, 3, 3)
	if got[4] != 50 || got[0] != 36 {
		t.Errorf("truncated means are %v", got)
	}
}
