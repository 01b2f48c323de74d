package uncertainty

import (
	"math"
	"math/bits"
	"slices"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"

	"quba/internal/stats"
)

// Pair compares two models on the same draws.
type Pair struct {
	// First and Second are places in Result.Models.
	First  int `json:"first"`
	Second int `json:"second"`
	// QUBA is the difference of the scores, first minus second.
	QUBA Difference `json:"quba"`
	// Dimensions are the differences of those that both models have draws of.
	Dimensions map[string]Difference `json:"dimensions,omitempty"`
	// Top1 compares the top-1 decisions on clean images; nil where the models
	// were not given the same.
	Top1 *McNemar `json:"top1,omitempty"`
}

// Difference is that of two values.
type Difference struct {
	Interval
	// P is the two-sided p value of no difference, and Holm is P adjusted for
	// the comparisons of all pairs in this quantity (Holm 1979).
	P    float64 `json:"p"`
	Holm float64 `json:"p_holm"`
	// Detectable is the true difference that a sample of this size would find at
	// the level in 4 of 5 cases: (z[(1+Level)/2] + z[0.8]) SE (Miller, Adding
	// Error Bars to Evals, 2024, section 5). 0 where the error is not known.
	Detectable float64 `json:"detectable"`
}

// power is the probability with which a Detectable difference is found.
const power = 0.8

// McNemar is the exact test of equal accuracies on the same images (McNemar
// 1947): the images that one model alone classifies correctly are as many for
// either.
type McNemar struct {
	OnlyFirst  int64   `json:"only_first"`
	OnlySecond int64   `json:"only_second"`
	P          float64 `json:"p"`
	Holm       float64 `json:"p_holm"`
}

func (r *Result) addPairs(s *sample, sc scores, o Options) {
	subjects := map[columnKey]*subject{}
	for i := range s.subjects {
		sub := &s.subjects[i]
		subjects[columnKey{sub.model, sub.dimension}] = sub
	}
	for first := range sc.values {
		for second := first + 1; second < len(sc.values); second++ {
			p := Pair{First: first, Second: second, Dimensions: map[string]Difference{}}
			p.QUBA = differenceOf(sc.values[first]-sc.values[second], minus(sc.draws[first], sc.draws[second]), minus(sc.jackknife[first], sc.jackknife[second]), o.Level)
			for dimension := range r.Models[first].Dimensions {
				p.addDimension(dimension, subjects[columnKey{first, dimension}], subjects[columnKey{second, dimension}], o.Level)
			}
			r.Pairs = append(r.Pairs, p)
		}
	}
	adjustPairs(r.Pairs)
}

// addDimension compares two scores of a dimension, where both have draws.
func (p *Pair) addDimension(dimension string, first, second *subject, level float64) {
	if first == nil || second == nil || first.statistic == nil || second.statistic == nil {
		return
	}
	p.Dimensions[dimension] = differenceOf(first.stored-second.stored, minus(first.draws, second.draws), minus(first.jackknife, second.jackknife), level)
	if dimension == metricAccuracy {
		p.Top1 = mcNemarOf(first.statistic, second.statistic)
	}
}

func minus(a, b []float64) []float64 {
	difference := make([]float64, len(a))
	for i := range a {
		difference[i] = a[i] - b[i]
	}
	return difference
}

// differenceOf tests a difference by its draws: P is the share of them that lie
// as far from their mean as the difference from 0, the draws and the sample
// counted together (Davison and Hinkley, Bootstrap Methods and their
// Application, 1997, section 4.4).
func differenceOf(value float64, draws, jackknife []float64, level float64) Difference {
	d := Difference{Interval: intervalOf(value, draws, jackknife, level), P: 1}
	if d.Method == None {
		return d
	}
	d.Detectable = (distuv.UnitNormal.Quantile((1+level)/2) + distuv.UnitNormal.Quantile(power)) * d.SE
	kept := defined(draws)
	mean := stat.Mean(kept, nil)
	beyond := 1
	for _, v := range kept {
		if math.Abs(v-mean)+negligible >= math.Abs(value) {
			beyond++
		}
	}
	d.P = float64(beyond) / float64(len(kept)+1)
	return d
}

// mcNemarOf is nil unless both accuracies are of the same data set, with one
// row for each image.
func mcNemarOf(first, second statistic) *McNemar {
	a, okA := first.(*accuracy)
	b, okB := second.(*accuracy)
	if !okA || !okB || a.clean.of != b.clean.of || len(a.clean.layers) != 1 || len(b.clean.layers) != 1 {
		return nil
	}
	m := &McNemar{}
	x, y := a.clean.layers[0], b.clean.layers[0]
	for i := range min(len(x.rows), len(y.rows)) {
		both := x.rows[i] & y.rows[i]
		hitX, hitY := wordOf(x.hits, i), wordOf(y.hits, i)
		m.OnlyFirst += int64(bits.OnesCount64(both & hitX &^ hitY))
		m.OnlySecond += int64(bits.OnesCount64(both & hitY &^ hitX))
	}
	m.P = exactMcNemar(m.OnlyFirst, m.OnlySecond)
	return m
}

func wordOf(b bitset, i int) uint64 {
	if i < len(b) {
		return b[i]
	}
	return 0
}

// exactMcNemar is the two-sided binomial p value.
func exactMcNemar(a, b int64) float64 {
	if a == b {
		return 1
	}
	binomial := distuv.Binomial{N: float64(a + b), P: 0.5}
	return min(1, 2*binomial.CDF(float64(min(a, b))))
}

// adjustPairs adjusts the p values of each quantity over the pairs.
func adjustPairs(pairs []Pair) {
	adjust := func(p func(*Pair) (value float64, ok bool), set func(*Pair, float64)) {
		var of []*Pair
		var values []float64
		for i := range pairs {
			if value, ok := p(&pairs[i]); ok {
				of, values = append(of, &pairs[i]), append(values, value)
			}
		}
		for i, adjusted := range stats.Holm(values) {
			set(of[i], adjusted)
		}
	}
	adjust(func(p *Pair) (float64, bool) { return p.QUBA.P, true }, func(p *Pair, v float64) { p.QUBA.Holm = v })
	adjust(func(p *Pair) (float64, bool) {
		if p.Top1 == nil {
			return 0, false
		}
		return p.Top1.P, true
	}, func(p *Pair, v float64) { p.Top1.Holm = v })
	for _, dimension := range pairDimensions(pairs) {
		adjust(func(p *Pair) (float64, bool) {
			d, ok := p.Dimensions[dimension]
			return d.P, ok
		}, func(p *Pair, v float64) {
			d := p.Dimensions[dimension]
			d.Holm = v
			p.Dimensions[dimension] = d
		})
	}
}

// pairDimensions lists the dimensions of all pairs.
func pairDimensions(pairs []Pair) []string {
	var names []string
	for _, p := range pairs {
		for name := range p.Dimensions {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return names
}
