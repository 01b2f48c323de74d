package main

import (
	"fmt"
	"math"
	"strconv"

	"quba/ranking"
	"quba/ranking/correlation"
)

// significant is the level of the marks, for rates of false discoveries and
// for chances of any false one.
const significant = 0.05

// correlationDoc is a pair of dimensions; rho and the p values are null where
// there is no correlation.
type correlationDoc struct {
	A        string             `json:"a"`
	B        string             `json:"b"`
	N        int                `json:"n"`
	Rho      *float64           `json:"rho"`
	P        *float64           `json:"p"`
	Adjusted *float64           `json:"p_benjamini_hochberg"`
	Method   correlation.Method `json:"method"`
}

type correlationsDoc struct {
	Models     int              `json:"models"`
	Dimensions []string         `json:"dimensions"`
	Pairs      []correlationDoc `json:"pairs"`
	Notes      []string         `json:"notes,omitempty"`
}

func correlationsLayer(s rankSubject) (layer, error) {
	m := correlation.Of(s.cohort, correlation.Options{AllowPartial: s.options.AllowPartial})
	doc := correlationsDoc{Models: m.Models, Dimensions: m.Dimensions, Pairs: []correlationDoc{}, Notes: m.Notes}
	for _, p := range m.Pairs {
		doc.Pairs = append(doc.Pairs, correlationDoc{p.A, p.B, p.N, finite(p.Rho), finite(p.P), finite(p.Adjusted), p.Method})
	}
	return layer{
		key:      "correlations",
		sections: []section{{correlationsTitle(m), correlationsGrid(m)}},
		exact:    exactCorrelations(m),
		doc:      doc,
		notes:    m.Notes,
	}, nil
}

func correlationsTitle(m correlation.Matrix) string {
	tests := 0
	for _, p := range m.Pairs {
		if p.Defined() {
			tests++
		}
	}
	return fmt.Sprintf("Correlations of %d models: Spearman's rho above the diagonal, * where at most %g %% of such are false discoveries (Benjamini-Hochberg, %d pairs); p below",
		m.Models, 100*significant, tests)
}

// shortNames are the published names of the columns.
func shortNames(dimensions []string) []string {
	short := map[string]string{}
	for _, d := range ranking.Dimensions() {
		short[d.Name] = d.Column
	}
	var names []string
	for _, name := range dimensions {
		names = append(names, short[name])
	}
	return names
}

func correlationsGrid(m correlation.Matrix) grid {
	g := grid{header: append([]string{""}, shortNames(m.Dimensions)...), numeric: map[int]bool{}}
	for i, a := range m.Dimensions {
		g.numeric[i+1] = true
		row := []string{a}
		for j, b := range m.Dimensions {
			row = append(row, correlationCell(m, a, b, i-j))
		}
		g.rows = append(g.rows, row)
	}
	return g
}

// correlationCell is of a place below the diagonal when below is positive.
func correlationCell(m correlation.Matrix, a, b string, below int) string {
	p, ok := m.Pair(a, b)
	switch {
	case !ok:
		return ""
	case !p.Defined():
		return "-"
	case below > 0:
		return briefP(p.P)
	}
	return fmt.Sprintf("%.2f%s", p.Rho, mark(p.Adjusted))
}

// mark is a star, or a space that keeps numbers in line.
func mark(adjusted float64) string {
	if adjusted <= significant {
		return "*"
	}
	return " "
}

func briefP(p float64) string {
	if p < 0.001 {
		return strconv.FormatFloat(p, 'e', 0, 64)
	}
	return strconv.FormatFloat(p, 'f', 3, 64)
}

func exactCorrelations(m correlation.Matrix) grid {
	g := grid{header: []string{"a", "b", "n", "rho", "p", "p_benjamini_hochberg", "method"}}
	for _, p := range m.Pairs {
		g.rows = append(g.rows, []string{p.A, p.B, strconv.Itoa(p.N), exact(p.Rho), exact(p.P), exact(p.Adjusted), string(p.Method)})
	}
	return g
}

// exact writes all the digits that a number needs, and nothing for NaN.
func exact(v float64) string {
	if math.IsNaN(v) {
		return ""
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}

// finite is null in JSON for NaN.
func finite(v float64) *float64 {
	if math.IsNaN(v) {
		return nil
	}
	return &v
}
