// Package correlation says which dimensions go together in a cohort: Spearman's
// rank correlation of every pair, with p values corrected for their number.
package correlation

import (
	"fmt"
	"math"

	"quba/internal/stats"
	"quba/ranking"
)

// Method says how a p value was made.
type Method string

const (
	// Exact looks at every order; it is used up to 9 models.
	Exact Method = "exact"
	// StudentT approximates by Student's t; it is used from 10 models on.
	StudentT Method = "t"
)

// Options choose which values count.
type Options struct {
	// AllowPartial counts values that were made without some of their parts.
	AllowPartial bool
}

// Matrix holds the correlations of all pairs of dimensions.
type Matrix struct {
	// Models is the size of the cohort.
	Models int
	// Dimensions are those that any model has, in the order of the published
	// table.
	Dimensions []string
	// Pairs are the upper triangle, row by row.
	Pairs []Pair
	Notes []string
}

// Pair is the correlation of two dimensions, of the values as they are: for
// calibration error and parameters lower is better.
type Pair struct {
	A, B string
	// N is how many models have both.
	N int
	// Rho is NaN where N < 2 or one of the two is constant; so are P and
	// Adjusted.
	Rho float64
	// P is two-sided, and Adjusted the same by Benjamini-Hochberg over all pairs
	// that have one: the rate of false discoveries at which the pair counts as
	// correlated.
	P, Adjusted float64
	Method      Method
}

// Defined says whether the pair has a correlation.
func (p Pair) Defined() bool { return !math.IsNaN(p.Rho) }

// Of correlates the dimensions of a cohort. A model counts for a pair when it
// has both dimensions.
func Of(c ranking.Cohort, o Options) Matrix {
	m := Matrix{Models: len(c.Models)}
	var columns [][]float64
	for _, d := range ranking.Dimensions() {
		values, incomplete := column(c.Models, d.Name, o.AllowPartial)
		if incomplete > 0 {
			m.Notes = append(m.Notes, fmt.Sprintf("correlations leave out %d incomplete values of %s: --allow-partial counts them", incomplete, d.Name))
		}
		if values != nil {
			m.Dimensions = append(m.Dimensions, d.Name)
			columns = append(columns, values)
		}
	}
	for i := range columns {
		for j := i + 1; j < len(columns); j++ {
			m.Pairs = append(m.Pairs, pairOf(m.Dimensions[i], m.Dimensions[j], columns[i], columns[j]))
		}
	}
	m.adjust()
	return m
}

// column holds the values of a dimension, NaN where a model has none; it is
// nil when no model has one.
func column(models []ranking.Model, dimension string, allowPartial bool) (values []float64, incomplete int) {
	values = make([]float64, len(models))
	known := 0
	for i, m := range models {
		v, ok := m.Values[dimension]
		switch {
		case !ok:
			values[i] = math.NaN()
		case v.Partial && !allowPartial:
			values[i] = math.NaN()
			incomplete++
		default:
			values[i] = v.Value
			known++
		}
	}
	if known == 0 {
		return nil, incomplete
	}
	return values, incomplete
}

func pairOf(a, b string, x, y []float64) Pair {
	p := Pair{A: a, B: b, Method: StudentT}
	p.Rho, p.N = Spearman(x, y)
	if p.N > exactMost {
		p.P = TTest(p.Rho, p.N)
		return p
	}
	p.Method, p.P = Exact, PermutationTest(x, y)
	return p
}

func (m *Matrix) adjust() {
	p := make([]float64, len(m.Pairs))
	for i, pair := range m.Pairs {
		p[i] = pair.P
	}
	for i, adjusted := range stats.BenjaminiHochberg(p) {
		m.Pairs[i].Adjusted = adjusted
	}
}

// Pair returns the correlation of two of the dimensions, in either order.
func (m Matrix) Pair(a, b string) (Pair, bool) {
	for _, p := range m.Pairs {
		if p.A == a && p.B == b || p.A == b && p.B == a {
			return p, true
		}
	}
	return Pair{}, false
}
