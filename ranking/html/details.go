package html

import (
	"quba/ranking"
	"quba/ranking/report"
)

// detail is what a dimension of one model is made of, as a table.
type detail struct {
	Model     int      `json:"model"` // index
	Dimension string   `json:"dimension"`
	Metric    string   `json:"metric"` // says how the table is drawn
	Columns   []string `json:"columns"`
	Rows      [][]any  `json:"rows"`
	Rest      []part   `json:"rest,omitempty"` // parts that are not in the table
	Notes     []string `json:"notes,omitempty"`
}

type part struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
}

// detailsOf lays out every dimension of a model that has parts.
func detailsOf(index int, m ranking.Model) ([]detail, error) {
	var details []detail
	for _, name := range m.Dimensions() {
		if len(m.Values[name].Parts) == 0 {
			continue
		}
		r, err := report.New(ranking.Cohort{Models: []ranking.Model{m}}, report.Options{Dimension: name})
		if err != nil {
			return nil, err
		}
		details = append(details, detailOf(index, r.Models[0].Dimensions[0]))
	}
	return details, nil
}

func detailOf(index int, d report.Dimension) detail {
	shown := detail{
		Model: index, Dimension: d.Name, Metric: d.Metric,
		Columns: d.Table.Columns, Rows: d.Table.Rows, Notes: d.Notes,
	}
	if shown.Metric == "" {
		shown.Metric = d.Name
	}
	for _, p := range d.Table.Rest {
		shown.Rest = append(shown.Rest, part{p.Name, p.Value})
	}
	return shown
}
