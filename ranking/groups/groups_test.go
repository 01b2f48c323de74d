package groups_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"quba/ranking"
	"quba/ranking/groups"
)

// row is a model of a group with its accuracy and shape bias.
type row struct {
	group           string
	accuracy, shape float64
}

func cohort(rows ...row) ranking.Cohort {
	var c ranking.Cohort
	for i, r := range rows {
		c.Models = append(c.Models, ranking.Model{
			Name: fmt.Sprint(i), Labels: map[string]string{"family": r.group},
			Values: map[string]ranking.Value{"accuracy": {Value: r.accuracy}, "shape_bias": {Value: r.shape}},
		})
	}
	return c
}

func compare(t *testing.T, c ranking.Cohort, o groups.Options) groups.Comparison {
	t.Helper()
	r, err := groups.Compare(c, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func effect(t *testing.T, r groups.Comparison, dimension string) groups.Effect {
	t.Helper()
	at := slices.IndexFunc(r.Effects, func(e groups.Effect) bool { return e.Dimension == dimension })
	if at < 0 {
		t.Fatalf("no effect in %s: %+v", dimension, r.Effects)
	}
	return r.Effects[at]
}

func TestUnmatchedEffects(t *testing.T) {
	c := cohort(row{"a", 0.9, 1}, row{"a", 0.8, 3}, row{"a", 0.7, 5}, row{"b", 0.9, 0}, row{"b", 0.5, 3}, row{"b", 0.4, 2}, row{"c", 1, 1}, row{"", 0, 0})
	for i := range c.Models {
		c.Models[i].Values["calibration_error"] = ranking.Value{Value: c.Models[i].Values["shape_bias"].Value / 10}
	}
	r := compare(t, c, groups.Options{Label: "family"})
	if !slices.Equal(r.Groups, []groups.Group{{Name: "a", Size: 3}, {Name: "b", Size: 3}}) || len(r.Effects) != 3 {
		t.Fatalf("got %+v", r)
	}
	// 1 beats 0; 3 beats 0 and 2, ties 3; 5 beats all: 6 of 9 pairs, 2 lost.
	shape := effect(t, r, "shape_bias")
	if shape.NA != 3 || shape.NB != 3 || shape.Strata != 1 || math.Abs(shape.Delta-4./9) > 1e-15 || shape.Difference != 1 {
		t.Errorf("got %+v", shape)
	}
	// Where lower is better the sign turns, the difference of values does not.
	if e := effect(t, r, "calibration_error"); math.Abs(e.Delta+4./9) > 1e-15 || math.Abs(e.Difference-0.1) > 1e-15 {
		t.Errorf("got %+v", e)
	}
	if notes := strings.Join(r.Notes, "\n"); !strings.Contains(notes, "left out: c") || !strings.Contains(notes, "resemble") {
		t.Errorf("notes %q", r.Notes)
	}
}

// A group that is better only because it is more accurate is no better among
// models of the same accuracy.
func TestMatchingRemovesWhatAccuracyExplains(t *testing.T) {
	var rows []row
	for i := range 10 {
		low, high := row{"a", 0.5, float64(i)}, row{"a", 0.9, 100 + float64(i)}
		rows = append(rows, low, high)
		if i < 2 {
			low.group = "b"
			rows = append(rows, low)
		}
		high.group = "b"
		rows = append(rows, high)
	}
	c := cohort(rows...)
	plain := effect(t, compare(t, c, groups.Options{Label: "family"}), "shape_bias")
	matched := compare(t, c, groups.Options{Label: "family", Match: "accuracy", Strata: 2})
	e := effect(t, matched, "shape_bias")
	if plain.Delta > -0.2 || math.Abs(e.Delta) > 0.15 || e.Strata != 2 || math.Abs(e.Difference) > 2 {
		t.Errorf("plain %+v, matched %+v", plain, e)
	}
	if len(matched.Effects) != 1 {
		t.Errorf("the matched dimension is compared: %+v", matched.Effects)
	}
}

func TestMatchingOnALabel(t *testing.T) {
	c := cohort(row{"a", 0, 1}, row{"a", 0, 2}, row{"a", 0, 9}, row{"b", 0, 1}, row{"b", 0, 2}, row{"b", 0, 0})
	for i, data := range []string{"x", "x", "y", "x", "x", "z"} {
		c.Models[i].Labels["data"] = data
	}
	e := effect(t, compare(t, c, groups.Options{Label: "family", Match: "data"}), "shape_bias")
	if e.NA != 2 || e.NB != 2 || e.Strata != 1 || e.Delta != 0 || e.P != 1 {
		t.Errorf("got %+v", e)
	}
}

// With 4 against 4 apart, 2 of the 70 choices of a are as extreme.
func TestPermutationPValue(t *testing.T) {
	var rows []row
	for i := range 4 {
		rows = append(rows, row{"a", 1, float64(i)}, row{"b", 1, float64(10 + i)})
	}
	r := compare(t, cohort(rows...), groups.Options{Label: "family", Draws: 40000, Seed: 3})
	e := effect(t, r, "shape_bias")
	if e.Delta != -1 || math.Abs(e.P-2./70) > 0.003 {
		t.Errorf("got %+v, want p near %v", e, 2./70)
	}
	// The accuracies are all equal, which is a second test.
	if want := 2 * e.P; e.Adjusted != want || effect(t, r, "accuracy").P != 1 {
		t.Errorf("Holm %v, want %v", e.Adjusted, want)
	}
	bh := compare(t, cohort(rows...), groups.Options{Label: "family", Draws: 40000, Seed: 3, Correction: groups.BenjaminiHochberg})
	if !reflect.DeepEqual(bh.Groups, r.Groups) || effect(t, bh, "accuracy").Adjusted != 1 {
		t.Errorf("got %+v", bh)
	}
}

// Without any difference between groups, p <= 0.1 in about a tenth of cohorts.
func TestPValuesAreCalibrated(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	low, all := 0, 0
	for range 100 {
		var rows []row
		for i := range 40 {
			accuracy := random.Float64()
			rows = append(rows, row{[]string{"a", "b"}[i%2], accuracy, accuracy + random.Float64()})
		}
		for _, e := range compare(t, cohort(rows...), groups.Options{Label: "family", Match: "accuracy", Draws: 199}).Effects {
			all++
			if e.P <= 0.1 {
				low++
			}
		}
	}
	if share := float64(low) / float64(all); share < 0.03 || share > 0.19 {
		t.Errorf("p <= 0.1 in %v of %d comparisons", share, all)
	}
}

func TestComparisonsAreReproducible(t *testing.T) {
	o := groups.Options{Label: "architecture", Match: "accuracy", Draws: 99, Seed: 7}
	first, second := compare(t, ranking.Published(), o), compare(t, ranking.Published(), o)
	if !reflect.DeepEqual(first, second) {
		t.Error("the same seed gave another comparison")
	}
	o.Seed = 8
	if reflect.DeepEqual(first, compare(t, ranking.Published(), o)) {
		t.Error("another seed gave the same p values")
	}
	if len(first.Groups) != 4 || len(first.Effects) != 6*8 {
		t.Errorf("%d groups, %d effects; want 4, 48", len(first.Groups), len(first.Effects))
	}
}

func TestIncompleteValuesAreLeftOut(t *testing.T) {
	c := cohort(row{"a", 1, 1}, row{"a", 1, 2}, row{"a", 1, 3}, row{"b", 1, 1}, row{"b", 1, 2}, row{"b", 1, 3})
	c.Models[0].Values["shape_bias"] = ranking.Value{Value: 1, Partial: true}
	if e := effect(t, compare(t, c, groups.Options{Label: "family"}), "shape_bias"); e.NA != 2 {
		t.Errorf("got %+v", e)
	}
	if e := effect(t, compare(t, c, groups.Options{Label: "family", AllowPartial: true}), "shape_bias"); e.NA != 3 {
		t.Errorf("got %+v", e)
	}
}

func TestFaults(t *testing.T) {
	c := cohort(row{"a", 1, 1}, row{"a", 1, 2}, row{"a", 1, 3}, row{"b", 1, 1})
	var many []row
	for i := range 39 {
		many = append(many, row{fmt.Sprint(i / 3), 1, 1})
	}
	for name, f := range map[string]struct {
		cohort ranking.Cohort
		opt    groups.Options
		want   string
	}{
		"unknown label":    {c, groups.Options{Label: "famly"}, `did you mean "family"`},
		"no labels":        {ranking.Cohort{Models: []ranking.Model{{}}}, groups.Options{Label: "family"}, "no model has labels"},
		"one group":        {c, groups.Options{Label: "family"}, "must make 2 to 12 groups of at least 3 models, makes 1"},
		"too many groups":  {cohort(many...), groups.Options{Label: "family"}, "makes 13"},
		"unknown match":    {c, groups.Options{Label: "family", Match: "acuracy"}, `did you mean "accuracy"`},
		"nothing to match": {c, groups.Options{Label: "family", Match: "ood_rob"}, "no model has ood_robustness"},
		"match on itself":  {c, groups.Options{Label: "family", Match: "family"}, "cannot be matched on"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := groups.Compare(f.cohort, f.opt); err == nil || !strings.Contains(err.Error(), f.want) {
				t.Errorf("got %v, want %q in it", err, f.want)
			}
		})
	}
}

func BenchmarkCompare(b *testing.B) {
	for b.Loop() {
		if _, err := groups.Compare(ranking.Published(), groups.Options{Label: "architecture", Match: "accuracy"}); err != nil {
			b.Fatal(err)
		}
	}
}
