package stats

import (
	"cmp"
	"math"
	"slices"
)

// Holm adjusts p values so that rejecting those up to a level keeps the chance
// of any false rejection at that level, whatever depends on what (Holm 1979).
// The results are in the order of p; NaN stays NaN and is no test.
func Holm(p []float64) []float64 {
	adjusted, order := ascending(p)
	largest := 0.0
	for k, i := range order {
		largest = max(largest, min(1, float64(len(order)-k)*p[i]))
		adjusted[i] = largest
	}
	return adjusted
}

// BenjaminiHochberg adjusts p values so that rejecting those up to a level
// keeps the expected share of false rejections at that level, for tests that
// are independent or positively dependent (Benjamini and Hochberg 1995). The
// results are in the order of p; NaN stays NaN and is no test.
func BenjaminiHochberg(p []float64) []float64 {
	adjusted, order := ascending(p)
	smallest := 1.0
	for k, i := range slices.Backward(order) {
		smallest = min(smallest, p[i]*float64(len(order))/float64(k+1))
		adjusted[i] = smallest
	}
	return adjusted
}

// ascending returns a slice of NaN for the results, and the places of the
// tests with the smallest p first.
func ascending(p []float64) (adjusted []float64, order []int) {
	adjusted = make([]float64, len(p))
	for i, v := range p {
		adjusted[i] = math.NaN()
		if !math.IsNaN(v) {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(p[a], p[b]) })
	return adjusted, order
}
