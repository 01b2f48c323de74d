package corruption

import (
	"math/rand/v2"
	"testing"

	"quba/internal/imaging"
)

// BenchmarkCorruption corrupts a 224x224 picture at severity 3.
func BenchmarkCorruption(b *testing.B) {
	src := loadGolden(b, proceduralGolden).input(b, "dog")
	for _, c := range All() {
		b.Run(c.Name, func(b *testing.B) { benchmark(b, src, []Corruption{c}) })
	}
}

// BenchmarkSet runs the benchmark's 15, the work of one image and severity.
func BenchmarkSet(b *testing.B) {
	src := loadGolden(b, proceduralGolden).input(b, "dog")
	var set []Corruption
	for _, c := range All() {
		if !c.Extra {
			set = append(set, c)
		}
	}
	benchmark(b, src, set)
}

func benchmark(b *testing.B, src *imaging.Image, set []Corruption) {
	d := NewDraws(rand.New(rand.NewPCG(1, 2)))
	dst := imaging.New(src.W, src.H)
	run := func() {
		for _, c := range set {
			if err := c.Apply(dst, src, 3, d, Options{}); err != nil {
				b.Fatal(err)
			}
		}
	}
	for _, variants := range madeFrost() {
		for _, texture := range variants {
			texture()
		}
	}
	for range 40 { // makes the tables, and fills the pools
		run()
	}
	b.ReportAllocs()
	for b.Loop() {
		run()
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/1000/float64(b.N), "ms")
}
