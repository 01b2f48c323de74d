package sensitivity

import (
	"fmt"
	"slices"

	"gonum.org/v1/gonum/stat"
)

// Curve says how a ranking changes with the distance of the weights.
type Curve struct {
	Draws int `json:"draws"`
	// TopK is how many first models the overlap looks at.
	TopK int `json:"top_k"`
	// Bins are in the order of their distance; those with too few draws for a
	// tail are left out.
	Bins []CurveBin `json:"bins"`
}

// CurveBin is what weights at some distance do. Distance is the share of the
// whole weight that is moved from one dimension to another, 0..1.
type CurveBin struct {
	From  float64 `json:"from"`
	To    float64 `json:"to"`
	Draws int     `json:"draws"`
	// Tau is Kendall's tau-b with the ranking as it is, -1..1.
	Tau Spread `json:"tau"`
	// TopOverlap is the share of the first models that stay among the first,
	// 0..1.
	TopOverlap Spread `json:"top_overlap"`
	// MeanShift is the mean absolute change of ranks.
	MeanShift Spread `json:"mean_shift"`
}

// Spread is the middle of draws and their worst 5 %.
type Spread struct {
	Median float64 `json:"median"`
	// Tail is the 5 % quantile on the side of less agreement.
	Tail float64 `json:"tail"`
}

const (
	binWidth = 0.05
	binCount = 20
	// minBinDraws is the least number of draws that has a worst 5 %.
	minBinDraws = 20
	tailShare   = 0.05
)

// agreement is how a re-ranking compares with the ranking as it is.
type agreement struct{ distance, tau, top, shift float64 }

// Curve re-ranks under weights at all distances: on the way from those of the
// ranking to uniform draws from the simplex, at a uniform share of the way.
func (m Matrix) Curve(topK int, s Simulation) (Curve, error) {
	s, err := s.resolve()
	if err != nil {
		return Curve{}, err
	}
	if err := m.checkPairs(); err != nil {
		return Curve{}, err
	}
	if topK < 1 {
		return Curve{}, fmt.Errorf("top-k must be at least 1, got %d", topK)
	}
	topK = min(topK, len(m.Models))
	drawn := make([]agreement, s.Draws)
	base := m.ranksOf(m.Weights)
	err = s.run(func(_, from, to int) error {
		r := m.newReranking()
		for draw := from; draw < to; draw++ {
			random := s.random(draw)
			drawUniform(random, r.w)
			share := random.Float64()
			for d, v := range m.Weights {
				r.w[d] = v + share*(r.w[d]-v)
			}
			ranks := r.rank(m.Z)
			drawn[draw] = agreement{moved(m.Weights, r.w), tauB(base, ranks), topOverlap(base, ranks, topK), meanShift(base, ranks)}
		}
		return nil
	})
	return Curve{Draws: s.Draws, TopK: topK, Bins: curveBins(drawn)}, err
}

// reranking is memory for ranking the same models again and again.
type reranking struct {
	w, q    []float64
	ranks   []int
	sorting order
}

func (m Matrix) newReranking() reranking {
	n := len(m.Models)
	return reranking{w: make([]float64, len(m.Dimensions)), q: make([]float64, n), ranks: make([]int, n), sorting: make([]scored, n)}
}

// rank ranks z under r.w; the result is overwritten by the next call.
func (r reranking) rank(z [][]float64) []int {
	scores(z, r.w, r.q)
	r.sorting.rank(r.q, r.ranks)
	return r.ranks
}

func curveBins(drawn []agreement) []CurveBin {
	members := make([][]agreement, binCount)
	for _, a := range drawn {
		at := min(int(a.distance/binWidth), binCount-1)
		members[at] = append(members[at], a)
	}
	bins := []CurveBin{}
	for at, in := range members {
		if len(in) < minBinDraws {
			continue
		}
		bins = append(bins, CurveBin{
			From: float64(at) / binCount, To: float64(at+1) / binCount, Draws: len(in),
			Tau:        spread(in, func(a agreement) float64 { return a.tau }, tailShare),
			TopOverlap: spread(in, func(a agreement) float64 { return a.top }, tailShare),
			MeanShift:  spread(in, func(a agreement) float64 { return a.shift }, 1-tailShare),
		})
	}
	return bins
}

func spread(of []agreement, value func(agreement) float64, tail float64) Spread {
	values := make([]float64, len(of))
	for i, a := range of {
		values[i] = value(a)
	}
	slices.Sort(values)
	return Spread{
		Median: stat.Quantile(0.5, stat.Empirical, values, nil),
		Tail:   stat.Quantile(tail, stat.Empirical, values, nil),
	}
}
