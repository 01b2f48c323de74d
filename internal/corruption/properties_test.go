package corruption

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"quba/internal/imaging"
)

func seeded(seed uint64) Draws { return NewDraws(rand.New(rand.NewPCG(seed, 0))) }

// mixed is a picture with flat, smooth and noisy parts.
func mixed(w, h int) *imaging.Image {
	m := imaging.New(w, h)
	r := rand.New(rand.NewPCG(uint64(w), uint64(h)))
	for i := range m.Pix {
		x, y := i/3%w, i/3/w
		switch (x/16 + y/16) % 3 {
		case 0:
			m.Pix[i] = byte(90 * (i % 3))
		case 1:
			m.Pix[i] = byte(3*x + 5*y*(i%3))
		default:
			m.Pix[i] = byte(r.Uint32())
		}
	}
	return m
}

var variants = map[string]Variant{"imagenet-c": ImageNetC, "imagecorruptions": ImageCorruptions}

// TestAnySize: every size is corrupted or refused, and either way the input
// stays as it was and the same seed gives the same bytes.
func TestAnySize(t *testing.T) {
	sizes := [][2]int{{1, 1}, {1, 7}, {7, 1}, {2, 2}, {3, 5}, {16, 17}, {31, 33}, {64, 48}, {2000, 3}, {3, 500}}
	for _, c := range All() {
		for name, variant := range variants {
			t.Run(c.Name+"/"+name, func(t *testing.T) {
				for _, size := range sizes {
					for severity := 1; severity <= MaxSeverity; severity++ {
						testSize(t, c, mixed(size[0], size[1]), severity, Options{Variant: variant})
					}
				}
			})
		}
	}
}

func testSize(t *testing.T, c Corruption, src *imaging.Image, severity int, o Options) {
	t.Helper()
	label := fmt.Sprintf("%dx%d severity %d", src.W, src.H, severity)
	before := src.Clone()
	got, err := c.Corrupt(src, severity, seeded(1), o)
	if !bytes.Equal(src.Pix, before.Pix) || src.W != before.W || src.H != before.H {
		t.Errorf("%s: the input was written", label)
	}
	if err != nil {
		if src.W >= 32 && src.H >= 32 {
			t.Errorf("%s: %v", label, err)
		}
		return
	}
	if got.W != src.W || got.H != src.H || len(got.Pix) != len(src.Pix) {
		t.Fatalf("%s: the result is %dx%d", label, got.W, got.H)
	}
	again, err := c.Corrupt(src, severity, seeded(1), o)
	if err != nil {
		t.Fatalf("%s: second time: %v", label, err)
	}
	if !bytes.Equal(got.Pix, again.Pix) {
		t.Errorf("%s: the same seed gives other bytes", label)
	}
}

// TestSeverityGrows: the distance to the clean image grows from severity 1 to
// 5 and never falls by much in between; the constants of glass_blur and frost
// make it fall a little.
func TestSeverityGrows(t *testing.T) {
	g := loadGolden(t, proceduralGolden)
	clean := g.input(t, "dog128")
	for _, c := range All() {
		t.Run(c.Name, func(t *testing.T) {
			if c.Name == "elastic_transform" || c.Name == "saturate" || c.Name == "spatter" {
				t.Skip("its severities are of different kinds")
			}
			first := meanDistance(t, c, clean, 1)
			last := first
			for severity := 2; severity <= MaxSeverity; severity++ {
				mean := meanDistance(t, c, clean, severity)
				if mean <= .9*last {
					t.Errorf("severity %d is %.3f away, severity %d %.3f", severity, mean, severity-1, last)
				}
				last = mean
			}
			if last <= first {
				t.Errorf("severity 5 is %.3f away, severity 1 %.3f", last, first)
			}
		})
	}
}

func meanDistance(t *testing.T, c Corruption, clean *imaging.Image, severity int) float64 {
	t.Helper()
	const seeds = 8
	sum := 0.0
	for seed := range uint64(seeds) {
		m, err := c.Corrupt(clean, severity, seeded(seed), Options{})
		if err != nil {
			t.Fatal(err)
		}
		_, mean := deviation(m, clean)
		sum += mean
	}
	return sum / seeds
}

func TestCorruptRefusesSeverity(t *testing.T) {
	for _, c := range All() {
		for _, severity := range []int{-1, 0, 6} {
			if _, err := c.Corrupt(mixed(32, 32), severity, seeded(0), Options{}); err == nil {
				t.Errorf("%s accepts severity %d", c.Name, severity)
			}
		}
	}
}
