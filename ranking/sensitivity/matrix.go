// Package sensitivity says how much a ranking depends on the weights of its
// dimensions. It works on standardised scores alone and knows no command.
package sensitivity

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat"

	"quba/metrics"
	"quba/pipeline/registry"
	"quba/ranking"
)

// maxDimensions bounds the exact methods that look at every subset of the
// dimensions.
const maxDimensions = 16

// Matrix holds standardised scores and the weights that ranked them.
type Matrix struct {
	// Models name the rows. Names may repeat: results name models by row, too.
	Models []string
	// Dimensions are the columns.
	Dimensions []string
	// Z is models x dimensions, in standard deviations, higher is better.
	Z [][]float64
	// Weights are those of the ranking, one for each dimension, 0..1, sum 1.
	Weights []float64
	// Values are models x dimensions, in the units of the dimension.
	Values [][]float64
	// Units say by how much a value changes when its z grows by 1: negative
	// where lower is better, 0 where all models have the same value.
	Units []float64
	// Min and Max bound the values; infinite where there is no bound.
	Min, Max []float64
}

// New takes the models that have a score, in the order of the ranking. It
// fails when there is none.
func New(r ranking.Ranking) (Matrix, error) {
	if len(r.Used) > maxDimensions {
		return Matrix{}, fmt.Errorf("sensitivity needs at most %d dimensions, got %d", maxDimensions, len(r.Used))
	}
	var m Matrix
	for _, model := range r.Models {
		if model.Scored {
			m.addRow(model, r.Used)
		}
	}
	if len(m.Models) == 0 {
		return Matrix{}, errors.New("no model has a score; sensitivity needs ranked models")
	}
	for d, dimension := range r.Used {
		m.Dimensions = append(m.Dimensions, dimension.Name)
		m.Weights = append(m.Weights, dimension.Weight)
		m.Units = append(m.Units, m.unit(d, dimension, r.Normalization))
		m.Min, m.Max = append(m.Min, dimension.Min), append(m.Max, dimension.Max)
	}
	normalise(m.Weights)
	return m, nil
}

func (m *Matrix) addRow(model ranking.Ranked, used []ranking.Dimension) {
	z, values := make([]float64, len(used)), make([]float64, len(used))
	for d, dimension := range used {
		z[d], values[d] = model.Z[dimension.Name], model.Values[dimension.Name].Value
	}
	m.Models, m.Z, m.Values = append(m.Models, model.Name), append(m.Z, z), append(m.Values, values)
}

func (m *Matrix) unit(d int, dimension ranking.Dimension, n ranking.Normalization) float64 {
	unit := dimension.Std
	if n == ranking.InCohort {
		column := make([]float64, len(m.Values))
		for i, row := range m.Values {
			column[i] = row[d]
		}
		unit = 0
		if slices.Min(column) < slices.Max(column) {
			unit = stat.StdDev(column, nil)
		}
	}
	if dimension.Better == metrics.Lower {
		return -unit
	}
	return unit
}

// Row finds a model by its name. An unknown name and one that several rows
// have are errors.
func (m Matrix) Row(name string) (int, error) {
	var rows []int
	for i, model := range m.Models {
		if model == name {
			rows = append(rows, i)
		}
	}
	switch len(rows) {
	case 0:
		return 0, registry.Unknown("model", name, m.Models)
	case 1:
		return rows[0], nil
	}
	return 0, fmt.Errorf("%d models are named %q; give them different names, or rank them in separate runs", len(rows), name)
}

// checkPairs says that there are models to compare.
func (m Matrix) checkPairs() error {
	if len(m.Models) < 2 {
		return fmt.Errorf("must have at least two models with a score to compare, got %d", len(m.Models))
	}
	return nil
}

// scores puts z·w of every row into q.
func scores(z [][]float64, w, q []float64) {
	for i, row := range z {
		q[i] = dot(row, w)
	}
}

// order is reused between rankings to save memory.
type order []scored

type scored struct {
	score float64
	row   int
}

// tieTolerance is the distance of scores that are equal in exact arithmetic,
// as in package ranking.
const tieTolerance = 1e-12

// rank puts 1 + the number of rows with a higher score into ranks: models
// with the same score share a rank, which favours none by its place in the
// table. A group of ties begins at its best score.
func (o order) rank(q []float64, ranks []int) {
	for i, score := range q {
		o[i] = scored{score, i}
	}
	slices.SortFunc(o, func(a, b scored) int {
		switch {
		case a.score > b.score:
			return -1
		case a.score < b.score:
			return 1
		}
		return 0
	})
	first := 0
	for at, s := range o {
		if o[first].score-s.score > tieTolerance {
			first = at
		}
		ranks[s.row] = first + 1
	}
}

// ranksOf ranks the rows under weights.
func (m Matrix) ranksOf(w []float64) []int {
	q, ranks := make([]float64, len(m.Z)), make([]int, len(m.Z))
	scores(m.Z, w, q)
	order(make([]scored, len(q))).rank(q, ranks)
	return ranks
}

// byRank lists the rows, best first; ties keep their order.
func (m Matrix) byRank() []int {
	ranks := m.ranksOf(m.Weights)
	rows := make([]int, len(ranks))
	for i := range rows {
		rows[i] = i
	}
	slices.SortStableFunc(rows, func(a, b int) int { return ranks[a] - ranks[b] })
	return rows
}

// normalise divides by the sum, which must be above 0.
func normalise(w []float64) {
	total := 0.0
	for _, v := range w {
		total += v
	}
	for d := range w {
		w[d] /= total
	}
}

func dot(a, b []float64) float64 {
	sum := 0.0
	for d, v := range a {
		sum += v * b[d]
	}
	return sum
}

// moved is the share of the whole weight that changes its dimension between
// two weight vectors: half the sum of absolute differences, 0..1.
func moved(a, b []float64) float64 {
	sum := 0.0
	for d := range a {
		sum += math.Abs(a[d] - b[d])
	}
	return sum / 2
}
