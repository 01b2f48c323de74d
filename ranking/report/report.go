// Package report lays out what a dimension is made of, as tables for people
// and as a document for programs. It reads results, never a model or an image.
package report

import (
	"slices"

	"quba/metrics"
	"quba/pipeline/registry"
	"quba/ranking"
)

// documentVersion grows when a key of the JSON document changes its meaning
// or is taken away, not when one is added.
const documentVersion = 1

// Report is what is shown of a cohort; its JSON form is for programs.
type Report struct {
	SchemaVersion int     `json:"schema_version"`
	Protocol      string  `json:"protocol,omitempty"`
	Models        []Model `json:"models"`
	// Notes are caveats about the whole.
	Notes []string `json:"notes,omitempty"`
}

// Model is a model with those of its dimensions that are shown.
type Model struct {
	Name       string      `json:"model"`
	Dimensions []Dimension `json:"dimensions"`
}

// Dimension is a dimension of a model.
type Dimension struct {
	Name    string   `json:"dimension"`
	Metric  string   `json:"metric,omitempty"` // that made it
	Value   float64  `json:"value"`
	N       int64    `json:"n"` // samples, 0 where no count applies
	Partial bool     `json:"partial"`
	Notes   []string `json:"notes"`
	// Parts and Table are there when the report is of this dimension.
	Parts []Part `json:"parts,omitempty"`
	Table *Table `json:"table,omitempty"`
}

// Part is a component of a dimension.
type Part struct {
	Name  string  `json:"part"`
	Value float64 `json:"value"`
	N     int64   `json:"n"` // 0 where no count applies
}

// Options choose what is shown.
type Options struct {
	// Dimension is shown with its parts; "" lists all without.
	Dimension string
	// Model leaves out all other models; "" keeps all.
	Model string
	// All shows every row of a table that otherwise has its ends only.
	All bool
	// Plain lists the parts instead of the metric's own table.
	Plain bool
}

// New makes the report of a cohort. A dimension or a model that nothing is
// known of is an error.
func New(c ranking.Cohort, o Options) (Report, error) {
	r := Report{SchemaVersion: documentVersion, Protocol: string(c.Protocol), Models: []Model{}, Notes: slices.Clone(c.Notes)}
	models, err := choose(c.Models, o.Model)
	if err != nil {
		return Report{}, err
	}
	if o.Dimension == "" {
		r.Notes = append(r.Notes, ranking.Caveats(models)...)
		for _, m := range models {
			r.Models = append(r.Models, list(m))
		}
		return r, nil
	}
	if err := checkDimension(models, o.Dimension); err != nil {
		return Report{}, err
	}
	for _, m := range models {
		if _, ok := m.Values[o.Dimension]; !ok {
			r.Notes = append(r.Notes, m.Name+": has no "+o.Dimension)
			continue
		}
		shown, err := detail(m, o)
		if err != nil {
			return Report{}, err
		}
		r.Models = append(r.Models, Model{Name: m.Name, Dimensions: []Dimension{shown}})
	}
	return r, nil
}

// choose finds the models of a name, which tables may repeat.
func choose(models []ranking.Model, name string) ([]ranking.Model, error) {
	if name == "" {
		return models, nil
	}
	var chosen []ranking.Model
	var known []string
	for _, m := range models {
		known = append(known, m.Name)
		if m.Name == name {
			chosen = append(chosen, m)
		}
	}
	if len(chosen) == 0 {
		return nil, registry.Unknown("model", name, known)
	}
	return chosen, nil
}

func checkDimension(models []ranking.Model, name string) error {
	var known []string
	for _, m := range models {
		for _, dimension := range m.Dimensions() {
			if dimension == name {
				return nil
			}
			if !slices.Contains(known, dimension) {
				known = append(known, dimension)
			}
		}
	}
	return registry.Unknown("dimension", name, known)
}

func list(m ranking.Model) Model {
	shown := Model{Name: m.Name, Dimensions: []Dimension{}}
	for _, name := range m.Dimensions() {
		shown.Dimensions = append(shown.Dimensions, summary(name, m.Values[name]))
	}
	return shown
}

func summary(name string, v ranking.Value) Dimension {
	return Dimension{
		Name: name, Metric: v.Origin.Metric, Value: v.Value, N: v.N, Partial: v.Partial,
		Notes: append([]string{}, v.Caveats()...),
	}
}

// detail adds the parts and a table of them: the metric's own, or a plain one
// where it has none for these parts.
func detail(m ranking.Model, o Options) (Dimension, error) {
	v := m.Values[o.Dimension]
	d := summary(o.Dimension, v)
	for _, p := range v.Parts {
		d.Parts = append(d.Parts, Part(p))
	}
	table, err := layoutOf(v, o)(Subject{Model: m.Name, Value: v, All: o.All})
	if err != nil {
		return Dimension{}, err
	}
	d.Notes = append(d.Notes, table.Notes...)
	if len(table.Rows) == 0 {
		table = plainTable(v.Parts)
	}
	d.Table = &table
	return d, nil
}

// Subject is what a layout is given.
type Subject struct {
	Model string
	Value ranking.Value
	All   bool // show every row
}

// Layout makes the table of a dimension. One without rows says that the parts
// are not those of the metric; they are then listed as they are.
type Layout func(Subject) (Table, error)

var layouts = map[string]Layout{}

// register adds the layout of a metric; each file calls it from init.
func register(metric string, l Layout) {
	if _, taken := layouts[metric]; taken {
		panic("report: " + metric + " has two layouts")
	}
	layouts[metric] = l
}

// layoutOf finds the layout by the metric, which the dimension is named after
// where the result does not say it.
func layoutOf(v ranking.Value, o Options) Layout {
	metric := v.Origin.Metric
	if metric == "" {
		metric = o.Dimension
	}
	if l, ok := layouts[metric]; ok && !o.Plain {
		return l
	}
	return plain
}

func plain(s Subject) (Table, error) { return plainTable(s.Value.Parts), nil }

func plainTable(parts []metrics.Part) Table {
	t := Table{Columns: []string{"part", "value", "n"}}
	for _, p := range parts {
		t.add(p.Name, p.Value, count(p.N))
	}
	return t
}
