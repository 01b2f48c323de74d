package main

import (
	"fmt"
	"strconv"

	"quba/ranking/sensitivity"
)

func whyLayer(s rankSubject) (layer, error) {
	m, err := sensitivity.New(s.ranking)
	if err != nil {
		return layer{}, err
	}
	l := layer{key: "why", exact: grid{header: []string{"model", "dimension", "value", "z", "weight", "points", "to_gain"}}}
	var explanations []sensitivity.Explanation
	for _, name := range s.flags.why {
		row, err := m.Row(name)
		if err != nil {
			return layer{}, err
		}
		e, err := m.Why(row)
		if err != nil {
			return layer{}, err
		}
		explanations = append(explanations, e)
		l.sections = append(l.sections, section{whyTitle(e), whyGrid(e)})
		for _, c := range e.Dimensions {
			l.exact.rows = append(l.exact.rows, []string{e.Model, c.Dimension, exact(c.Value), exact(c.Z), exact(c.Weight), exact(c.Points), exactOrNothing(c.ToGain)})
		}
	}
	l.doc = explanations
	return l, nil
}

func whyTitle(e sensitivity.Explanation) string {
	title := fmt.Sprintf("Why %s is at rank %d with %.4f: points are weight x z and add up to the score", e.Model, e.Rank, e.Score)
	if e.Next == nil {
		return title
	}
	return fmt.Sprintf("%s; alone, a value better than that in the last column would pass %s (rank %d, %.4f more)", title, e.Next.Model, e.Next.Rank, e.Next.Gap)
}

func whyGrid(e sensitivity.Explanation) grid {
	g := grid{
		header:  []string{"dimension", "value", "z", "weight", "points", "to gain a rank"},
		numeric: map[int]bool{1: true, 2: true, 3: true, 4: true, 5: true},
	}
	for _, c := range e.Dimensions {
		gain := "-"
		if c.ToGain != nil {
			gain = significantDigits(*c.ToGain)
		}
		g.rows = append(g.rows, []string{
			c.Dimension, significantDigits(c.Value), fmt.Sprintf("%+.2f", c.Z), fmt.Sprintf("%.3f", c.Weight), fmt.Sprintf("%+.4f", c.Points), gain,
		})
	}
	return g
}

func significantDigits(v float64) string { return strconv.FormatFloat(v, 'g', 4, 64) }

// exactOrNothing is empty for nil.
func exactOrNothing(v *float64) string {
	if v == nil {
		return ""
	}
	return exact(*v)
}

func compareLayer(s rankSubject) (layer, error) {
	m, err := sensitivity.New(s.ranking)
	if err != nil {
		return layer{}, err
	}
	a, err := m.Row(s.flags.compare[0])
	if err != nil {
		return layer{}, err
	}
	b, err := m.Row(s.flags.compare[1])
	if err != nil {
		return layer{}, err
	}
	c, err := m.Compare(a, b)
	if err != nil {
		return layer{}, err
	}
	title := fmt.Sprintf("%s (rank %d, %.4f) against %s (rank %d, %.4f): points add up to the difference of %+.4f", c.A, c.RankA, c.ScoreA, c.B, c.RankB, c.ScoreB, c.ScoreA-c.ScoreB)
	g := grid{header: []string{"dimension", c.A, c.B, "points"}, numeric: map[int]bool{1: true, 2: true, 3: true}}
	csv := grid{header: []string{"dimension", "value_a", "value_b", "points"}}
	for _, d := range c.Dimensions {
		g.rows = append(g.rows, []string{d.Dimension, significantDigits(d.ValueA), significantDigits(d.ValueB), fmt.Sprintf("%+.4f", d.Points)})
		csv.rows = append(csv.rows, []string{d.Dimension, exact(d.ValueA), exact(d.ValueB), exact(d.Points)})
	}
	return layer{key: "compare", sections: []section{{title, g}}, exact: csv, doc: c}, nil
}
