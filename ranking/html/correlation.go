package html

import (
	"quba/ranking"
	"quba/ranking/correlation"
)

// correlations are Spearman's rank correlations of all pairs of dimensions.
type correlations struct {
	Models     int               `json:"models"`
	Dimensions []string          `json:"dimensions"`
	Pairs      []correlationPair `json:"pairs"`
	Notes      []string          `json:"notes"`
}

type correlationPair struct {
	A string `json:"a"`
	B string `json:"b"`
	N int    `json:"n"`
	// Rho and the p values are null where there is no correlation.
	Rho      *float64 `json:"rho"`
	P        *float64 `json:"p"`
	Adjusted *float64 `json:"adjusted"`
}

func correlationsOf(c ranking.Cohort, allowPartial bool) correlations {
	m := correlation.Of(c, correlation.Options{AllowPartial: allowPartial})
	shown := correlations{
		Models: m.Models, Dimensions: append([]string{}, m.Dimensions...),
		Pairs: []correlationPair{}, Notes: append([]string{}, m.Notes...),
	}
	for _, p := range m.Pairs {
		pair := correlationPair{A: p.A, B: p.B, N: p.N}
		if p.Defined() {
			pair.Rho, pair.P, pair.Adjusted = &p.Rho, &p.P, &p.Adjusted
		}
		shown.Pairs = append(shown.Pairs, pair)
	}
	return shown
}
