package sensitivity

import (
	"fmt"
	"math"
	"math/bits"
	"slices"
	"strconv"
)

// Flips says how little weights must change until neighbours swap ranks.
type Flips struct {
	Dimensions []string `json:"dimensions"`
	// Pairs are the neighbours in the ranking, the best first.
	Pairs []Flip `json:"pairs"`
	// Weakest is the pair that the smallest change swaps; nil when no change
	// swaps any.
	Weakest *Flip `json:"weakest"`
}

// Flip is the smallest change of weights after which the lower of two models
// draws level with the upper; anything beyond swaps them.
type Flip struct {
	// Rank is the place of the upper model, from 1; the lower has Rank+1. Tied
	// models take places in the order of the matrix.
	Rank     int    `json:"rank"`
	Upper    string `json:"upper"`
	Lower    string `json:"lower"`
	UpperRow int    `json:"upper_row"`
	LowerRow int    `json:"lower_row"`
	// Margin is the difference of their scores.
	Margin float64 `json:"margin"`
	// Possible is false when the upper model is at least as good in every
	// dimension: then no weights of at least 0 swap the two, and the fields
	// below are empty.
	Possible bool `json:"possible"`
	// Distance is the Euclidean length of the change of weights that sum to 1.
	Distance float64 `json:"distance"`
	// Moved is the share of the whole weight that changes its dimension, 0..1.
	Moved float64 `json:"moved"`
	// Weights are those at the flip, in the order of the dimensions, sum 1.
	Weights []float64 `json:"weights,omitempty"`
	// Single is the smallest change of one weight that does the same.
	Single *SingleChange `json:"single,omitempty"`
	// Text says it in words.
	Text string `json:"text"`
}

// SingleChange changes one weight while the others keep their proportions.
type SingleChange struct {
	Dimension string `json:"dimension"`
	// From and To are shares of the whole weight, 0..1.
	From float64 `json:"from"`
	To   float64 `json:"to"`
}

// Flips finds the smallest change for each pair of neighbours.
func (m Matrix) Flips() (Flips, error) {
	if err := m.checkPairs(); err != nil {
		return Flips{}, err
	}
	rows := m.byRank()
	f := Flips{Dimensions: m.Dimensions}
	for at := range rows[1:] {
		f.Pairs = append(f.Pairs, m.flip(at+1, rows[at], rows[at+1]))
	}
	for i := range f.Pairs {
		if p := &f.Pairs[i]; p.Possible && (f.Weakest == nil || p.Distance < f.Weakest.Distance) {
			f.Weakest = p
		}
	}
	return f, nil
}

func (m Matrix) flip(rank, upper, lower int) Flip {
	f := Flip{Rank: rank, Upper: m.Models[upper], Lower: m.Models[lower], UpperRow: upper, LowerRow: lower}
	lead := m.lead(upper, lower)
	// Tied models may differ by rounding, either way.
	f.Margin = max(0, dot(m.Weights, lead))
	if slices.Min(lead) >= 0 {
		f.Text = fmt.Sprintf("%s (rank %d) is at least as good as %s (rank %d) in every dimension: no weights swap them", f.Upper, rank, f.Lower, rank+1)
		return f
	}
	f.Possible = true
	f.Weights = nearestTie(m.Weights, lead)
	f.Distance = math.Sqrt(squaredDistance(m.Weights, f.Weights))
	f.Moved = moved(m.Weights, f.Weights)
	f.Single = m.singleChange(lead, f.Margin)
	if f.Margin <= tieTolerance {
		f.Text = fmt.Sprintf("%s and %s are tied at rank %d: the slightest change of weights decides", f.Upper, f.Lower, rank)
		return f
	}
	from, to := distinct(f.Single.From, f.Single.To)
	f.Text = fmt.Sprintf("%s (rank %d) and %s (rank %d) swap when the weight of %s goes from %s to beyond %s of the whole",
		f.Upper, rank, f.Lower, rank+1, f.Single.Dimension, from, to)
	return f
}

// distinct writes two shares with three decimals, or with as many as tell them
// apart.
func distinct(a, b float64) (textA, textB string) {
	for decimals := 3; decimals <= 12; decimals++ {
		textA, textB = strconv.FormatFloat(a, 'f', decimals, 64), strconv.FormatFloat(b, 'f', decimals, 64)
		if textA != textB {
			break
		}
	}
	return textA, textB
}

// lead is how much better one row is than another in each dimension; what may
// be rounding is 0.
func (m Matrix) lead(upper, lower int) []float64 {
	lead := make([]float64, len(m.Dimensions))
	for d := range lead {
		if difference := m.Z[upper][d] - m.Z[lower][d]; math.Abs(difference) > tieTolerance {
			lead[d] = difference
		}
	}
	return lead
}

// nearestTie is the point of {x >= 0, sum x = 1, x·lead = 0} nearest to w.
// Without x >= 0 the change is -(w·lead)(lead - mean)/|lead - mean|². Where
// that makes a weight negative, the nearest point lies within a face of the
// simplex, and there it is the same formula on the weights of the face: the
// best over all faces is exact. Lead must have a negative element, and w·lead
// must not be negative.
func nearestTie(w, lead []float64) []float64 {
	all := uint(1)<<len(w) - 1
	if x := faceTie(w, lead, all); x != nil {
		return x
	}
	var nearest []float64
	least := math.Inf(1)
	for face := uint(1); face < all; face++ {
		x := faceTie(w, lead, face)
		if x == nil {
			continue
		}
		if distance := squaredDistance(w, x); distance < least {
			nearest, least = x, distance
		}
	}
	return nearest
}

// faceTie is the nearest tie among the weights of a face, a set of bits; the
// others are 0. Nil when it has none with weights of at least 0.
func faceTie(w, lead []float64, face uint) []float64 {
	size := float64(bits.OnesCount(face))
	weight, product, mean := 0.0, 0.0, 0.0
	for d := range w {
		if face>>d&1 == 1 {
			weight += w[d]
			product += w[d] * lead[d]
			mean += lead[d] / size
		}
	}
	spread := 0.0
	for d := range w {
		if face>>d&1 == 1 {
			spread += (lead[d] - mean) * (lead[d] - mean)
		}
	}
	// Spreading what the other weights held evenly keeps the sum; the rest of
	// the change goes along lead - mean, which does not touch the sum.
	share := (1 - weight) / size
	slope := 0.0
	switch alike := spread <= size*mean*mean*tieTolerance*tieTolerance; {
	case alike && mean != 0:
		return nil
	case !alike:
		slope = (product + share*mean*size) / spread
	}
	x := make([]float64, len(w))
	for d := range w {
		if face>>d&1 == 0 {
			continue
		}
		x[d] = w[d] + share - slope*(lead[d]-mean)
		if x[d] < -tieTolerance {
			return nil
		}
		x[d] = max(0, x[d])
	}
	return x
}

func squaredDistance(a, b []float64) float64 {
	sum := 0.0
	for d := range a {
		sum += (a[d] - b[d]) * (a[d] - b[d])
	}
	return sum
}

// singleChange finds the one weight whose share must change least. With the
// others in proportion, a share of t in place of w makes the margin
// (1-t)(margin - w·lead)/(1-w) + t·lead, which is 0 at
// t = (w·lead - margin)/(lead - margin). Raising a weight where the lower
// model is better always works.
func (m Matrix) singleChange(lead []float64, margin float64) *SingleChange {
	var best *SingleChange
	for d, from := range m.Weights {
		tooLight := lead[d] >= 0 && from*lead[d] < margin
		if tooLight || lead[d] == margin {
			continue
		}
		to := (from*lead[d] - margin) / (lead[d] - margin)
		if best == nil || math.Abs(to-from) < math.Abs(best.To-best.From) {
			best = &SingleChange{m.Dimensions[d], from, to}
		}
	}
	return best
}
