package opinions_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"quba/metrics"
	"quba/ranking"
	"quba/ranking/opinions"
)

type fataler interface {
	Helper()
	Fatal(...any)
}

func opinionsOf(t fataler, c ranking.Cohort, weights ranking.Weights) opinions.Opinions {
	t.Helper()
	r, err := ranking.QUBA(c, ranking.Options{Weights: weights, AllowPartial: true})
	if err != nil {
		t.Fatal(err)
	}
	o, err := opinions.Of(r)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// cohort is models a, b, ... with accuracy and parameters.
func cohort(rows ...[2]float64) ranking.Cohort {
	var c ranking.Cohort
	for i, r := range rows {
		c.Models = append(c.Models, ranking.Model{
			Name:   string(rune('a' + i)),
			Values: map[string]ranking.Value{"accuracy": {Value: r[0]}, "parameters": {Value: r[1]}},
		})
	}
	return c
}

// scores are those of a rule by model name.
func scores(t *testing.T, o opinions.Opinions, rule string) map[string]float64 {
	t.Helper()
	at := slices.IndexFunc(o.Opinions, func(p opinions.Opinion) bool { return p.Name == rule })
	if at < 0 {
		t.Fatalf("no rule %s", rule)
	}
	by := map[string]float64{}
	for _, m := range o.Models {
		by[m.Name] = m.Scores[at]
	}
	return by
}

func near(t *testing.T, rule string, got map[string]float64, want ...float64) {
	t.Helper()
	for i, w := range want {
		name := string(rune('a' + i))
		if !(math.Abs(got[name]-w) <= 1e-9) {
			t.Errorf("%s of %s: got %v, want %v", rule, name, got[name], w)
		}
	}
}

// Accuracy counts three times as much as parameters, which are better when
// lower and tie between b and c.
func TestRules(t *testing.T) {
	o := opinionsOf(t, cohort([2]float64{0.9, 100}, [2]float64{0.8, 50}, [2]float64{0.5, 50}), ranking.Weights{"accuracy": 3, "parameters": 1})
	near(t, "win_rate", scores(t, o, "win_rate"), (1+0.)/2, (0.5+0.75)/2, (0+0.75)/2)
	near(t, "mean_rank", scores(t, o, "mean_rank"), (3*1+3)/4., (3*2+1.5)/4, (3*3+1.5)/4)
	near(t, "geometric_mean", scores(t, o, "geometric_mean"),
		math.Pow(100, 3./4), math.Pow(1+99*0.75, 3./4)*math.Pow(100, 1./4), math.Pow(100, 1./4))
}

// Of two models the strengths are as the wins: a wins 3 + 2/2 of 6 contests.
func TestBradleyTerryOfTwo(t *testing.T) {
	o := opinionsOf(t, cohort([2]float64{0.9, 100}, [2]float64{0.5, 50}), ranking.Weights{"accuracy": 3, "parameters": 1})
	near(t, "bradley_terry", scores(t, o, "bradley_terry"), math.Sqrt2, 1/math.Sqrt2)
}

// At the maximum of the likelihood every model wins as often as expected.
func TestBradleyTerryIsTheMaximum(t *testing.T) {
	o := opinionsOf(t, ranking.Published(), nil)
	at := slices.IndexFunc(o.Opinions, func(p opinions.Opinion) bool { return p.Name == "bradley_terry" })
	rankAt := slices.IndexFunc(o.Opinions, func(p opinions.Opinion) bool { return p.Name == "mean_rank" })
	n := float64(len(o.Models))
	const total, pseudo = 6.0, 6.0 / 9
	for i, m := range o.Models {
		expected := 0.0
		for k, other := range o.Models {
			if k != i {
				expected += (total + pseudo) * m.Scores[at] / (m.Scores[at] + other.Scores[at])
			}
		}
		won := total*(n-m.Scores[rankAt]) + pseudo*(n-1)/2
		if math.Abs(won-expected) > 1e-7*won {
			t.Fatalf("%s won %v, expected %v", m.Name, won, expected)
		}
	}
}

// Bradley-Terry orders a full table as the mean rank does, a model that is
// better in everything is better by every rule, and who is listed first does
// not matter.
func TestRulesProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var rows [][2]float64
		for range rapid.IntRange(2, 8).Draw(t, "models") {
			rows = append(rows, [2]float64{float64(rapid.IntRange(0, 9).Draw(t, "accuracy")) / 10, float64(rapid.IntRange(1, 9).Draw(t, "parameters"))})
		}
		weights := ranking.Weights{"accuracy": rapid.Float64Range(0.1, 3).Draw(t, "weight")}
		o := opinionsOf(t, cohort(rows...), weights)
		for _, m := range o.Models {
			if m.Ranks[1] != m.Ranks[3] {
				t.Fatalf("%s: mean rank %v, Bradley-Terry %v", m.Name, m.Ranks[1], m.Ranks[3])
			}
			for _, other := range o.Models {
				a, b := rows[m.Name[0]-'a'], rows[other.Name[0]-'a']
				if a[0] > b[0] && a[1] < b[1] {
					checkBetter(t, m, other)
				}
			}
		}
		reversed := slices.Clone(rows)
		slices.Reverse(reversed)
		sum := func(o opinions.Opinions) (all float64) {
			for _, m := range o.Models {
				all += m.Ranks[0]*m.Scores[2] + m.Ranks[2]*m.Scores[0]
			}
			return all
		}
		if there, back := sum(o), sum(opinionsOf(t, cohort(reversed...), weights)); math.Abs(there-back) > 1e-6 {
			t.Fatalf("the order of the models matters: %v, %v", there, back)
		}
	})
}

func checkBetter(t *rapid.T, better, worse opinions.Model) {
	for k := range better.Ranks {
		if better.Ranks[k] >= worse.Ranks[k] {
			t.Fatalf("rule %d: %s is better in everything, yet %v, %v", k, better.Name, better.Ranks, worse.Ranks)
		}
	}
}

// a leads by far in accuracy alone, which a mean of values rewards and one of
// ranks does not.
func TestDisagreement(t *testing.T) {
	c := cohort([2]float64{0.99, 60}, [2]float64{0.60, 50}, [2]float64{0.59, 40}, [2]float64{0.58, 55})
	o := opinionsOf(t, c, ranking.Weights{"accuracy": 1, "parameters": 2})
	if o.Models[0].Name != "a" || o.Models[0].Rank != 1 {
		t.Fatalf("QUBA places %+v first", o.Models[0])
	}
	if m := o.Models[0]; m.Shift <= 0 {
		t.Errorf("got %+v, want a lower place by some rule", m)
	}
	if len(o.Outvoted) == 0 || o.Outvoted[0].Above != "a" {
		t.Errorf("outvoted: %+v", o.Outvoted)
	}
	if moved := o.MostMoved(1); len(moved) != 1 || moved[0].Name != "a" {
		t.Errorf("most moved: %+v", moved)
	}
	for _, p := range o.Opinions {
		if !(p.Tau < 1) || p.Doc == "" || (p.Better == metrics.Lower) != (p.Name == "mean_rank") {
			t.Errorf("got %+v", p)
		}
	}
	if !strings.Contains(fmt.Sprint(o.Notes), "can change the order of the others") {
		t.Errorf("notes %q", o.Notes)
	}
}

func TestOneModelHasNoOpinions(t *testing.T) {
	r, err := ranking.QUBA(cohort([2]float64{0.5, 1}), ranking.Options{AllowPartial: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := opinions.Of(r); err == nil || !strings.Contains(err.Error(), "at least 2 models") {
		t.Errorf("got %v", err)
	}
}

func BenchmarkOf(b *testing.B) {
	r, err := ranking.QUBA(ranking.Published(), ranking.Options{})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := opinions.Of(r); err != nil {
			b.Fatal(err)
		}
	}
}
