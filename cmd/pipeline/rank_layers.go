package main

import (
	"context"
	"fmt"

	"github.com/spf13/pflag"

	"quba/ranking"
	"quba/ranking/uncertainty"
)

// layerFlags ask for what is printed below the table of `pipeline rank`.
type layerFlags struct {
	uncertainty  bool
	level        float64
	best         int
	why          []string
	compare      []string
	sensitivity  bool
	draws        int
	correlations bool
	opinions     bool
	groups       string
	match        string
	correction   string
}

func (f *layerFlags) add(flags *pflag.FlagSet) {
	flags.BoolVar(&f.uncertainty, "uncertainty", false, "add intervals and the ranks that other images could give, from the stored predictions")
	flags.Float64Var(&f.level, "level", 0.95, "with --uncertainty: confidence `level` of intervals and ranks")
	flags.IntVar(&f.best, "best", 1, "with --uncertainty: name all models that may be among the `N` best")
	flags.StringArrayVar(&f.why, "why", nil, "add what the score of this `model` is made of and what would lift it; may be repeated")
	flags.StringSliceVar(&f.compare, "compare", nil, "add where the difference of two models comes from, `A,B`")
	flags.BoolVar(&f.sensitivity, "sensitivity", false, "add how far the ranks depend on the weights; with --uncertainty, on weights and images together")
	flags.IntVar(&f.draws, "draws", 0, "random draws of --uncertainty and of --sensitivity; 0 is 2000 and 10000")
	flags.BoolVar(&f.correlations, "correlations", false, "add Spearman's correlations of the dimensions")
	flags.BoolVar(&f.opinions, "opinions", false, "add the ranks by other rules than QUBA's")
	flags.StringVar(&f.groups, "groups", "", "compare groups of models by this `label`")
	flags.StringVar(&f.match, "match", "accuracy", "with --groups: compare models that are alike in this `dimension` or label; none compares all with all")
	flags.StringVar(&f.correction, "correction", "holm", "with --groups: how p values are corrected, holm or bh (Benjamini-Hochberg)")
}

// rankSubject is what the layers of a ranking are made from.
type rankSubject struct {
	paths   []string
	cohort  ranking.Cohort
	ranking ranking.Ranking
	options ranking.Options
	flags   rankFlags
	// uncertainty is nil unless it was asked for.
	uncertainty *uncertainty.Result
}

// layer is one thing that is said of a ranking.
type layer struct {
	// key names it in the JSON document.
	key      string
	sections []section
	// exact is its one table in CSV.
	exact grid
	doc   any
	notes []string
	// amend changes the table of the ranking; nil leaves it as it is.
	amend func(*grid)
}

// section is a table with a line above it.
type section struct {
	title string
	grid  grid
}

// layered is a ranking with its layers.
type layered struct {
	table, exact grid
	doc          any
	notes        []string
	layers       []layer
}

// layerMaker makes the layer of a flag.
type layerMaker struct {
	flag  string
	asked bool
	make  func(rankSubject) (layer, error)
}

// makers are all layers, in the order in which they are printed.
func (f layerFlags) makers() []layerMaker {
	return []layerMaker{
		{"--uncertainty", f.uncertainty, uncertaintyLayer},
		{"--why", len(f.why) > 0, whyLayer},
		{"--compare", len(f.compare) > 0, compareLayer},
		{"--sensitivity", f.sensitivity, sensitivityLayer},
		{"--correlations", f.correlations, correlationsLayer},
		{"--opinions", f.opinions, opinionsLayer},
		{"--groups", f.groups != "", groupsLayer},
	}
}

// chosen are the flags of the layers that were asked for.
func (f layerFlags) chosen() []string {
	var flags []string
	for _, m := range f.makers() {
		if m.asked {
			flags = append(flags, m.flag)
		}
	}
	return flags
}

// mostDraws has a Monte Carlo error of 0.0002; more only take longer.
const mostDraws = 10_000_000

// check finds mistakes in the flags before anything is read.
func (f layerFlags) check() error {
	if _, err := f.groupOptions(); err != nil {
		return err
	}
	if n := len(f.compare); n != 0 && n != 2 {
		return usagef("--compare takes two models, A,B; got %d", n)
	}
	if f.draws < 0 || f.draws > mostDraws {
		return usagef("--draws must be 0..%d, got %d", mostDraws, f.draws)
	}
	if f.uncertainty && f.draws > 0 {
		if err := uncertainty.CheckDraws(f.draws); err != nil {
			return usagef("--%w", err)
		}
	}
	if f.best < 1 {
		return usagef("--best must be at least 1, got %d", f.best)
	}
	return checkLevel(f.level)
}

func checkLevel(level float64) error {
	if !(level > 0 && level < 1) {
		return usagef("--level must be above 0 and below 1, got %v", level)
	}
	return nil
}

func (s rankSubject) layers(ctx context.Context) ([]layer, error) {
	if s.flags.uncertainty {
		var err error
		if s.uncertainty, err = drawUncertainty(ctx, s); err != nil {
			return nil, dataError(fmt.Errorf("--uncertainty: %w", err))
		}
	}
	var layers []layer
	for _, m := range s.flags.makers() {
		if !m.asked {
			continue
		}
		l, err := m.make(s)
		if err != nil {
			return nil, dataError(fmt.Errorf("%s: %w", m.flag, err))
		}
		layers = append(layers, l)
	}
	return layers, nil
}

// layerDocs are the JSON forms by key.
func layerDocs(layers []layer) map[string]any {
	docs := map[string]any{}
	for _, l := range layers {
		docs[l.key] = l.doc
	}
	return docs
}

// writeLayers prints the table and the layers below it, all in one JSON
// document, or in CSV the one layer instead of the table.
func (a *app) writeLayers(out layered) error {
	notes := out.notes
	for _, l := range out.layers {
		notes = append(notes, l.notes...)
	}
	if a.format == "json" {
		return writeJSON(a.stdout, out.doc)
	}
	defer a.notes(notes)
	if a.format == "csv" {
		if len(out.layers) > 0 {
			return out.layers[0].exact.render(a.stdout, a.format)
		}
		return out.exact.render(a.stdout, a.format)
	}
	for _, l := range out.layers {
		if l.amend != nil {
			l.amend(&out.table)
		}
	}
	if err := out.table.render(a.stdout, a.format); err != nil {
		return err
	}
	for _, l := range out.layers {
		for _, s := range l.sections {
			if err := a.writeSection(s); err != nil {
				return err
			}
		}
	}
	return nil
}

func (a *app) writeSection(s section) error {
	title := printable(s.title)
	if a.format == "md" {
		title = "### " + markdownText(title) + "\n"
	}
	if _, err := fmt.Fprintf(a.stdout, "\n%s\n", title); err != nil {
		return err
	}
	return s.grid.render(a.stdout, a.format)
}
