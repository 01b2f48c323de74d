package figures

import (
	"math"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"quba/ranking/correlation"
)

// significant is the rate of false discoveries below which a correlation has a
// mark.
const significant = 0.05

// correlationFigures shows Spearman's correlations of the dimensions, those
// that stay significant after Benjamini-Hochberg with a star.
func correlationFigures(s subject) ([]Figure, error) {
	m := correlation.Of(s.cohort, correlation.Options{AllowPartial: s.options.Ranking.AllowPartial})
	if len(m.Dimensions) < 2 || len(s.models) < 3 {
		return nil, lacking("it needs two dimensions and three models")
	}
	g := cells{values: correlationCells(m), colour: diverging(-1, 1), gap: thinLine}
	adjusted := adjustedCells(m)
	g.text = func(i, j int) string {
		if adjusted[i][j] < significant {
			return shortNumber(g.values[i][j]) + "*"
		}
		return shortNumber(g.values[i][j])
	}
	var names []string
	for _, d := range m.Dimensions {
		names = append(names, capital(d))
	}
	n := len(names)
	p := newPlot()
	p.Add(g)
	// The triangle has no first row and no last column.
	named(&p.X, names[:n-1])
	named(&p.Y, reversed(names[1:]))
	upright(&p.X)
	f := Figure{Name: "correlation", Width: singleColumn, Height: vg.Length(n-1)*5*vg.Millimeter + 29*vg.Millimeter}
	f.draw = func(c draw.Canvas) {
		drawWithBar(c, p, g.colour, steps(-1, 1, 0.5), "Spearman correlation")
	}
	return []Figure{f}, nil
}

// correlationCells is the lower triangle, the dimensions in their order.
func correlationCells(m correlation.Matrix) [][]float64 {
	return triangle(m, func(p correlation.Pair) float64 { return p.Rho })
}

func adjustedCells(m correlation.Matrix) [][]float64 {
	return triangle(m, func(p correlation.Pair) float64 { return p.Adjusted })
}

// blank is a cell above the diagonal.
var blank = math.Inf(1)

func triangle(m correlation.Matrix, of func(correlation.Pair) float64) [][]float64 {
	n := len(m.Dimensions)
	rows := make([][]float64, n-1)
	for i := range rows {
		rows[i] = make([]float64, n-1)
		for j := range rows[i] {
			rows[i][j] = blank
		}
	}
	k := 0
	for i := range n {
		for j := i + 1; j < n; j++ {
			rows[j-1][i] = of(m.Pairs[k])
			k++
		}
	}
	return rows
}
