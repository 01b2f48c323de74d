package metrics_test

import (
	"math"
	"slices"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/memory"

	"quba/pipeline/record"
)

func observe(t testing.TB, s samples, visit func(record.View)) {
	t.Helper()
	s.each(t, memory.DefaultAllocator, []int{len(s.labels)}, visit)
}

// naiveClassError is the class error of DIMENSIONS.md written as it reads.
func naiveClassError(column []float32, labels []int32, class int32) float64 {
	var sorted []float32
	for _, p := range column {
		if p > 0 {
			sorted = append(sorted, p)
		}
	}
	slices.Sort(sorted)
	n := len(sorted)
	var upper []float32
	for i := 1; i < 15; i++ {
		place := int(math.RoundToEven(float64(i) * float64(n) / 15))
		upper = append(upper, sorted[min(place, n-1)])
	}
	upper = append(upper, 1)
	total := 0.0
	for b := range 16 {
		hits, confidence := 0.0, 0.0
		for row, p := range column {
			if p > 0 && inBin(p, upper, b) {
				confidence += float64(p)
				if labels[row] == class {
					hits++
				}
			}
		}
		total += math.Abs(hits - confidence)
	}
	return total / float64(n)
}

func inBin(p float32, upper []float32, b int) bool {
	switch b {
	case 0:
		return p < upper[0]
	case 15:
		return p >= 1
	default:
		return p >= upper[b-1] && p < upper[b]
	}
}
