package stats

import (
	"cmp"
	"math"
	"slices"
)

// KendallTauB is Kendall's rank correlation with his correction for ties, -1
// to 1 (Kendall 1945), by Knight's algorithm (JASA 1966) in n log n. It is NaN
// where all of x or all of y are equal. Neither may hold NaN.
func KendallTauB[T cmp.Ordered](x, y []T) float64 {
	n := len(x)
	pairs := make([][2]T, n)
	for i := range pairs {
		pairs[i] = [2]T{x[i], y[i]}
	}
	slices.SortFunc(pairs, func(p, q [2]T) int { return cmp.Or(cmp.Compare(p[0], q[0]), cmp.Compare(p[1], q[1])) })
	tiedBoth := tiedPairs(pairs, func(p, q [2]T) bool { return p == q })
	tiedX := tiedPairs(pairs, func(p, q [2]T) bool { return p[0] == q[0] })
	second := make([]T, n)
	for i, p := range pairs {
		second[i] = p[1]
	}
	discordant := inversions(second, make([]T, n))
	tiedY := tiedPairs(second, func(p, q T) bool { return p == q })
	all := n * (n - 1) / 2
	if all == tiedX || all == tiedY {
		return math.NaN()
	}
	concordant := all - tiedX - tiedY + tiedBoth - discordant
	return float64(concordant-discordant) / math.Sqrt(float64(all-tiedX)*float64(all-tiedY))
}

// tiedPairs counts the pairs within runs of equal elements.
func tiedPairs[T any](sorted []T, same func(a, b T) bool) int {
	pairs, first := 0, 0
	for i := range sorted {
		if !same(sorted[first], sorted[i]) {
			first = i
		}
		pairs += i - first
	}
	return pairs
}

// inversions counts the pairs that are out of order, and sorts v. Spare has
// its length.
func inversions[T cmp.Ordered](v, spare []T) int {
	if len(v) < 2 {
		return 0
	}
	half := len(v) / 2
	left, right := v[:half], v[half:]
	count := inversions(left, spare[:half]) + inversions(right, spare[half:])
	merged := spare[:0]
	for len(left) > 0 && len(right) > 0 {
		if right[0] < left[0] {
			count += len(left)
			merged, right = append(merged, right[0]), right[1:]
			continue
		}
		merged, left = append(merged, left[0]), left[1:]
	}
	merged = append(append(merged, left...), right...)
	copy(v, merged)
	return count
}
