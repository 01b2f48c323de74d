// Package groups compares groups of models, as a label names them, dimension
// by dimension: among models that are alike in something else, which group is
// better, by how much, and how likely chance alone would do that.
package groups

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"quba/internal/stats"
	"quba/metrics"
	"quba/pipeline/registry"
	"quba/ranking"
)

// Correction is how p values are adjusted for the number of tests.
type Correction string

const (
	// Holm bounds the chance of any false difference.
	Holm Correction = "holm"
	// BenjaminiHochberg bounds the expected share of false differences.
	BenjaminiHochberg Correction = "bh"
)

const (
	// minSize is how many models a group must have: 3 against 3 can be told
	// apart at the level 0.1 only.
	minSize = 3
	// maxGroups keeps a label that names nearly every model from being compared
	// pair by pair.
	maxGroups = 12
	// defaultStrata remove about nine tenths of what a matched dimension alone
	// would explain (Cochran 1968).
	defaultStrata = 5
	defaultDraws  = 9999
)

// Options choose what is compared. Only Label must be given.
type Options struct {
	// Label names the groups; models without it are left out.
	Label string
	// Match is the dimension or the other label in which models must be alike
	// to be compared; "" compares all with all.
	Match string
	// Strata is the number of classes of equal size that a matched dimension is
	// cut into; 0 means 5.
	Strata int
	// Draws is the number of random permutations; 0 means 9999.
	Draws int
	Seed  uint64
	// Correction is Holm where empty.
	Correction Correction
	// AllowPartial counts values that were made without some of their parts.
	AllowPartial bool
}

// Comparison is the outcome: every pair of groups in every dimension.
type Comparison struct {
	Label, Match string
	Correction   Correction
	Groups       []Group // by name
	Effects      []Effect
	Notes        []string
}

// Group is the models with one value of the label.
type Group struct {
	Name string
	Size int
}

// Effect says how group A differs from group B in a dimension.
type Effect struct {
	A, B, Dimension string
	// NA and NB are the models in strata that have both groups, and Strata is
	// how many of those there are.
	NA, NB, Strata int
	// Delta is Cliff's delta within strata, -1 to 1: of all matched pairs, the
	// share in which A is better less the share in which B is.
	Delta float64
	// Difference is the median of A's value less B's over all matched pairs
	// (Hodges and Lehmann), in the unit of the dimension.
	Difference float64
	// P is the two-sided p value of Delta under permutations of the label
	// within strata, and Adjusted the same corrected for all tests of the
	// comparison.
	P, Adjusted float64
}

// Compare compares all groups of the label in all dimensions but the matched
// one. A label that no model has, or that makes fewer than 2 groups of at least
// 3 models or more than 12, is an error.
func Compare(c ranking.Cohort, o Options) (Comparison, error) {
	o = o.withDefaults()
	strata, err := stratify(c.Models, o)
	if err != nil {
		return Comparison{}, err
	}
	r := Comparison{Label: o.Label, Match: o.Match, Correction: o.Correction}
	members, err := r.choose(c.Models, o.Label)
	if err != nil {
		return Comparison{}, err
	}
	for i, a := range r.Groups {
		for _, b := range r.Groups[i+1:] {
			r.comparePair(pair{a.Name, b.Name, members[a.Name], members[b.Name]}, c.Models, strata, o)
		}
	}
	r.adjust()
	r.Notes = append(r.Notes, "p values take models within a stratum as exchangeable; models of one family resemble each other, which makes p values too small")
	return r, nil
}

func (o Options) withDefaults() Options {
	if o.Strata == 0 {
		o.Strata = defaultStrata
	}
	if o.Draws == 0 {
		o.Draws = defaultDraws
	}
	if o.Correction == "" {
		o.Correction = Holm
	}
	return o
}

// choose finds the groups that are large enough; members are places in models.
func (r *Comparison) choose(models []ranking.Model, label string) (members map[string][]int, err error) {
	members = map[string][]int{}
	for i, m := range models {
		if name := m.Labels[label]; name != "" {
			members[name] = append(members[name], i)
		}
	}
	if len(members) == 0 {
		return nil, unknownLabel(models, label)
	}
	var small []string
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if len(members[name]) < minSize {
			small = append(small, name)
			continue
		}
		r.Groups = append(r.Groups, Group{name, len(members[name])})
	}
	if n := len(r.Groups); n < 2 || n > maxGroups {
		return nil, fmt.Errorf("label %q must make 2 to %d groups of at least %d models, makes %d; choose another label, or rank more models", label, maxGroups, minSize, n)
	}
	if len(small) > 0 {
		r.Notes = append(r.Notes, fmt.Sprintf("groups of fewer than %d models are left out: %s", minSize, strings.Join(small, ", ")))
	}
	return members, nil
}

func unknownLabel(models []ranking.Model, label string) error {
	known := labelsOf(models)
	if len(known) == 0 {
		return fmt.Errorf("no model has labels, so none has %q; give models labels in their config, or name a table with such a column", label)
	}
	return registry.Unknown("label", label, known)
}

func labelsOf(models []ranking.Model) []string {
	known := map[string]bool{}
	for _, m := range models {
		for name, value := range m.Labels {
			known[name] = known[name] || value != ""
		}
	}
	maps.DeleteFunc(known, func(_ string, used bool) bool { return !used })
	return slices.Sorted(maps.Keys(known))
}

// pair is two groups with the places of their models.
type pair struct {
	nameA, nameB string
	a, b         []int
}

func (r *Comparison) comparePair(p pair, models []ranking.Model, strata map[int]int, o Options) {
	var apart []string
	for _, d := range ranking.Dimensions() {
		if d.Name == o.Match || d.Column == o.Match {
			continue
		}
		s := sampleOf(p, models, strata, d, o.AllowPartial)
		if len(s.a)+len(s.b) == 0 {
			continue
		}
		matched := s.matched()
		if len(matched) == 0 {
			apart = append(apart, d.Name)
			continue
		}
		r.Effects = append(r.Effects, effectOf(p, d, matched, o))
	}
	if len(apart) > 0 {
		r.Notes = append(r.Notes, fmt.Sprintf("%s and %s have no models alike in %s to compare by %s", p.nameA, p.nameB, o.Match, strings.Join(apart, ", ")))
	}
}

func effectOf(p pair, d ranking.Dimension, matched []stratum, o Options) Effect {
	e := Effect{A: p.nameA, B: p.nameB, Dimension: d.Name, Strata: len(matched)}
	for _, s := range matched {
		e.NA += len(s.a)
		e.NB += len(s.b)
	}
	t := newDeltaTest(matched)
	e.Delta = t.delta()
	if d.Better == metrics.Lower {
		e.Delta = -e.Delta
	}
	e.Difference = medianDifference(matched)
	e.P = t.p(key(o.Seed, p.nameA, p.nameB, d.Name), o.Draws)
	return e
}

func (r *Comparison) adjust() {
	p := make([]float64, len(r.Effects))
	for i, e := range r.Effects {
		p[i] = e.P
	}
	adjust := stats.Holm
	if r.Correction == BenjaminiHochberg {
		adjust = stats.BenjaminiHochberg
	}
	for i, adjusted := range adjust(p) {
		r.Effects[i].Adjusted = adjusted
	}
}

// valueOf is NaN where the dimension is not there in full.
func valueOf(m ranking.Model, dimension string, allowPartial bool) float64 {
	v, ok := m.Values[dimension]
	if !ok || v.Partial && !allowPartial {
		return math.NaN()
	}
	return v.Value
}
