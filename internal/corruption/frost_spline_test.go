package corruption

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// The spline goes through the numbers of the lattice.
func TestSplineInterpolates(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 5))
	for _, n := range []int{4, 16, 256} {
		lattice := make([]float64, n*n)
		for i := range lattice {
			lattice[i] = r.NormFloat64()
		}
		field := enlargeSpline(slices.Clone(lattice), n)
		spacing := madeFrostSize / n
		for y := range n {
			for x := range n {
				if d := math.Abs(field[spacing*(y*madeFrostSize+x)] - lattice[y*n+x]); d > 1e-12 {
					t.Fatalf("%d: row %d, column %d is off by %g", n, y, x, d)
				}
			}
		}
	}
}
