package sensitivity

import (
	"fmt"
	"slices"
	"sync"
)

// Acceptability is the outcome of SMAA-2 (Lahdelma and Salminen, Operations
// Research 2001; Tervonen and Lahdelma, EJOR 2007, doi
// 10.1016/j.ejor.2005.12.037): what shares of all weights speak for what
// ranks. A probability has a Monte Carlo standard error of at most
// 0.5/sqrt(Draws).
type Acceptability struct {
	Law   string `json:"law"`
	Draws int    `json:"draws"`
	// ScoreDraws is how many draws of the scores went with the weights; 0 when
	// the scores were taken as they are.
	ScoreDraws int                  `json:"score_draws"`
	Dimensions []string             `json:"dimensions"`
	Models     []ModelAcceptability `json:"models"` // rows of the matrix
	// Wins[i][k] is the pairwise winning index: the share of draws in which
	// row i scores higher than row k, 0..1.
	Wins [][]float64 `json:"wins"`
}

// ModelAcceptability is that of one model.
type ModelAcceptability struct {
	Model string `json:"model"`
	// Ranks[r] is the share of draws in which the model has rank r+1, 0..1.
	// Models with the same score share the better rank.
	Ranks []float64 `json:"ranks"`
	// CentralWeights are the mean of the weights that put the model first:
	// the typical preferences for which it is the choice. Nil when none does.
	CentralWeights []float64 `json:"central_weights,omitempty"`
	// Confidence is the share of score draws in which the central weights put
	// the model first, 0..1: 0 or 1 for point scores, 0 without central
	// weights.
	Confidence float64 `json:"confidence"`
}

// Acceptability draws weights by a law and counts ranks. Scores are those of
// the matrix; or, when given, draws of them (draws x models x dimensions,
// standardised, for instance from a bootstrap), which are gone through in
// turn: ranks then tell of both, the weights and the scores.
func (m Matrix) Acceptability(law Law, draws [][][]float64, s Simulation) (Acceptability, error) {
	s, err := s.resolve()
	if err != nil {
		return Acceptability{}, err
	}
	if err := m.checkDraws(draws); err != nil {
		return Acceptability{}, err
	}
	scoreDraws := len(draws)
	if scoreDraws == 0 {
		draws = [][][]float64{m.Z}
	}
	total := newTally(len(m.Models), len(m.Dimensions))
	weights := make([][][]float64, chunkCount)
	var lock sync.Mutex
	err = s.run(func(chunk, from, to int) error {
		t := newTally(len(m.Models), len(m.Dimensions))
		if err := t.count(law, draws, s, from, to); err != nil {
			return err
		}
		weights[chunk] = t.weights
		lock.Lock()
		defer lock.Unlock()
		total.addCounts(t)
		return nil
	})
	if err != nil {
		return Acceptability{}, fmt.Errorf("law %q: %w", law.Name, err)
	}
	for _, of := range weights {
		add(total.weights, of)
	}
	a := m.acceptability(total, law, draws, s.Draws)
	a.ScoreDraws = scoreDraws
	return a, nil
}

func (m Matrix) checkDraws(draws [][][]float64) error {
	if len(m.Models) > maxModels {
		return fmt.Errorf("must have at most %d models, got %d", maxModels, len(m.Models))
	}
	for t, z := range draws {
		if len(z) != len(m.Models) {
			return fmt.Errorf("score draw %d must have %d models, has %d", t, len(m.Models), len(z))
		}
		for i, row := range z {
			if len(row) != len(m.Dimensions) {
				return fmt.Errorf("score draw %d, model %q: must have %d dimensions, has %d", t, m.Models[i], len(m.Dimensions), len(row))
			}
		}
	}
	return nil
}

func (m Matrix) acceptability(t tally, law Law, draws [][][]float64, count int) Acceptability {
	a := Acceptability{Law: law.Name, Draws: count, Dimensions: m.Dimensions, Models: []ModelAcceptability{}}
	for i, name := range m.Models {
		model := ModelAcceptability{Model: name, Ranks: shares(t.ranks[i], count)}
		if first := t.ranks[i][0]; first > 0 {
			model.CentralWeights = slices.Clone(t.weights[i])
			normalise(model.CentralWeights)
			model.Confidence = confidence(draws, model.CentralWeights, i)
		}
		a.Models = append(a.Models, model)
		a.Wins = append(a.Wins, shares(t.wins[i], count))
	}
	return a
}

func shares(counts []int32, of int) []float64 {
	s := make([]float64, len(counts))
	for i, n := range counts {
		s[i] = float64(n) / float64(of)
	}
	return s
}

// confidence is the share of score draws in which w puts row first.
func confidence(draws [][][]float64, w []float64, row int) float64 {
	first := 0
	for _, z := range draws {
		own := dot(z[row], w)
		if !slices.ContainsFunc(z, func(other []float64) bool { return dot(other, w) > own+tieTolerance }) {
			first++
		}
	}
	return float64(first) / float64(len(draws))
}

// tally counts the outcomes of draws.
type tally struct {
	ranks   [][]int32   // models x ranks
	wins    [][]int32   // models x models
	weights [][]float64 // models x dimensions: sums over first places
}

func newTally(models, dimensions int) tally {
	return tally{ranks: grid[int32](models, models), wins: grid[int32](models, models), weights: grid[float64](models, dimensions)}
}

func grid[T any](rows, columns int) [][]T {
	cells := make([]T, rows*columns)
	g := make([][]T, rows)
	for i := range g {
		g[i] = cells[i*columns : (i+1)*columns]
	}
	return g
}

// Ranks of several draws are compared at once: a word holds four ranks of 15
// bits, and the top bit of each quarter is free for the outcome.
const (
	rankBits     = 16
	ranksPerWord = 64 / rankBits
	ones         = 0x0001_0001_0001_0001
	tops         = ones << (rankBits - 1)
	maxModels    = 1<<(rankBits-1) - 2
)

// blockWords is how many words of ranks are filled for each model before
// pairs are compared, which keeps the ranks of a model together in memory.
const blockWords = 16

// count goes through the draws from..to-1.
func (t tally) count(law Law, draws [][][]float64, s Simulation, from, to int) error {
	models := len(t.ranks)
	w, q, ranks := make([]float64, len(t.weights[0])), make([]float64, models), make([]int, models)
	sorting := order(make([]scored, models))
	for from < to {
		block := grid[uint64](models, blockWords)
		n := min(blockWords*ranksPerWord, to-from)
		for at := range n {
			draw := from + at
			if err := s.weightsOf(draw, law, w); err != nil {
				return err
			}
			scores(draws[draw%len(draws)], w, q)
			sorting.rank(q, ranks)
			t.countRanks(ranks, w)
			pack(block, ranks, at)
		}
		t.countWins(block)
		from += n
	}
	return nil
}

func (t tally) countRanks(ranks []int, w []float64) {
	for i, rank := range ranks {
		t.ranks[i][rank-1]++
		if rank > 1 {
			continue
		}
		for d, v := range w {
			t.weights[i][d] += v
		}
	}
}

func pack(block [][]uint64, ranks []int, at int) {
	word, shift := at/ranksPerWord, at%ranksPerWord*rankBits
	for i, rank := range ranks {
		block[i][word] |= uint64(rank) << shift
	}
}

// countWins compares all pairs. Quarters without ranks are 0 in all words and
// count for none.
func (t tally) countWins(block [][]uint64) {
	for i := range block {
		for k := range i {
			above, below := better(block[i], block[k])
			t.wins[i][k] += above
			t.wins[k][i] += below
		}
	}
}

// better counts the draws in which a's rank is better than b's, and the other
// way round. A top bit outlives the subtraction where the number it stands on
// is at least the other one plus 1.
func better(a, b []uint64) (above, below int32) {
	var up, down uint64
	b = b[:len(a)]
	for t, x := range a {
		y := b[t]
		up += ((y | tops) - (x + ones)) & tops >> (rankBits - 1)
		down += ((x | tops) - (y + ones)) & tops >> (rankBits - 1)
	}
	return sumQuarters(up), sumQuarters(down)
}

func sumQuarters(word uint64) int32 { return int32(word * ones >> (64 - rankBits)) }

func (t tally) addCounts(o tally) {
	add(t.ranks, o.ranks)
	add(t.wins, o.wins)
}

func add[T int32 | float64](into, from [][]T) {
	for i, row := range from {
		for k, v := range row {
			into[i][k] += v
		}
	}
}
