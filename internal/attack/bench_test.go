package attack

import (
	"math/rand/v2"
	"testing"
)

// BenchmarkSteps is the time of a method beside the classifier: ten steps on two
// images of 224x224 pixels.
func BenchmarkSteps(b *testing.B) {
	in := randomImages(rand.New(rand.NewPCG(1, 1)), 2, 224, 224, 1)
	for name, m := range map[string]Method{
		"fgsm": FGSM{}, "pgd": PGD{Steps: 10, RandomStart: true}, "pgd_l2": PGDL2{Steps: 10, RandomStart: true},
		"apgd": APGD{Steps: 10}, "square": Square{Queries: 10},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				mustRun(b, constant{}, m, in, Options{Radii: []float32{0.03}, Restarts: 1})
			}
		})
	}
}
