package sensitivity

import (
	"math"
	"slices"

	"quba/internal/stats"
)

// tauB is Kendall's tau-b of two rankings. Where it is not defined because one
// ties all models, it is 1 if both do, and 0 otherwise.
func tauB(a, b []int) float64 {
	tau := stats.KendallTauB(a, b)
	if !math.IsNaN(tau) {
		return tau
	}
	if slices.Max(a) == slices.Min(a) && slices.Max(b) == slices.Min(b) {
		return 1
	}
	return 0
}

// topOverlap is the share of a's first k models that are among b's first k,
// 0..1. Ties may make the first k more than k.
func topOverlap(a, b []int, k int) float64 {
	top, both := 0, 0
	for i, rank := range a {
		if rank > k {
			continue
		}
		top++
		if b[i] <= k {
			both++
		}
	}
	return float64(both) / float64(top)
}

// meanShift is the mean absolute difference of ranks (OECD, Handbook on
// Constructing Composite Indicators, 2008, sec. 7).
func meanShift(a, b []int) float64 {
	sum := 0.0
	for i, rank := range a {
		sum += math.Abs(float64(rank - b[i]))
	}
	return sum / float64(len(a))
}
