package ranking_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"quba/metrics"
	"quba/ranking"
)

// drawCohort draws models with all nine dimensions.
func drawCohort(t *rapid.T, least int) ranking.Cohort {
	var names []string
	for _, d := range ranking.Dimensions() {
		names = append(names, d.Name)
	}
	row := rapid.SliceOfN(rapid.Float64Range(0, 1), len(names), len(names))
	return cohortOf(names, rapid.SliceOfN(row, least, 12).Draw(t, "rows"))
}

func scores(r ranking.Ranking) map[string]float64 {
	s := map[string]float64{}
	for _, m := range r.Models {
		s[m.Name] = m.QUBA
	}
	return s
}

func TestAddingAModelChangesNoOther(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		c := drawCohort(rt, 2)
		all := scores(rank(t, c, ranking.Options{}))
		last := c.Models[len(c.Models)-1].Name
		c.Models = c.Models[:len(c.Models)-1]
		for name, quba := range scores(rank(t, c, ranking.Options{})) {
			if all[name] != quba {
				rt.Fatalf("%s: %v without %s, %v with it", name, quba, last, all[name])
			}
		}
	})
}

func TestOrderOfRowsDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		c := drawCohort(rt, 2)
		normalization := rapid.SampledFrom([]ranking.Normalization{ranking.Paper, ranking.InCohort}).Draw(rt, "normalization")
		before := rank(t, c, ranking.Options{Normalization: normalization})
		c.Models = rapid.Permutation(c.Models).Draw(rt, "permuted")
		after := rank(t, c, ranking.Options{Normalization: normalization})
		was := scores(before)
		for i, m := range after.Models {
			if math.Abs(was[m.Name]-m.QUBA) > 1e-9*(1+math.Abs(m.QUBA)) {
				rt.Fatalf("%s: %v became %v", m.Name, was[m.Name], m.QUBA)
			}
			if normalization == ranking.Paper && !m.Tied && before.Models[i].Name != m.Name {
				rt.Fatalf("place %d: %s became %s", i+1, before.Models[i].Name, m.Name)
			}
		}
	})
}

func TestScalingAllWeightsChangesNothing(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		c := drawCohort(rt, 1)
		factor := rapid.Float64Range(1e-3, 1e3).Draw(rt, "factor")
		w := ranking.Weights{}
		for _, d := range ranking.Dimensions() {
			w[d.Name] = d.Weight * factor
		}
		want := scores(rank(t, c, ranking.Options{}))
		for name, quba := range scores(rank(t, c, ranking.Options{Weights: w})) {
			if math.Abs(quba-want[name]) > 1e-9*(1+math.Abs(quba)) {
				rt.Fatalf("%s: %v, with weights times %v %v", name, want[name], factor, quba)
			}
		}
	})
}

func TestOneWeightAlone(t *testing.T) {
	w := ranking.Weights{"cal_err": 3}
	for _, d := range ranking.Dimensions() {
		if d.Name != "calibration_error" {
			w[d.Name] = 0
		}
	}
	c := cohortOf([]string{"cal_err", "acc"}, [][]float64{{0.00715513591843804, 0.9}, {0.004479927389289115, 0.1}})
	r := rank(t, c, ranking.Options{Weights: w})
	near(t, "one sigma above in an error", r.Models[1].QUBA, -1, 1e-12)
	if r.Models[0].Name != "1" || r.Models[0].Partial() {
		t.Errorf("got %+v", r.Models[0])
	}
}

func TestPartialModelsAreNotRanked(t *testing.T) {
	c := ranking.Published()
	c.Models = c.Models[:3]
	c.Models[1] = without(c.Models[1], "shape_bias")
	r := rank(t, c, ranking.Options{})
	last := r.Models[2]
	if last.Name != c.Models[1].Name || last.Scored || last.Rank != 0 || !last.Partial() || !slices.Equal(last.Missing, []string{"shape_bias"}) {
		t.Errorf("got %+v", last)
	}
	r = rank(t, c, ranking.Options{AllowPartial: true})
	for _, m := range r.Models {
		if !m.Scored || m.Rank == 0 || len(m.Z) != 8 {
			t.Errorf("%s: %d values of 8, rank %d", m.Name, len(m.Z), m.Rank)
		}
	}
	if len(r.Used) != 8 || !strings.Contains(strings.Join(r.Notes, "\n"), "not every model has shape_bias") {
		t.Errorf("used %d dimensions, notes %q", len(r.Used), r.Notes)
	}
}

func without(m ranking.Model, name string) ranking.Model {
	values := map[string]ranking.Value{}
	for k, v := range m.Values {
		if k != name {
			values[k] = v
		}
	}
	m.Values = values
	return m
}

// A dimension made from a part of its data does not silently count.
func TestIncompleteDimensions(t *testing.T) {
	c := ranking.Published()
	c.Models = c.Models[:2]
	m := without(c.Models[0], "ood_robustness")
	m.Values["ood_robustness"] = ranking.Value{Value: 0.5, Partial: true}
	c.Models[0] = m
	r := rank(t, c, ranking.Options{})
	if last := r.Models[1]; last.Scored || len(last.Missing) != 0 || !slices.Equal(last.Incomplete, []string{"ood_robustness"}) {
		t.Errorf("got %+v", last)
	}
	r = rank(t, c, ranking.Options{AllowPartial: true})
	if len(r.Used) != 9 || !r.Models[1].Scored || !strings.Contains(strings.Join(r.Notes, "\n"), "ranked although incomplete for some models: ood_robustness") {
		t.Errorf("used %d dimensions, notes %q", len(r.Used), r.Notes)
	}
}

// The notes give the stored reasons, each once with its models and dimensions.
func TestNotesOfScores(t *testing.T) {
	stop := "interrupted after 70 of 500 images"
	models := []ranking.Model{
		{Name: "a", Values: map[string]ranking.Value{
			"accuracy":       {Value: 0.5, Partial: true, Note: stop},
			"ood_robustness": {Value: 0.5, Partial: true, Note: "without sketch; " + stop},
			"zebra":          {Value: 1, Note: "an extra"},
		}},
		{Name: "b", Values: map[string]ranking.Value{"accuracy": {Value: 0.4, Partial: true}}},
		{Name: "c", Values: map[string]ranking.Value{"zebra": {Value: 2, Note: "an extra"}}},
	}
	got := rank(t, ranking.Cohort{Models: models}, ranking.Options{}).Notes
	want := []string{
		"a: accuracy, ood_robustness: " + stop,
		"a: ood_robustness: without sketch",
		"a, c: zebra: an extra",
		"b: accuracy: made without some of its parts",
	}
	if len(got) != 5 || !slices.Equal(got[:4], want) || !strings.Contains(got[4], "use --allow-partial") {
		t.Errorf("notes: %q", got)
	}
}

func TestCohortNormalization(t *testing.T) {
	c := cohortOf([]string{"acc", "params_m"}, [][]float64{{0.6, 5}, {0.8, 5}})
	r := rank(t, c, ranking.Options{Normalization: ranking.InCohort, AllowPartial: true})
	// Two values are 1/sqrt(2) sample standard deviations from their mean.
	near(t, "z", r.Models[0].Z["accuracy"], math.Sqrt2/2, 1e-12)
	near(t, "quba", r.Models[0].QUBA, math.Sqrt2/4, 1e-12)
	if !strings.Contains(strings.Join(r.Notes, "\n"), "all models have the same parameters") {
		t.Errorf("notes: %q", r.Notes)
	}
}

func TestQUBAFaults(t *testing.T) {
	complete := func(value float64) ranking.Cohort {
		m := ranking.Published().Models[0]
		m = without(m, "accuracy")
		m.Values["accuracy"] = ranking.Value{Value: value}
		return ranking.Cohort{Models: []ranking.Model{m}}
	}
	allZero := ranking.Weights{}
	for _, d := range ranking.Dimensions() {
		allZero[d.Name] = 0
	}
	for name, c := range map[string]struct {
		cohort ranking.Cohort
		opt    ranking.Options
		want   string
	}{
		"no models":       {ranking.Cohort{}, ranking.Options{}, "no models"},
		"nan":             {complete(math.NaN()), ranking.Options{}, "accuracy must be a finite number"},
		"infinite":        {complete(math.Inf(1)), ranking.Options{}, "accuracy must be a finite number"},
		"overflow":        {complete(math.MaxFloat64), ranking.Options{}, "overflows"},
		"unknown weight":  {complete(0.5), ranking.Options{Weights: ranking.Weights{"acuracy": 1}}, `did you mean "accuracy"`},
		"negative weight": {complete(0.5), ranking.Options{Weights: ranking.Weights{"acc": -1}}, "must be 0.."},
		"weight twice":    {complete(0.5), ranking.Options{Weights: ranking.Weights{"acc": 1, "accuracy": 1}}, "given twice"},
		"no weight":       {complete(0.5), ranking.Options{Weights: allZero}, "every weight is 0"},
		"nothing shared":  {cohortOf([]string{}, [][]float64{{}}), ranking.Options{AllowPartial: true}, "no dimension is there for all"},
		"cohort of one":   {complete(0.5), ranking.Options{Normalization: ranking.InCohort}, "at least two models"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ranking.QUBA(c.cohort, c.opt)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q in it", err, c.want)
			}
		})
	}
	if _, err := ranking.ParseNormalization("papr"); err == nil || !strings.Contains(fmt.Sprint(err), `did you mean "paper"`) {
		t.Errorf("got %v", err)
	}
}

func TestStandardAttackCarriesItsCaveat(t *testing.T) {
	c := ranking.Published()
	for protocol, want := range map[metrics.Protocol]bool{metrics.Standard: true, metrics.QubaCode: false} {
		c.Protocol = protocol
		notes := strings.Join(rank(t, c, ranking.Options{}).Notes, "\n")
		if strings.Contains(notes, "constants of adversarial_robustness") != want {
			t.Errorf("protocol %s: notes %q", protocol, notes)
		}
	}
}
