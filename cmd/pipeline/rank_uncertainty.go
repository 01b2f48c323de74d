package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"quba/ranking"
	"quba/ranking/uncertainty"
)

// mostPairs is how many differences of neighbours are shown.
const mostPairs = 20

func uncertaintyLayer(ctx context.Context, s rankSubject) (layer, error) {
	r, err := uncertainty.Run(ctx, s.paths, uncertainty.Options{Draws: s.flags.draws, Seed: s.flags.seed, Level: s.flags.level, StepDown: true, Ranking: s.options})
	if err != nil {
		return layer{}, err
	}
	if len(r.DataSets) == 0 {
		return layer{}, errors.New("there are no stored predictions to draw from; add the sink predictions to the config, run again, and name the result folder")
	}
	l := layer{key: "uncertainty", doc: r, notes: r.Notes, exact: exactIntervals(r), amend: rankSetsInto(r)}
	l.sections = []section{intervalsSection(r)}
	if len(r.Pairs) > 0 {
		l.sections = append(l.sections, separableSection(r), neighboursSection(r))
	}
	if p, ok := pairOf(r, s.flags.compare); ok {
		l.sections = append(l.sections, differencesSection(r, p))
	}
	return l, nil
}

// rankSetsInto shows ranks as "3 [2-5]" in the table, with the simultaneous
// sets since all ranks are read together. Models are in the same order.
func rankSetsInto(r *uncertainty.Result) func(*grid) {
	return func(g *grid) {
		for i, m := range r.Models {
			if m.Simultaneous != nil {
				g.rows[i][0] = rankText(m.Rank, *m.Simultaneous)
			}
		}
	}
}

func rankText(rank int, set uncertainty.RankSet) string {
	return fmt.Sprintf("%d [%d-%d]", rank, set.Low, set.High)
}

// intervalsSection has the published names of the columns, which are short.
func intervalsSection(r *uncertainty.Result) section {
	g := grid{header: []string{"rank", "model", "quba"}}
	var present []ranking.Dimension
	for _, d := range ranking.Dimensions() {
		if slices.ContainsFunc(r.Models, func(m uncertainty.Model) bool { _, ok := m.Dimensions[d.Name]; return ok }) {
			present = append(present, d)
			g.header = append(g.header, d.Column)
		}
	}
	for _, m := range r.Models {
		row := []string{"", m.Model, ""}
		if m.QUBA != nil {
			row[0], row[2] = rankText(m.Rank, *m.Marginal), intervalText(*m.QUBA)
		}
		for _, d := range present {
			text := ""
			if interval, ok := m.Dimensions[d.Name]; ok {
				text = intervalText(interval)
			}
			row = append(row, text)
		}
		g.rows = append(g.rows, row)
	}
	return section{fmt.Sprintf("%g %% intervals of %d draws of the base images (%s); ranks of each model by itself, above those of all at once",
		100*r.Level, r.Draws, imagesText(r.DataSets)), g}
}

func imagesText(sets []uncertainty.DataSet) string {
	if len(sets) == 0 {
		return "no stored predictions"
	}
	var words []string
	for _, s := range sets {
		words = append(words, strconv.Itoa(s.Images))
	}
	return strings.Join(words, ", ") + " images"
}

func intervalText(i uncertainty.Interval) string {
	if i.Low == i.High {
		return significantDigits(i.Value)
	}
	return fmt.Sprintf("%s [%s, %s]", significantDigits(i.Value), significantDigits(i.Low), significantDigits(i.High))
}

func separableSection(r *uncertainty.Result) section {
	g := grid{header: []string{"group", "models"}, numeric: map[int]bool{0: true}}
	for k, group := range r.TieGroups {
		g.rows = append(g.rows, []string{strconv.Itoa(k + 1), strings.Join(namesOf(r, group), ", ")})
	}
	title := fmt.Sprintf("Groups that the images tell apart for sure (%g %% for all cuts)", 100*r.Level)
	if r.Best != nil {
		title += fmt.Sprintf("; any of %s may be the best", strings.Join(namesOf(r, r.Best.Models), ", "))
	}
	return section{title, g}
}

func namesOf(r *uncertainty.Result, places []int) []string {
	var names []string
	for _, at := range places {
		names = append(names, r.Models[at].Model)
	}
	return names
}

func neighboursSection(r *uncertainty.Result) section {
	g := grid{
		header:  []string{"better", "worse", "difference of quba", "p", "p, Holm", "top-1 p, McNemar", "Holm"},
		numeric: map[int]bool{3: true, 4: true, 5: true, 6: true},
	}
	for _, p := range r.Pairs {
		if p.Second != p.First+1 || len(g.rows) == mostPairs {
			continue
		}
		row := []string{r.Models[p.First].Model, r.Models[p.Second].Model, intervalText(p.QUBA.Interval), fmt.Sprintf("%.4f", p.QUBA.P), fmt.Sprintf("%.4f", p.QUBA.Holm), "-", "-"}
		if p.Top1 != nil {
			row[5], row[6] = briefP(p.Top1.P), briefP(p.Top1.Holm)
		}
		g.rows = append(g.rows, row)
	}
	return section{fmt.Sprintf("Differences of neighbours on the same images, p values corrected for all %d pairs", len(r.Pairs)), g}
}

// pairOf finds the pair of two models by their names.
func pairOf(r *uncertainty.Result, names []string) (uncertainty.Pair, bool) {
	at := slices.IndexFunc(r.Pairs, func(p uncertainty.Pair) bool {
		pair := []string{r.Models[p.First].Model, r.Models[p.Second].Model}
		return len(names) == len(pair) && slices.Contains(names, pair[0]) && slices.Contains(names, pair[1])
	})
	if at < 0 {
		return uncertainty.Pair{}, false
	}
	return r.Pairs[at], true
}

// differencesSection has QUBA first, then the dimensions in their order.
func differencesSection(r *uncertainty.Result, p uncertainty.Pair) section {
	g := grid{header: []string{"", "difference", "p", "p, Holm"}, numeric: map[int]bool{2: true, 3: true}}
	add := func(name string, d uncertainty.Difference) {
		g.rows = append(g.rows, []string{name, intervalText(d.Interval), fmt.Sprintf("%.4f", d.P), fmt.Sprintf("%.4f", d.Holm)})
	}
	add("quba", p.QUBA)
	for _, d := range ranking.Dimensions() {
		if difference, ok := p.Dimensions[d.Name]; ok {
			add(d.Name, difference)
		}
	}
	return section{fmt.Sprintf("%s less %s on the same images", r.Models[p.First].Model, r.Models[p.Second].Model), g}
}

// exactIntervals has a row for QUBA and each dimension of each model.
func exactIntervals(r *uncertainty.Result) grid {
	g := grid{header: []string{"model", "rank", "rank_low", "rank_high", "dimension", "value", "low", "high", "method"}}
	for _, m := range r.Models {
		ranks := []string{"", "", ""}
		if m.QUBA != nil {
			ranks = []string{strconv.Itoa(m.Rank), strconv.Itoa(m.Simultaneous.Low), strconv.Itoa(m.Simultaneous.High)}
			g.rows = append(g.rows, intervalRow(m.Model, ranks, "quba", *m.QUBA))
		}
		for _, dimension := range slices.Sorted(maps.Keys(m.Dimensions)) {
			g.rows = append(g.rows, intervalRow(m.Model, ranks, dimension, m.Dimensions[dimension]))
		}
	}
	return g
}

func intervalRow(model string, ranks []string, dimension string, i uncertainty.Interval) []string {
	return slices.Concat([]string{model}, ranks, []string{dimension, exact(i.Value), exact(i.Low), exact(i.High), string(i.Method)})
}
