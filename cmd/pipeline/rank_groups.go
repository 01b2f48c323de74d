package main

import (
	"fmt"
	"strconv"
	"strings"

	"quba/pipeline/registry"
	"quba/ranking/groups"
)

type groupDoc struct {
	Group  string `json:"group"`
	Models int    `json:"models"`
}

// effectDoc says how group A differs from group B; a positive delta means
// that A is better.
type effectDoc struct {
	A          string  `json:"a"`
	B          string  `json:"b"`
	Dimension  string  `json:"dimension"`
	NA         int     `json:"n_a"`
	NB         int     `json:"n_b"`
	Strata     int     `json:"strata"`
	Delta      float64 `json:"cliffs_delta"`
	Difference float64 `json:"median_difference"`
	P          float64 `json:"p"`
	Adjusted   float64 `json:"p_adjusted"`
}

type groupsDoc struct {
	Label      string            `json:"label"`
	Match      string            `json:"match,omitempty"`
	Correction groups.Correction `json:"correction"`
	Groups     []groupDoc        `json:"groups"`
	Effects    []effectDoc       `json:"effects"`
	Notes      []string          `json:"notes,omitempty"`
}

// groupOptions are those of the flags.
func (f layerFlags) groupOptions() (groups.Options, error) {
	correction := groups.Correction(f.correction)
	if correction != groups.Holm && correction != groups.BenjaminiHochberg {
		return groups.Options{}, usagef("--correction: %w", registry.Unknown("correction", f.correction, []string{string(groups.Holm), string(groups.BenjaminiHochberg)}))
	}
	o := groups.Options{Label: f.groups, Match: f.match, Correction: correction}
	if f.match == "none" {
		o.Match = ""
	}
	return o, nil
}

func groupsLayer(s rankSubject) (layer, error) {
	o, err := s.flags.groupOptions()
	if err != nil {
		return layer{}, err
	}
	o.Seed, o.AllowPartial = s.flags.seed, s.options.AllowPartial
	c, err := groups.Compare(s.cohort, o)
	if err != nil {
		return layer{}, err
	}
	return layer{
		key:      "groups",
		sections: []section{{groupsTitle(c), effectsGrid(c)}},
		exact:    exactEffects(c),
		doc:      groupsDocOf(c),
		notes:    c.Notes,
	}, nil
}

func groupsTitle(c groups.Comparison) string {
	var sizes []string
	for _, g := range c.Groups {
		sizes = append(sizes, fmt.Sprintf("%s %d", g.Name, g.Size))
	}
	alike := "all models"
	if c.Match != "" {
		alike = "models alike in " + c.Match
	}
	return fmt.Sprintf("Groups by %s (%s): %s. Cliff's delta is positive where a is better, * where corrected p (%s) is at most %g",
		c.Label, strings.Join(sizes, ", "), alike, c.Correction, significant)
}

func effectsGrid(c groups.Comparison) grid {
	g := grid{
		header:  []string{"a", "b", "dimension", "n", "delta", "median difference", "p", "corrected p"},
		numeric: map[int]bool{3: true, 4: true, 5: true, 6: true, 7: true},
	}
	for _, e := range c.Effects {
		g.rows = append(g.rows, []string{
			e.A, e.B, e.Dimension, fmt.Sprintf("%d, %d", e.NA, e.NB), fmt.Sprintf("%.2f%s", e.Delta, mark(e.Adjusted)),
			strconv.FormatFloat(e.Difference, 'g', 3, 64), fmt.Sprintf("%.4f", e.P), fmt.Sprintf("%.4f", e.Adjusted),
		})
	}
	return g
}

func exactEffects(c groups.Comparison) grid {
	g := grid{header: []string{"a", "b", "dimension", "n_a", "n_b", "strata", "cliffs_delta", "median_difference", "p", "p_adjusted"}}
	for _, e := range c.Effects {
		g.rows = append(g.rows, []string{
			e.A, e.B, e.Dimension, strconv.Itoa(e.NA), strconv.Itoa(e.NB), strconv.Itoa(e.Strata),
			exact(e.Delta), exact(e.Difference), exact(e.P), exact(e.Adjusted),
		})
	}
	return g
}

func groupsDocOf(c groups.Comparison) groupsDoc {
	doc := groupsDoc{Label: c.Label, Match: c.Match, Correction: c.Correction, Effects: []effectDoc{}, Notes: c.Notes}
	for _, g := range c.Groups {
		doc.Groups = append(doc.Groups, groupDoc{g.Name, g.Size})
	}
	for _, e := range c.Effects {
		doc.Effects = append(doc.Effects, effectDoc(e))
	}
	return doc
}
