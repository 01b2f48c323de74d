package stages

import (
	"fmt"
	"math/rand/v2"

	"quba/internal/imaging"
	"quba/pipeline"
	"quba/pipeline/registry"
)

func init() {
	registry.Register(Stages, "patch_shuffle", "Patches of a grid in random places, none in its own; the severity is the number of patches on a side.",
		patchShuffleConfig{Grid: []int{2, 4, 8}}, newPatchShuffle)
}

type patchShuffleConfig struct {
	Grid []int `koanf:"grid" alone:"true" jsonschema:"minItems=1,uniqueItems=true,minimum=1,maximum=256" jsonschema_description:"Patches on each side; 1 leaves the image as it is. What is left of a size that is no multiple stays in place at the right and at the bottom."`
}

func newPatchShuffle(c patchShuffleConfig) (pipeline.Stage, error) {
	return &parametric[int]{
		name: "patch_shuffle", levels: c.Grid, severity: wholeLevel,
		prepare: func(s pipeline.Sample) func(int) (*pipeline.Image, error) {
			return func(n int) (*pipeline.Image, error) {
				if s.Image.W < n || s.Image.H < n {
					return nil, pipeline.Unusable("an image of %dx%d pixels has no grid of %dx%d patches", s.Image.W, s.Image.H, n, n)
				}
				return shufflePatches(s.Image, n, s.Rand(fmt.Sprintf("patch_shuffle %d", n))), nil
			}
		},
	}, nil
}

// shufflePatches deranges n x n patches of equal size. The last w mod n
// columns and h mod n rows stay where they are, so no pixel is lost or made.
func shufflePatches(m *imaging.Image, n int, r *rand.Rand) *imaging.Image {
	out := m.Clone()
	if n == 1 {
		return out
	}
	w, h := m.W/n, m.H/n
	for to, from := range derangement(n*n, r) {
		toX, toY := to%n*w, to/n*h
		fromX, fromY := from%n*w, from/n*h
		for y := range h {
			i := 3 * ((toY+y)*m.W + toX)
			j := 3 * ((fromY+y)*m.W + fromX)
			copy(out.Pix[i:i+3*w], m.Pix[j:j+3*w])
		}
	}
	return out
}

// derangement is a permutation of n > 1 without a fixed point, each with the
// same probability: permutations are drawn until one has none, about e times.
func derangement(n int, r *rand.Rand) []int {
	for {
		p := r.Perm(n)
		fixed := false
		for i, from := range p {
			fixed = fixed || i == from
		}
		if !fixed {
			return p
		}
	}
}
