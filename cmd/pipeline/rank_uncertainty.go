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

// drawUncertainty draws the stored predictions of the results.
func drawUncertainty(ctx context.Context, s rankSubject) (*uncertainty.Result, error) {
	r, err := uncertainty.Run(ctx, s.paths, uncertainty.Options{
		Draws: s.flags.draws, Seed: s.flags.seed, Level: s.flags.level, Best: s.flags.best, Ranking: s.options,
	})
	if err == nil && len(r.DataSets) == 0 && !slices.ContainsFunc(r.Models, hasInterval) {
		err = errors.New("there are no stored predictions to draw from; add the sink predictions to the config, run again, and name the result folder")
	}
	return r, err
}

// hasInterval says whether a score has one: plain proportions do without
// stored predictions.
func hasInterval(m uncertainty.Model) bool {
	for _, i := range m.Dimensions {
		if i.Low < i.High {
			return true
		}
	}
	return false
}

func uncertaintyLayer(s rankSubject) (layer, error) {
	r := s.uncertainty
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
	return fmt.Sprintf("%d %s", rank, setText(set))
}

func setText(set uncertainty.RankSet) string { return fmt.Sprintf("[%d-%d]", set.Low, set.High) }

// intervalsSection has the published names of the columns, which are short.
func intervalsSection(r *uncertainty.Result) section {
	g := grid{header: []string{"rank", "alone", "model", "quba"}}
	var present []ranking.Dimension
	for _, d := range ranking.Dimensions() {
		if slices.ContainsFunc(r.Models, func(m uncertainty.Model) bool { _, ok := m.Dimensions[d.Name]; return ok }) {
			present = append(present, d)
			g.header = append(g.header, dimensionColumns(d)...)
		}
	}
	for _, m := range r.Models {
		row := []string{"", "", m.Model, ""}
		switch {
		case m.QUBA != nil:
			row = []string{rankText(m.Rank, *m.Simultaneous), setText(*m.Marginal), m.Model, intervalText(*m.QUBA)}
		case m.Rank > 0:
			row[0] = strconv.Itoa(m.Rank)
		}
		for _, d := range present {
			row = append(row, dimensionCells(m, d)...)
		}
		g.rows = append(g.rows, row)
	}
	return section{intervalsTitle(r), g}
}

func intervalsTitle(r *uncertainty.Result) string {
	if len(r.DataSets) == 0 {
		return fmt.Sprintf("%g %% intervals of plain proportions; there are no stored predictions to draw from", 100*r.Level)
	}
	var images []string
	for _, s := range r.DataSets {
		images = append(images, strconv.Itoa(s.Images))
	}
	return fmt.Sprintf("%g %% intervals of %d draws of the base images (%s images); ranks [from-to] hold for all models at once (simultaneous), above as well, those under alone for each model by itself (marginal)",
		100*r.Level, r.Draws, strings.Join(images, ", "))
}

// biasedDimension is higher on fewer images; its value without that bias is
// shown beside it.
const biasedDimension = "calibration_error"

func dimensionColumns(d ranking.Dimension) []string {
	if d.Name == biasedDimension {
		return []string{d.Column, "bias-corrected"}
	}
	return []string{d.Column}
}

// dimensionCells are those of dimensionColumns for a model, empty where nothing
// is known.
func dimensionCells(m uncertainty.Model, d ranking.Dimension) []string {
	cells := make([]string, len(dimensionColumns(d)))
	interval, ok := m.Dimensions[d.Name]
	if ok {
		cells[0] = intervalText(interval)
	}
	if ok && interval.SE > 0 && len(cells) > 1 {
		cells[1] = significantDigits(interval.BiasCorrected)
	}
	return cells
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
		title += fmt.Sprintf("; any of %s may be %s", strings.Join(namesOf(r, r.Best.Models), ", "), bestText(r.Best.Tau))
	}
	return section{title, g}
}

func bestText(tau int) string {
	if tau == 1 {
		return "the best"
	}
	return fmt.Sprintf("among the %d best", tau)
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
		header:  []string{"better", "worse", "difference of quba", "detectable", "p", "p, Holm", "top-1 p, McNemar", "Holm"},
		numeric: map[int]bool{3: true, 4: true, 5: true, 6: true, 7: true},
	}
	for _, p := range r.Pairs {
		if p.Second != p.First+1 || len(g.rows) == mostPairs {
			continue
		}
		row := []string{r.Models[p.First].Model, r.Models[p.Second].Model}
		row = append(append(row, differenceCells(p.QUBA)...), "-", "-")
		if p.Top1 != nil {
			row[6], row[7] = briefP(p.Top1.P), briefP(p.Top1.Holm)
		}
		g.rows = append(g.rows, row)
	}
	return section{fmt.Sprintf("Differences of neighbours on the same images, p values corrected for all %d pairs; a true difference that is detectable would be found in 4 of 5 such samples", len(r.Pairs)), g}
}

// differenceCells are the difference, what is detectable, and the p values.
func differenceCells(d uncertainty.Difference) []string {
	detectable := "-"
	if d.Detectable > 0 {
		detectable = significantDigits(d.Detectable)
	}
	return []string{intervalText(d.Interval), detectable, fmt.Sprintf("%.4f", d.P), fmt.Sprintf("%.4f", d.Holm)}
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
	g := grid{header: []string{"", "difference", "detectable", "p", "p, Holm"}, numeric: map[int]bool{2: true, 3: true, 4: true}}
	add := func(name string, d uncertainty.Difference) {
		g.rows = append(g.rows, append([]string{name}, differenceCells(d)...))
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
	g := grid{header: []string{"model", "rank", "rank_low", "rank_high", "rank_alone_low", "rank_alone_high", "dimension", "value", "low", "high", "method", "se", "bias_corrected"}}
	for _, m := range r.Models {
		ranks := make([]string, 5)
		if m.Rank > 0 {
			ranks[0] = strconv.Itoa(m.Rank)
		}
		if m.QUBA != nil {
			for i, rank := range []int{m.Simultaneous.Low, m.Simultaneous.High, m.Marginal.Low, m.Marginal.High} {
				ranks[i+1] = strconv.Itoa(rank)
			}
			g.rows = append(g.rows, intervalRow(m.Model, ranks, "quba", *m.QUBA))
		}
		for _, dimension := range slices.Sorted(maps.Keys(m.Dimensions)) {
			g.rows = append(g.rows, intervalRow(m.Model, ranks, dimension, m.Dimensions[dimension]))
		}
	}
	return g
}

func intervalRow(model string, ranks []string, dimension string, i uncertainty.Interval) []string {
	return slices.Concat([]string{model}, ranks, []string{dimension, exact(i.Value), exact(i.Low), exact(i.High), string(i.Method), exact(i.SE), exact(i.BiasCorrected)})
}
