package main

import (
	"context"
	"fmt"
	"slices"
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

// againstLayers places the models among the published rows and makes the
// layers that were asked for, of both together.
func againstLayers(ctx context.Context, s rankSubject) (layered, error) {
	if s.options.Normalization != ranking.Paper {
		return layered{}, usagef("--against published compares by the paper's constants: leave --normalization out")
	}
	c, err := ranking.Against(s.cohort, ranking.Published(), ranking.AgainstOptions{
		Weights: s.options.Weights, AllowPartial: s.options.AllowPartial, ExcludeDamaged: s.flags.excludeDamaged,
	})
	if err != nil {
		return layered{}, dataError(err)
	}
	s.cohort.Models = slices.Concat(s.cohort.Models, publishedRows(s.flags.excludeDamaged))
	if s.ranking, err = ranking.QUBA(s.cohort, s.options); err != nil {
		return layered{}, dataError(err)
	}
	layers, err := s.layers(ctx)
	if err != nil {
		return layered{}, err
	}
	g := againstGrid(c)
	return layered{table: g, exact: g, doc: againstRankDoc{againstDoc(c), layerDocs(layers)}, notes: c.Notes, layers: layers}, nil
}

// publishedRows are the published models, those that look damaged left out on
// request.
func publishedRows(excludeDamaged bool) []ranking.Model {
	rows := ranking.Published().Models
	if excludeDamaged {
		rows = slices.DeleteFunc(rows, func(m ranking.Model) bool { return len(ranking.DamageOf(m)) > 0 })
	}
	return rows
}

type againstRankDoc struct {
	comparisonDoc
	Layers map[string]any `json:"layers,omitempty"`
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
