package groups

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat"

	"quba/internal/stats"
	"quba/pipeline/registry"
	"quba/ranking"
)

// stratify gives models that are alike the same number, by their place. A
// model that lacks what is matched has none and is not compared.
func stratify(models []ranking.Model, o Options) (map[int]int, error) {
	if o.Match == "" {
		strata := map[int]int{}
		for i := range models {
			strata[i] = 0
		}
		return strata, nil
	}
	if o.Match == o.Label {
		return nil, fmt.Errorf("groups of %q cannot be matched on %q itself; match on another label or a dimension", o.Label, o.Match)
	}
	for _, d := range ranking.Dimensions() {
		if o.Match == d.Name || o.Match == d.Column {
			return byDimension(models, d.Name, o)
		}
	}
	return byLabel(models, o.Match)
}

// byDimension cuts the models into classes of equal size by their value, as far
// as equal values, which are in one class, allow.
func byDimension(models []ranking.Model, dimension string, o Options) (map[int]int, error) {
	var places []int
	var values []float64
	for i, m := range models {
		if v := valueOf(m, dimension, o.AllowPartial); !math.IsNaN(v) {
			places, values = append(places, i), append(values, v)
		}
	}
	if len(values) == 0 {
		return nil, fmt.Errorf("no model has %s in full, so none can be matched on it; match on another dimension or on a label", dimension)
	}
	strata := map[int]int{}
	for k, rank := range stats.AverageRanks(values) {
		strata[places[k]] = int((rank - 0.5) * float64(o.Strata) / float64(len(values)))
	}
	return strata, nil
}

func byLabel(models []ranking.Model, label string) (map[int]int, error) {
	numbers, strata := map[string]int{}, map[int]int{}
	for i, m := range models {
		value := m.Labels[label]
		if value == "" {
			continue
		}
		if _, seen := numbers[value]; !seen {
			numbers[value] = len(numbers)
		}
		strata[i] = numbers[value]
	}
	if len(strata) > 0 {
		return strata, nil
	}
	known := labelsOf(models)
	for _, d := range ranking.Dimensions() {
		known = append(known, d.Name)
	}
	return nil, registry.Unknown("dimension or label to match on", label, known)
}

// stratum is the values of two groups among models that are alike.
type stratum struct{ a, b []float64 }

// sample is the values of two groups by stratum.
type sample struct{ a, b map[int][]float64 }

func sampleOf(p pair, models []ranking.Model, strata map[int]int, d ranking.Dimension, allowPartial bool) sample {
	values := func(members []int) map[int][]float64 {
		by := map[int][]float64{}
		for _, i := range members {
			at, ok := strata[i]
			if v := valueOf(models[i], d.Name, allowPartial); ok && !math.IsNaN(v) {
				by[at] = append(by[at], v)
			}
		}
		return by
	}
	return sample{values(p.a), values(p.b)}
}

// matched are the strata that have both groups, in their order.
func (s sample) matched() []stratum {
	var both []stratum
	for _, at := range sortedKeys(s.a) {
		if len(s.b[at]) > 0 {
			both = append(both, stratum{s.a[at], s.b[at]})
		}
	}
	return both
}

func sortedKeys(by map[int][]float64) []int {
	var keys []int
	for at := range by {
		keys = append(keys, at)
	}
	slices.Sort(keys)
	return keys
}

// medianDifference is the median of a-b over all pairs within strata.
func medianDifference(strata []stratum) float64 {
	var differences []float64
	for _, s := range strata {
		for _, a := range s.a {
			for _, b := range s.b {
				differences = append(differences, a-b)
			}
		}
	}
	slices.Sort(differences)
	half := len(differences) / 2
	if len(differences)%2 == 0 {
		return stat.Mean(differences[half-1:half+1], nil)
	}
	return differences[half]
}
