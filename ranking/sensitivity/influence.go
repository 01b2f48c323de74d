package sensitivity

import (
	"cmp"
	"fmt"
	"slices"

	"gonum.org/v1/gonum/stat"
)

// Influence says which weights move the ranking.
type Influence struct {
	Law   string `json:"law"`
	Draws int    `json:"draws"`
	// MeanShift is the mean over the draws of R, the mean absolute change of
	// ranks against the ranking as it is.
	MeanShift  float64              `json:"mean_shift"`
	Dimensions []DimensionInfluence `json:"dimensions"`
}

// DimensionInfluence is the influence of one weight.
type DimensionInfluence struct {
	Dimension string `json:"dimension"`
	// FirstOrder is S = V(E[R|w])/V(R), 0..1: the share of the variance of R
	// that this weight alone accounts for.
	FirstOrder float64 `json:"first_order"`
}

const (
	maxSlices     = 50
	minSliceDraws = 20
)

// Influence estimates the first-order sensitivity index of every weight
// (Saisana, Saltelli and Tarantola, JRSS A 2005). Weights that sum to 1 depend
// on each other, so the indices need not sum to at most 1.
func (m Matrix) Influence(law Law, s Simulation) (Influence, error) {
	s, err := s.resolve()
	if err != nil {
		return Influence{}, err
	}
	if err := m.checkPairs(); err != nil {
		return Influence{}, err
	}
	if s.Draws < 2*minSliceDraws {
		return Influence{}, fmt.Errorf("draws must be at least %d to estimate influences, got %d", 2*minSliceDraws, s.Draws)
	}
	shifts, weights, err := m.drawShifts(law, s)
	if err != nil {
		return Influence{}, fmt.Errorf("law %q: %w", law.Name, err)
	}
	out := Influence{Law: law.Name, Draws: s.Draws, MeanShift: stat.Mean(shifts, nil)}
	for d, name := range m.Dimensions {
		out.Dimensions = append(out.Dimensions, DimensionInfluence{name, firstOrder(weights[d], shifts)})
	}
	return out, nil
}

// drawShifts returns R for every draw, and the weights, dimensions x draws.
func (m Matrix) drawShifts(law Law, s Simulation) (shifts []float64, weights [][]float64, err error) {
	shifts, weights = make([]float64, s.Draws), grid[float64](len(m.Dimensions), s.Draws)
	base := m.ranksOf(m.Weights)
	err = s.run(func(_, from, to int) error {
		r := m.newReranking()
		for draw := from; draw < to; draw++ {
			if err := s.weightsOf(draw, law, r.w); err != nil {
				return err
			}
			shifts[draw] = meanShift(base, r.rank(m.Z))
			for d, v := range r.w {
				weights[d][draw] = v
			}
		}
		return nil
	})
	return shifts, weights, err
}

// firstOrder estimates V(E[y|x])/V(y) from slices of equal size along x: 1
// minus the ratio of the unbiased variances within slices and in all, which
// is 0 on average where y does not depend on x (Kelley's epsilon squared). An
// estimate below 0 is 0.
func firstOrder(x, y []float64) float64 {
	total := stat.Variance(y, nil)
	if total == 0 || slices.Min(x) == slices.Max(x) {
		return 0
	}
	byX := make([]int, len(x))
	for i := range byX {
		byX[i] = i
	}
	slices.SortStableFunc(byX, func(a, b int) int { return cmp.Compare(x[a], x[b]) })
	count := min(maxSlices, len(x)/minSliceDraws)
	within := 0.0
	for k := range count {
		var in []float64
		for _, i := range byX[k*len(x)/count : (k+1)*len(x)/count] {
			in = append(in, y[i])
		}
		within += stat.Variance(in, nil) * float64(len(in)-1)
	}
	return max(0, 1-within/float64(len(x)-count)/total)
}
