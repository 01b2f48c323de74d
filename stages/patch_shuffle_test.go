package stages

import (
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"quba/internal/imaging"
	"quba/pipeline"
	"quba/pipeline/pipelinetest"
)

func pixels(m *imaging.Image) map[[3]byte]int {
	count := map[[3]byte]int{}
	for i := 0; i < len(m.Pix); i += 3 {
		count[[3]byte(m.Pix[i:i+3])]++
	}
	return count
}

// No pixel is lost or made, every patch moves as a whole to another place,
// and the remainder stays.
func TestPatchesMove(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2, 5).Draw(t, "n")
		w, h := rapid.IntRange(n, 23).Draw(t, "w"), rapid.IntRange(n, 23).Draw(t, "h")
		m := pipelinetest.Picture(w, h, rapid.Uint64().Draw(t, "picture"))
		out := shufflePatches(m, n, rand.New(rand.NewPCG(1, rapid.Uint64().Draw(t, "seed"))))
		if !maps.Equal(pixels(m), pixels(out)) {
			t.Fatal("pixels were lost or made")
		}
		pw, ph := w/n, h/n
		for y := range h {
			for x := range w {
				i := 3 * (y*w + x)
				if (x >= n*pw || y >= n*ph) && [3]byte(out.Pix[i:i+3]) != [3]byte(m.Pix[i:i+3]) {
					t.Fatalf("the remainder changed at %d, %d", x, y)
				}
			}
		}
		patch := func(m *imaging.Image, k int) string {
			var b []byte
			for y := range ph {
				i := 3 * ((k/n*ph+y)*w + k%n*pw)
				b = append(b, m.Pix[i:i+3*pw]...)
			}
			return string(b)
		}
		var before, after []string
		for k := range n * n {
			before, after = append(before, patch(m, k)), append(after, patch(out, k))
		}
		for k := range before {
			if before[k] == after[k] {
				t.Fatalf("patch %d of %dx%d stayed", k, n, n)
			}
		}
		slices.Sort(before)
		slices.Sort(after)
		if !slices.Equal(before, after) {
			t.Fatal("patches did not stay whole")
		}
	})
}

// The 9 derangements of 4 things come equally often.
func TestDerangementsAreUniform(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	count := map[[4]int]int{}
	for range 9000 {
		count[[4]int(derangement(4, r))]++
	}
	if len(count) != 9 {
		t.Fatalf("%d derangements, want 9", len(count))
	}
	for p, n := range count {
		if n < 850 || n > 1150 {
			t.Errorf("%v came %d times of 9000", p, n)
		}
	}
}

func TestPatchShuffleSeverities(t *testing.T) {
	c := patchShuffleConfig{Grid: []int{1, 4}}
	out := apply(t, makeStage(t, "patch_shuffle", c), still(20, 20))
	if got := severities(out); got != "patch_shuffle:1 patch_shuffle:4 " {
		t.Errorf("variants are %s", got)
	}
	if string(out[0].Image.Pix) != string(still(20, 20).Image.Pix) {
		t.Error("a grid of 1 changes the image")
	}
	if _, err := makeStage(t, "patch_shuffle", c).Apply(t.Context(), still(20, 3)); !errors.Is(err, pipeline.ErrUnusable) {
		t.Errorf("3 rows in 4 patches: %v", err)
	}
}
