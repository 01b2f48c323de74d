// Package figures draws a ranking and what is behind it as figures for papers:
// at the widths of a column or of a page, in colours that people with colour
// blindness tell apart, with their fonts inside. It reads results, never a
// model. The same results give the same bytes.
package figures

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"quba/metrics"
	"quba/pipeline/registry"
	"quba/ranking"
	"quba/ranking/uncertainty"
)

// Options choose what is drawn.
type Options struct {
	// Ranking is how the models are ranked.
	Ranking ranking.Options
	// Uncertainty gives intervals and rank sets; it must be of the same results
	// and Ranking. Nil leaves them out.
	Uncertainty *uncertainty.Result
	// X and Y are the dimensions of the scatter; "" is the first, or the second,
	// that any model has.
	X, Y string
	// Published are models to be drawn behind the others in the scatter.
	Published []ranking.Model
}

// Figure is a drawing that can be written.
type Figure struct {
	// Name is that of a file without its ending: small letters, digits, hyphens.
	Name string
	// Width and Height are those on paper.
	Width, Height vg.Length
	draw          func(draw.Canvas)
}

// Set holds the figures of a ranking.
type Set struct {
	Figures []Figure
	// Notes say which figures are left out and which do not show all, and why.
	Notes []string
}

// maker draws the figures of one kind.
type maker struct {
	name string
	make func(subject) ([]Figure, error)
}

// makers are in the order in which figures are made.
var makers = []maker{
	{"ranking", rankingFigures},
	{"scatter", scatterFigures},
	{"acceptability", acceptabilityFigures},
	{"correlation", correlationFigures},
	{"corruptions", corruptionFigures},
	{"reliability", reliabilityFigures},
	{"shape-bias", shapeBiasFigures},
	{"attacks", attackFigures},
}

// lacking says why there is no figure of a kind.
type lacking string

func (l lacking) Error() string { return string(l) }

// New draws every figure for which the cohort has the data. What cannot be
// ranked is an error, as is a dimension that no model has.
func New(c ranking.Cohort, o Options) (Set, error) {
	s, err := newSubject(c, o)
	if err != nil {
		return Set{}, err
	}
	var set Set
	for _, m := range makers {
		made, err := m.make(s)
		var reason lacking
		switch {
		case errors.As(err, &reason):
			set.Notes = append(set.Notes, fmt.Sprintf("no figure %s: %s", m.name, reason))
		case err != nil:
			return Set{}, fmt.Errorf("figure %s: %w", m.name, err)
		}
		set.Figures = append(set.Figures, made...)
	}
	set.Notes = append(set.Notes, *s.notes...)
	return set, nil
}

// subject is what figures are made of.
type subject struct {
	options Options
	cohort  ranking.Cohort
	ranking ranking.Ranking
	models  []shown // best first, as in the ranking
	notes   *[]string
}

// shown is a model with what figures need of it.
type shown struct {
	ranking.Ranked
	label     string // its name, told apart from that of others
	uncertain *uncertainty.Model
}

func newSubject(c ranking.Cohort, o Options) (subject, error) {
	r, err := ranking.QUBA(c, o.Ranking)
	if err != nil {
		return subject{}, err
	}
	s := subject{options: o, cohort: c, ranking: r, notes: new([]string)}
	for i, label := range labelsOf(r.Models) {
		s.models = append(s.models, shown{Ranked: r.Models[i], label: label, uncertain: uncertainOf(r.Models[i].Model, o.Uncertainty)})
	}
	return s, s.chooseAxes()
}

// chooseAxes finds the dimensions of the scatter.
func (s *subject) chooseAxes() error {
	var known []string
	for _, d := range ranking.Dimensions() {
		if slices.ContainsFunc(s.models, func(m shown) bool { _, ok := m.Values[d.Name]; return ok }) {
			known = append(known, d.Name)
		}
	}
	for i, axis := range []*string{&s.options.X, &s.options.Y} {
		switch {
		case *axis == "" && i < len(known):
			*axis = known[i]
		case *axis != "" && !slices.Contains(known, *axis):
			return registry.Unknown("dimension", *axis, known)
		}
	}
	return nil
}

// note keeps a caveat of a figure.
func (s subject) note(format string, args ...any) {
	*s.notes = append(*s.notes, fmt.Sprintf(format, args...))
}

// first returns at most n models, and notes what a figure leaves out.
func (s subject) first(models []shown, n int, figure string) []shown {
	if len(models) <= n {
		return models
	}
	s.note("figure %s shows the first %d of %d models", figure, n, len(models))
	return models[:n]
}

// having are the models whose parts of a metric will do.
func (s subject) having(metric string, will func([]metrics.Part) bool) []shown {
	var models []shown
	for _, m := range s.models {
		if will(m.partsOf(metric)) {
			models = append(models, m)
		}
	}
	return models
}

// partsOf are those of the dimension that a metric made.
func (m shown) partsOf(metric string) []metrics.Part {
	for _, name := range m.Dimensions() {
		v := m.Values[name]
		if v.Origin.Metric == metric || v.Origin.Metric == "" && name == metric {
			return v.Parts
		}
	}
	return nil
}

// uncertainOf finds the uncertainty of a model, nil where there is none. Names
// repeat in tables, where each row is a source of its own.
func uncertainOf(m ranking.Model, r *uncertainty.Result) *uncertainty.Model {
	if r == nil || len(r.DataSets) == 0 {
		return nil
	}
	for i := range r.Models {
		if r.Models[i].Model == m.Name && r.Models[i].Source == m.Source {
			return &r.Models[i]
		}
	}
	return nil
}

// interval returns the ends of a drawn interval; ok is false where it says no
// more than the value.
func interval(i uncertainty.Interval) (low, high float64, ok bool) {
	return i.Low, i.High, i.Method != uncertainty.Constant && i.Method != uncertainty.None
}

// words is a name in snake case as people write it.
func words(name string) string { return strings.ReplaceAll(name, "_", " ") }

// acronyms are words that stay in capitals.
var acronyms = map[string]string{"ood": "OOD", "jpeg": "JPEG", "fgsm": "FGSM", "pgd": "PGD", "apgd": "APGD", "l2": "L2"}

// capital is words with a capital letter.
func capital(name string) string {
	list := strings.Split(name, "_")
	for i, word := range list {
		if full, ok := acronyms[word]; ok {
			list[i] = full
		}
	}
	text := strings.Join(list, " ")
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + text[1:]
}
