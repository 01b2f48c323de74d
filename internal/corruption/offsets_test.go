package corruption

import (
	"math/rand/v2"
	"testing"
)

// TestOffsetsAreUniform counts every whole number of -d..d-1; the chi-squared
// statistic exceeds 40 with a probability below 1 in 10^5.
func TestOffsetsAreUniform(t *testing.T) {
	for d := 1; d <= 4; d++ {
		offsets := make([]int8, 100_003)
		NewDraws(rand.New(rand.NewPCG(7, uint64(d)))).Offsets(offsets, d)
		counts := map[int8]float64{}
		for _, o := range offsets {
			if int(o) < -d || int(o) >= d {
				t.Fatalf("offset %d is outside %d..%d", o, -d, d-1)
			}
			counts[o]++
		}
		expected, chi := float64(len(offsets))/float64(2*d), 0.0
		for o := -d; o < d; o++ {
			chi += (counts[int8(o)] - expected) * (counts[int8(o)] - expected) / expected
		}
		if chi > 40 {
			t.Errorf("d %d: chi-squared is %v for %d numbers", d, chi, 2*d)
		}
	}
}
