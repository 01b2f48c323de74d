package sensitivity

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

// slowTau is Kendall's tau-b by its definition.
func slowTau(a, b []int) float64 {
	balance, untiedA, untiedB := 0.0, 0.0, 0.0
	sign := func(n int) float64 {
		switch {
		case n > 0:
			return 1
		case n < 0:
			return -1
		}
		return 0
	}
	for i := range a {
		for k := range i {
			x, y := sign(a[i]-a[k]), sign(b[i]-b[k])
			balance += x * y
			untiedA += x * x
			untiedB += y * y
		}
	}
	return balance / math.Sqrt(untiedA*untiedB)
}

func TestTauFollowsItsDefinition(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(2, 30).Draw(rt, "n")
		ranks := rapid.SliceOfN(rapid.IntRange(1, n), n, n)
		a, b := ranks.Draw(rt, "a"), ranks.Draw(rt, "b")
		want := slowTau(a, b)
		if math.IsNaN(want) {
			return
		}
		near(rt, "tau", tauB(a, b), want, 1e-12)
		near(rt, "swapped", tauB(b, a), want, 1e-12)
	})
}

func TestTauOfKnownRankings(t *testing.T) {
	for name, c := range map[string]struct {
		a, b []int
		want float64
	}{
		"the same":  {[]int{1, 2, 3}, []int{1, 2, 3}, 1},
		"reversed":  {[]int{1, 2, 3}, []int{3, 2, 1}, -1},
		"one swap":  {[]int{1, 2, 3, 4}, []int{2, 1, 3, 4}, 4. / 6},
		"one tie":   {[]int{1, 2, 3}, []int{1, 1, 3}, 2 / math.Sqrt(3*2)},
		"all tied":  {[]int{1, 1}, []int{1, 1}, 1},
		"half tied": {[]int{1, 1}, []int{1, 2}, 0},
	} {
		t.Run(name, func(t *testing.T) { near(t, "tau", tauB(c.a, c.b), c.want, 1e-15) })
	}
}

func TestTopOverlapAndShift(t *testing.T) {
	a, b := []int{1, 2, 3, 4}, []int{4, 1, 3, 2}
	near(t, "top 1", topOverlap(a, b, 1), 0, 0)
	near(t, "top 2", topOverlap(a, b, 2), 0.5, 0)
	near(t, "top 4", topOverlap(a, b, 4), 1, 0)
	near(t, "ties", topOverlap([]int{1, 1, 1}, []int{1, 2, 2}, 1), 1./3, 0)
	near(t, "shift", meanShift(a, b), (3+1+0+2)/4., 0)
}
