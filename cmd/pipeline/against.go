package main

import (
	"fmt"
	"strconv"
	"strings"

	"quba/ranking"
)

// standingDoc is a model of `pipeline rank --against published --format json`.
type standingDoc struct {
	Model    string         `json:"model"`
	QUBA     *float64       `json:"quba"`
	Position *int           `json:"position"` // 1 + the published rows with a higher score
	Damaged  int            `json:"damaged_above"`
	Above    []neighbourDoc `json:"above"`
	Below    []neighbourDoc `json:"below"`
	Missing  []string       `json:"missing"`
}

type neighbourDoc struct {
	Model  string           `json:"model"`
	QUBA   float64          `json:"quba"`
	Damage []ranking.Damage `json:"damage"`
}

type comparisonDoc struct {
	SchemaVersion int           `json:"schema_version"`
	Of            int           `json:"of"`
	Damaged       int           `json:"damaged"`
	Excluded      int           `json:"excluded"`
	Models        []standingDoc `json:"models"`
	Notes         []string      `json:"notes,omitempty"`
}

func (a *app) printAgainst(cohort ranking.Cohort, opt ranking.Options, excludeDamaged bool) error {
	if opt.Normalization != ranking.Paper {
		return usagef("--against published compares by the paper's constants: leave --normalization out")
	}
	c, err := ranking.Against(cohort, ranking.Published(), ranking.AgainstOptions{
		Weights: opt.Weights, AllowPartial: opt.AllowPartial, ExcludeDamaged: excludeDamaged,
	})
	if err != nil {
		return dataError(err)
	}
	if err := a.write(againstGrid(c), againstDoc(c)); err != nil {
		return err
	}
	a.notes(c.Notes)
	return nil
}

func againstGrid(c ranking.Comparison) grid {
	g := grid{
		header:  []string{"model", "quba", "position among " + strconv.Itoa(c.Of), "just above", "just below", "missing"},
		numeric: map[int]bool{1: true, 2: true},
	}
	for _, s := range c.Standings {
		row := []string{s.Name, "", "", "", "", strings.Join(s.Missing, " ")}
		if s.Scored {
			row[1], row[2] = fmt.Sprintf("%.4f", s.QUBA), strconv.Itoa(s.Position)
			if n := len(s.Above); n > 0 {
				row[3] = neighbourText(s.Above[n-1])
			}
			if len(s.Below) > 0 {
				row[4] = neighbourText(s.Below[0])
			}
		}
		g.rows = append(g.rows, row)
	}
	return g
}

func neighbourText(n ranking.Neighbour) string {
	mark := ""
	if len(n.Damage) > 0 {
		mark = " (damaged)"
	}
	return fmt.Sprintf("%s %.4f%s", n.Model, n.QUBA, mark)
}

func againstDoc(c ranking.Comparison) comparisonDoc {
	doc := comparisonDoc{SchemaVersion: 1, Of: c.Of, Damaged: c.Damaged, Excluded: c.Excluded, Models: []standingDoc{}, Notes: c.Notes}
	for _, s := range c.Standings {
		d := standingDoc{Model: s.Name, Above: neighbourDocs(s.Above), Below: neighbourDocs(s.Below), Missing: append([]string{}, s.Missing...)}
		if s.Scored {
			d.QUBA, d.Position, d.Damaged = &s.QUBA, &s.Position, s.DamagedAbove
		}
		doc.Models = append(doc.Models, d)
	}
	return doc
}

func neighbourDocs(neighbours []ranking.Neighbour) []neighbourDoc {
	docs := []neighbourDoc{}
	for _, n := range neighbours {
		docs = append(docs, neighbourDoc{n.Model, n.QUBA, append([]ranking.Damage{}, n.Damage...)})
	}
	return docs
}
