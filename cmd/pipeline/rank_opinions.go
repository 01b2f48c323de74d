package main

import (
	"fmt"
	"strconv"

	"quba/metrics"
	"quba/ranking/opinions"
)

// mostOpinions is how many models are shown with their ranks; of more, those
// that move most are.
const mostOpinions = 30

// mostOutvoted is how many outvoted neighbours are shown.
const mostOutvoted = 10

type opinionDoc struct {
	Rule   string   `json:"rule"`
	Doc    string   `json:"doc"`
	Better string   `json:"better"`
	Tau    *float64 `json:"kendall_tau_b"` // with QUBA
}

// opinionModelDoc has the scores and ranks by rule.
type opinionModelDoc struct {
	Model  string             `json:"model"`
	QUBA   float64            `json:"quba"`
	Rank   int                `json:"rank"`
	Shift  float64            `json:"shift"`
	Scores map[string]float64 `json:"scores"`
	Ranks  map[string]float64 `json:"ranks"`
}

type outvotedDoc struct {
	Rank  int    `json:"rank"` // of the model above
	Above string `json:"above"`
	Below string `json:"below"`
}

type opinionsDoc struct {
	Rules    []opinionDoc      `json:"rules"`
	Models   []opinionModelDoc `json:"models"`
	Outvoted []outvotedDoc     `json:"outvoted"`
	Notes    []string          `json:"notes,omitempty"`
}

func opinionsLayer(s rankSubject) (layer, error) {
	o, err := opinions.Of(s.ranking)
	if err != nil {
		return layer{}, err
	}
	sections := []section{{"Second opinions: how far other rules agree with QUBA (Kendall's tau-b)", rulesGrid(o)}, opinionRanks(o)}
	if len(o.Outvoted) > 0 {
		sections = append(sections, outvotedSection(o))
	}
	return layer{key: "opinions", sections: sections, exact: exactOpinions(o), doc: opinionsDocOf(o), notes: o.Notes}, nil
}

func rulesGrid(o opinions.Opinions) grid {
	g := grid{header: []string{"rule", "tau-b", "what it is"}, numeric: map[int]bool{1: true}}
	for _, rule := range o.Opinions {
		tau := "-"
		if finite(rule.Tau) != nil {
			tau = fmt.Sprintf("%.3f", rule.Tau)
		}
		g.rows = append(g.rows, []string{rule.Name, tau, rule.Doc})
	}
	return g
}

func opinionRanks(o opinions.Opinions) section {
	title, models := "Ranks by each rule", o.Models
	if len(models) > mostOpinions {
		models = o.MostMoved(mostOpinions)
		title = fmt.Sprintf("Ranks by each rule, the %d of %d models that move most", len(models), len(o.Models))
	}
	g := grid{header: []string{"QUBA", "model"}, numeric: map[int]bool{0: true}}
	for k, rule := range o.Opinions {
		g.header = append(g.header, rule.Name)
		g.numeric[k+2] = true
	}
	for _, m := range models {
		row := []string{strconv.Itoa(m.Rank), m.Name}
		for _, rank := range m.Ranks {
			row = append(row, exact(rank))
		}
		g.rows = append(g.rows, row)
	}
	return section{title, g}
}

func outvotedSection(o opinions.Opinions) section {
	title, shown := "Neighbours whose order every other rule turns", o.Outvoted
	if len(shown) > mostOutvoted {
		title, shown = fmt.Sprintf("%s, the first %d of %d", title, mostOutvoted, len(shown)), shown[:mostOutvoted]
	}
	g := grid{header: []string{"QUBA", "above", "below"}, numeric: map[int]bool{0: true}}
	for _, p := range shown {
		g.rows = append(g.rows, []string{strconv.Itoa(p.Rank), p.Above, p.Below})
	}
	return section{title, g}
}

func exactOpinions(o opinions.Opinions) grid {
	g := grid{header: []string{"model", "quba", "rank"}}
	for _, rule := range o.Opinions {
		g.header = append(g.header, rule.Name, rule.Name+"_rank")
	}
	for _, m := range o.Models {
		row := []string{m.Name, exact(m.QUBA), strconv.Itoa(m.Rank)}
		for k := range o.Opinions {
			row = append(row, exact(m.Scores[k]), exact(m.Ranks[k]))
		}
		g.rows = append(g.rows, row)
	}
	return g
}

func opinionsDocOf(o opinions.Opinions) opinionsDoc {
	doc := opinionsDoc{Outvoted: []outvotedDoc{}, Notes: o.Notes}
	for _, rule := range o.Opinions {
		doc.Rules = append(doc.Rules, opinionDoc{rule.Name, rule.Doc, direction(rule.Better), finite(rule.Tau)})
	}
	for _, m := range o.Models {
		d := opinionModelDoc{Model: m.Name, QUBA: m.QUBA, Rank: m.Rank, Shift: m.Shift, Scores: map[string]float64{}, Ranks: map[string]float64{}}
		for k, rule := range o.Opinions {
			d.Scores[rule.Name], d.Ranks[rule.Name] = m.Scores[k], m.Ranks[k]
		}
		doc.Models = append(doc.Models, d)
	}
	for _, p := range o.Outvoted {
		doc.Outvoted = append(doc.Outvoted, outvotedDoc(p))
	}
	return doc
}

func direction(d metrics.Direction) string {
	if d == metrics.Lower {
		return "lower"
	}
	return "higher"
}
