package edge

import (
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// rows joins rows of a drawing: '#' is level, everything else 0.
func rows(level uint8, lines ...string) (pix []uint8, w, h int) {
	for _, line := range lines {
		for _, r := range line {
			if r == '#' {
				pix = append(pix, level)
			} else {
				pix = append(pix, 0)
			}
		}
	}
	return pix, len(lines[0]), len(lines)
}

func TestCannyOfAStep(t *testing.T) {
	gray, w, h := rows(100, "...###", "...###", "...###", "...###")
	// Both columns beside the step have magnitude 400; of equal ones the first
	// along the gradient is kept.
	want, _, _ := rows(Edge, "..#...", "..#...", "..#...", "..#...")
	if got := Canny(gray, w, h, 50, 150); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestCannyOfALyingStep(t *testing.T) {
	gray, w, h := rows(100, "....", "....", "####", "####")
	want, _, _ := rows(Edge, "....", "####", "....", "....")
	if got := Canny(gray, w, h, 50, 150); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// A step that fades downwards: the weak part counts only as far as it is above
// the low threshold, and joined to the strong part.
func TestCannyHysteresis(t *testing.T) {
	const w, h = 6, 40
	gray := make([]uint8, w*h)
	for y := range h {
		for x := 3; x < w; x++ {
			gray[y*w+x] = uint8(100 - 2*y)
		}
	}
	// Beside the step gx is 4(100-2y) and gy -12: together 412-8y, which is
	// more than the dark side has; row 0, whose upper neighbour is itself, has
	// 398 and -6.
	for _, c := range []struct {
		low, high float64
		want      int
	}{{100, 390, 39}, {390, 100, 39}, {390, 390, 3}, {100, 404, 0}, {100, 403.5, 39}} {
		edges := 0
		for _, v := range Canny(gray, w, h, c.low, c.high) {
			if v == Edge {
				edges++
			}
		}
		if edges != c.want {
			t.Errorf("low %v, high %v: %d edges, want %d", c.low, c.high, edges, c.want)
		}
	}
}

func TestCannyKeepsNoStrayCandidates(t *testing.T) {
	gray, w, h := rows(30, "...###", "...###", "...###")
	for i, v := range Canny(gray, w, h, 50, 150) {
		if v != 0 {
			t.Errorf("pixel %d of a step of magnitude 120 is an edge", i)
		}
	}
}

// A picture turned by 180 degrees, or its negative, has edges of the same
// number up to ties, and every edge lies on a magnitude above low.
func TestCannyProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, h := rapid.IntRange(1, 20).Draw(t, "w"), rapid.IntRange(1, 20).Draw(t, "h")
		gray := rapid.SliceOfN(rapid.Uint8(), w*h, w*h).Draw(t, "gray")
		low := rapid.Float64Range(0, 500).Draw(t, "low")
		high := rapid.Float64Range(0, 1500).Draw(t, "high")
		before := slices.Clone(gray)
		edges := Canny(gray, w, h, low, high)
		if !slices.Equal(before, gray) {
			t.Fatal("the picture was written")
		}
		negative := make([]uint8, len(gray))
		for i, v := range gray {
			negative[i] = 255 - v
		}
		if !slices.Equal(Canny(negative, w, h, low, high), edges) {
			t.Fatal("the negative has other edges")
		}
		wider := Canny(gray, w, h, low/2, high)
		for i, v := range edges {
			if v != 0 && v != Edge {
				t.Fatalf("pixel %d is %d", i, v)
			}
			if v == Edge && wider[i] != Edge {
				t.Fatal("a lower threshold loses edges")
			}
		}
	})
}

func TestCannyIsClean(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	gray := make([]uint8, 64*64)
	for i := range gray {
		gray[i] = uint8(r.IntN(256))
	}
	want := Canny(gray, 64, 64, 300, 600)
	Canny(gray[:30*20], 30, 20, 10, 20)
	if !slices.Equal(Canny(gray, 64, 64, 300, 600), want) {
		t.Error("working memory of another picture shows")
	}
	dst := make([]uint8, 64*64)
	if n := testing.AllocsPerRun(20, func() { CannyInto(dst, gray, 64, 64, 300, 600) }); n > 1 {
		t.Errorf("%v allocations", n)
	}
}
