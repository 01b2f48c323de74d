// Package html writes a ranking and what is behind it as one HTML file that
// needs nothing else: no network, no server. It reads results, never a model.
package html

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"quba/metrics"
	"quba/ranking"
	"quba/ranking/sensitivity"
	"quba/ranking/uncertainty"
)

// Options choose what a page shows.
type Options struct {
	// Title heads the page; "" is "Model ranking".
	Title string
	// Version is that of the program.
	Version string
	// Ranking is how the page ranks until the reader moves a weight or decides
	// otherwise on incomplete models. Its normalization stays.
	Ranking ranking.Options
	// Uncertainty gives intervals and rank sets; it must be of the same results
	// and Ranking. Nil leaves them out.
	Uncertainty *uncertainty.Result
	// Sheets are pictures of perturbed images.
	Sheets []Sheet
	// WithoutSheet says which perturbed images could not be shown, and why.
	WithoutSheet []string
	// Published puts the published models behind the reader's own in scatters;
	// ExcludeDamaged hides those that look damaged until the reader asks for
	// them.
	Published, ExcludeDamaged bool
}

// Sheet is a picture of images in rows and what was made of them in columns.
type Sheet struct {
	// Title names the pipeline; it may be empty.
	Title string
	// Image is a PNG or JPEG file.
	Image []byte
}

// Page is a report that can be written.
type Page struct {
	title   string
	version string
	data    data
	sources []source
	sheets  sheets
}

// sheets are what the page shows of perturbed images.
type sheets struct {
	Pictures []picture
	LeftOut  []string
}

// picture is a sheet whose type is known.
type picture struct {
	Sheet
	Type string
}

// data is what the scripts of the page read. Models are in the order of the
// cohort, which ties keep; their index is their identity, since names may
// repeat.
type data struct {
	Protocol      string          `json:"protocol"`
	Normalization string          `json:"normalization"` // paper or cohort
	AllowPartial  bool            `json:"allow_partial"`
	Dimensions    []dimension     `json:"dimensions"`
	Models        []model         `json:"models"`
	Presets       []preset        `json:"presets"`
	Details       []detail        `json:"details"`
	Correlation   correlations    `json:"correlation"`
	Acceptability []acceptability `json:"acceptability"`
	Uncertainty   *uncertain      `json:"uncertainty,omitempty"`
	Notes         []string        `json:"notes"` // of the ranking that the page starts with
	Published     *publishedRows  `json:"published,omitempty"`
	Extras        []string        `json:"extras"` // measured, without a share in the score
}

// dimension is one of the nine, with what its z is made of.
type dimension struct {
	Name   string  `json:"name"`
	Doc    string  `json:"doc"`
	Lower  bool    `json:"lower"` // lower is better
	Mean   float64 `json:"mean"`
	Std    float64 `json:"std"`
	Weight float64 `json:"weight"` // that the page starts with
}

type model struct {
	Name   string            `json:"name"`
	Labels map[string]string `json:"labels,omitempty"`
	SHA256 string            `json:"sha256,omitempty"`
	Source string            `json:"source"`
	Values map[string]value  `json:"values"`
}

type value struct {
	Value   float64  `json:"value"`
	N       int64    `json:"n,omitempty"`
	Partial bool     `json:"partial,omitempty"`
	Notes   []string `json:"notes,omitempty"`
}

// preset is a set of weights by the names of the dimensions.
type preset struct {
	Name    string             `json:"name"`
	Doc     string             `json:"doc"` // whom it is for
	Weights map[string]float64 `json:"weights"`
}

// publishedRows are the published models, with their values in the order of
// the dimensions.
type publishedRows struct {
	Names   []string    `json:"names"`
	Values  [][]float64 `json:"values"`
	Damaged []bool      `json:"damaged"`
	// Excluded says that the damaged ones are hidden at first.
	Excluded bool `json:"excluded"`
}

// New makes the page of a cohort. What cannot be ranked is an error, as is a
// result whose stored predictions cannot be read.
func New(c ranking.Cohort, o Options) (Page, error) {
	pictures, err := picturesOf(o.Sheets)
	if err != nil {
		return Page{}, err
	}
	r, err := ranking.QUBA(c, o.Ranking)
	if err != nil {
		return Page{}, err
	}
	d, err := dataOf(c, r, o)
	if err != nil {
		return Page{}, err
	}
	sources, err := sourcesOf(c)
	if err != nil {
		return Page{}, err
	}
	return Page{title: cmp.Or(o.Title, "Model ranking"), version: o.Version, data: d, sources: sources, sheets: sheets{pictures, o.WithoutSheet}}, nil
}

// picturesOf finds the types of the sheets.
func picturesOf(all []Sheet) ([]picture, error) {
	var pictures []picture
	for _, s := range all {
		kind := http.DetectContentType(s.Image)
		if kind != "image/png" && kind != "image/jpeg" {
			return nil, errors.New("the contact sheet must be a PNG or JPEG file; `pipeline preview --output` writes one")
		}
		pictures = append(pictures, picture{s, kind})
	}
	return pictures, nil
}

// dataOf collects what the scripts draw.
func dataOf(c ranking.Cohort, r ranking.Ranking, o Options) (data, error) {
	laws, err := acceptabilities(c, r, o.Uncertainty)
	if err != nil {
		return data{}, err
	}
	d := data{
		Protocol: string(c.Protocol), Normalization: string(r.Normalization), AllowPartial: o.Ranking.AllowPartial,
		Dimensions: weighted(o.Ranking.Weights), Presets: presets(), Extras: extras(c.Models), Details: []detail{},
		Correlation: correlationsOf(c, o.Ranking.AllowPartial), Acceptability: laws, Uncertainty: uncertainOf(c, o.Uncertainty),
		Notes: append([]string{}, r.NotesForReaders()...),
	}
	for i, m := range c.Models {
		d.Models = append(d.Models, modelOf(m))
		details, err := detailsOf(i, m)
		if err != nil {
			return data{}, fmt.Errorf("model %q: %w", m.Name, err)
		}
		d.Details = append(d.Details, details...)
	}
	if o.Published {
		d.Published = published()
		d.Published.Excluded = o.ExcludeDamaged
	}
	return d, nil
}

// weighted returns the nine dimensions with the weights that the page starts
// with: those that are given, else the published ones. The page leaves out
// dimensions by the same rule as ranking.QUBA.
func weighted(w ranking.Weights) []dimension {
	var all []dimension
	for _, d := range ranking.Dimensions() {
		weight := d.Weight
		for _, name := range []string{d.Name, d.Column} {
			if given, ok := w[name]; ok {
				weight = given
			}
		}
		all = append(all, dimension{
			Name: d.Name, Doc: d.Doc, Lower: d.Better == metrics.Lower,
			Mean: d.Mean, Std: d.Std, Weight: weight,
		})
	}
	return all
}

// presets are the weights that the reader can choose by one click: the
// published ones, then the scenarios.
func presets() []preset {
	all := []preset{presetOf("published", "the weights of the published score", nil)}
	for _, s := range sensitivity.Scenarios() {
		all = append(all, presetOf(s.Name, s.Doc, s.Weights))
	}
	return all
}

func presetOf(name, doc string, w ranking.Weights) preset {
	p := preset{name, doc, map[string]float64{}}
	for _, d := range weighted(w) {
		p.Weights[d.Name] = d.Weight
	}
	return p
}

func modelOf(m ranking.Model) model {
	shown := model{Name: m.Name, Labels: m.Labels, SHA256: m.SHA256, Source: m.Source, Values: map[string]value{}}
	for name, v := range m.Values {
		shown.Values[name] = value{Value: v.Value, N: v.N, Partial: v.Partial, Notes: v.Caveats()}
	}
	return shown
}

// extras lists the quantities that models have beside the nine, by name.
func extras(models []ranking.Model) []string {
	known := map[string]bool{}
	for _, d := range ranking.Dimensions() {
		known[d.Name] = true
	}
	names := []string{}
	for _, m := range models {
		for _, name := range m.Dimensions() {
			if !known[name] {
				known[name] = true
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return names
}

func published() *publishedRows {
	rows := &publishedRows{}
	for _, m := range ranking.Published().Models {
		var values []float64
		for _, d := range ranking.Dimensions() {
			values = append(values, m.Values[d.Name].Value)
		}
		rows.Names = append(rows.Names, m.Name)
		rows.Values = append(rows.Values, values)
		rows.Damaged = append(rows.Damaged, len(ranking.DamageOf(m)) > 0)
	}
	return rows
}
