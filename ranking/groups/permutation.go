package groups

import (
	"hash/fnv"
	"math"
	"math/rand/v2"

	"quba/internal/stats"
)

// deltaTest is Cliff's delta of two groups within strata and its permutation
// test: under the hypothesis, within a stratum any model may have been in
// either group.
type deltaTest struct {
	strata []rankedStratum
	pairs  float64
}

// rankedStratum holds twice the average ranks of both groups together, a's
// first: whole numbers, whose sums are exact.
type rankedStratum struct {
	ranks []float64
	a     int
}

func newDeltaTest(strata []stratum) deltaTest {
	var t deltaTest
	for _, s := range strata {
		ranks := stats.AverageRanks(append(append([]float64{}, s.a...), s.b...))
		for i := range ranks {
			ranks[i] *= 2
		}
		t.strata = append(t.strata, rankedStratum{ranks, len(s.a)})
		t.pairs += float64(len(s.a) * len(s.b))
	}
	return t
}

// excess is how many more matched pairs a is greater in than smaller, from the
// sum R of its ranks (Mann and Whitney): 2R - n_a(n_a + n_b + 1).
func (t deltaTest) excess() float64 {
	sum := 0.0
	for _, s := range t.strata {
		for _, r := range s.ranks[:s.a] {
			sum += r
		}
		sum -= float64(s.a * (len(s.ranks) + 1))
	}
	return sum
}

// delta is -1 to 1, positive when a is greater.
func (t deltaTest) delta() float64 { return t.excess() / t.pairs }

// p is the two-sided p value of delta: (1 + draws as extreme)/(1 + draws),
// which is valid for any number of draws (Phipson and Smyth 2010). Draw number
// i depends on the key and i alone.
func (t deltaTest) p(key uint64, draws int) float64 {
	observed := math.Abs(t.excess())
	original := t.ranks()
	defer t.restore(original)
	extreme := 0
	for draw := range draws {
		t.restore(original)
		t.shuffle(rand.New(rand.NewPCG(key, uint64(draw))))
		if math.Abs(t.excess()) >= observed {
			extreme++
		}
	}
	return float64(1+extreme) / float64(1+draws)
}

func (t deltaTest) ranks() [][]float64 {
	copied := make([][]float64, len(t.strata))
	for i, s := range t.strata {
		copied[i] = append([]float64{}, s.ranks...)
	}
	return copied
}

func (t deltaTest) restore(ranks [][]float64) {
	for i, s := range t.strata {
		copy(s.ranks, ranks[i])
	}
}

// shuffle draws new members of a in every stratum.
func (t deltaTest) shuffle(r *rand.Rand) {
	for _, s := range t.strata {
		for i := range s.a {
			with := i + r.IntN(len(s.ranks)-i)
			s.ranks[i], s.ranks[with] = s.ranks[with], s.ranks[i]
		}
	}
}

// key makes the draws of a test its own.
func key(seed uint64, names ...string) uint64 {
	h := fnv.New64a()
	for _, name := range names {
		h.Write([]byte(name + "\x00"))
	}
	return seed ^ h.Sum64()
}
