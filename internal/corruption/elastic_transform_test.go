package corruption

import (
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"quba/internal/imaging"
)

// The middle of every range leaves the picture where it is.
type middleDraws struct{ Draws }

func (middleDraws) Uniforms(dst []float64) {
	for i := range dst {
		dst[i] = 0.5
	}
}

func TestElasticTransformWithoutMovement(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for _, size := range [][2]int{{3, 3}, {5, 4}, {40, 31}, {224, 224}} {
		src := imaging.New(size[0], size[1])
		for i := range src.Pix {
			src.Pix[i] = byte(r.IntN(256))
		}
		for severity := 1; severity <= MaxSeverity; severity++ {
			for _, variant := range []Variant{ImageNetC, ImageCorruptions} {
				c := named(t, "elastic_transform")
				got, err := c.Corrupt(src, severity, middleDraws{}, Options{Variant: variant})
				if err != nil {
					t.Fatal(err)
				}
				if greatest, _ := deviation(got, src); greatest > 1 {
					t.Errorf("%v, severity %d, variant %d: off by %v", size, severity, variant, greatest)
				}
			}
		}
	}
}

// The inverse takes the moved corners back to where they were.
func TestAffineInverse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, h := rapid.IntRange(90, 400).Draw(t, "w"), rapid.IntRange(90, 400).Draw(t, "h")
		var moves [6]float64
		for i := range moves {
			moves[i] = rapid.Float64Range(0, 0.999).Draw(t, "move")
		}
		const reach = 10
		m := affineInverse(w, h, reach, moves)
		q := min(w, h) / 3
		corners := [3][2]int{{h/2 + q, w/2 + q}, {h/2 + q, w/2 - q}, {h/2 - q, w/2 - q}}
		for i, corner := range corners {
			x := float64(corner[0]) + reach*(2*moves[2*i]-1)
			y := float64(corner[1]) + reach*(2*moves[2*i+1]-1)
			backX, backY := m[0]*x+m[1]*y+m[2], m[3]*x+m[4]*y+m[5]
			if math.Abs(backX-float64(corner[0])) > 1e-3 || math.Abs(backY-float64(corner[1])) > 1e-3 {
				t.Fatalf("corner %v comes back to %v, %v", corner, backX, backY)
			}
		}
	})
}

func TestElasticTransformNeedsThreePixels(t *testing.T) {
	c := named(t, "elastic_transform")
	for _, size := range [][2]int{{1, 1}, {2, 9}, {300, 2}} {
		src := imaging.New(size[0], size[1])
		if _, err := c.Corrupt(src, 1, middleDraws{}, Options{}); err == nil {
			t.Errorf("%v: no error", size)
		}
		if _, err := c.Corrupt(src, 1, middleDraws{}, Options{Variant: ImageCorruptions}); err != nil {
			t.Errorf("%v: %v", size, err)
		}
	}
}
