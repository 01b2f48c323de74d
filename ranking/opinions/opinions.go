// Package opinions ranks a cohort by other rules than QUBA's weighted mean of
// standardised values, to show where a rank hangs on the rule.
package opinions

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"quba/internal/stats"
	"quba/metrics"
	"quba/ranking"
)

// cohortNote is the caveat of every rule here.
const cohortNote = "second opinions compare models with the cohort only: adding or leaving out a model can change the order of the others, which QUBA with the paper's constants never does"

// Opinions is what the other rules say of a ranking.
type Opinions struct {
	Opinions []Opinion
	// Models are those with a QUBA rank, best first.
	Models []Model
	// Outvoted are the neighbours in QUBA's order whose order every rule turns,
	// best first.
	Outvoted []Outvoted
	Notes    []string
}

// Opinion is a rule and how far it agrees with QUBA.
type Opinion struct {
	Name string
	Doc  string
	// Better is the direction of its scores.
	Better metrics.Direction
	// Tau is Kendall's tau-b with QUBA, NaN where either has all models alike.
	Tau float64
}

// Model is where the rules place a model.
type Model struct {
	Name string
	QUBA float64
	Rank int
	// Scores and Ranks are in the order of Opinions.Opinions; models with equal
	// scores share the mean of their ranks.
	Scores, Ranks []float64
	// Shift is the rank less QUBA's of the rule that moves the model most.
	Shift float64
}

// Outvoted are two models, of which QUBA alone places Above first, at Rank.
type Outvoted struct {
	Rank         int
	Above, Below string
}

// rule scores the models of a table.
type rule struct {
	name   string
	doc    string
	better metrics.Direction
	score  func(table) []float64
}

var rules = []rule{
	{
		name: "win_rate", score: winRate,
		doc: "mean over dimensions, all alike, of the share of other models that are beaten, ties counting half (HELM)",
	},
	{
		name: "mean_rank", score: meanRank, better: metrics.Lower,
		doc: "mean of the ranks in each dimension with the ranking's weights, which orders as Borda's count does",
	},
	{
		name: "geometric_mean", score: geometricMean,
		doc: "weighted geometric mean of the values brought to 1..100 between worst and best of the cohort",
	},
	{
		name: "bradley_terry", score: bradleyTerry,
		doc: "strength by Bradley and Terry, each dimension a contest of every two models with its weight; geometric mean 1",
	},
}

// Of gives the opinions on the models that a ranking scores, by the dimensions
// and weights that it uses. It needs two such models.
func Of(r ranking.Ranking) (Opinions, error) {
	scored := slices.DeleteFunc(slices.Clone(r.Models), func(m ranking.Ranked) bool { return !m.Scored })
	if len(scored) < 2 {
		return Opinions{}, fmt.Errorf("second opinions need at least 2 models with a QUBA score, got %d", len(scored))
	}
	o := Opinions{Notes: []string{cohortNote}}
	quba := make([]float64, len(scored))
	for i, m := range scored {
		quba[i] = m.QUBA
		o.Models = append(o.Models, Model{Name: m.Name, QUBA: m.QUBA, Rank: m.Rank})
	}
	t := tableOf(scored, r.Used)
	for _, rule := range rules {
		o.add(rule, rule.score(t), quba)
	}
	for i := range o.Models {
		o.Models[i].Shift = o.Models[i].largestShift()
	}
	o.findOutvoted()
	return o, nil
}

func (o *Opinions) add(rule rule, scores, quba []float64) {
	oriented := slices.Clone(scores)
	if rule.better != metrics.Lower {
		negate(oriented)
	}
	ranks := stats.AverageRanks(rounded(oriented))
	for i := range o.Models {
		o.Models[i].Scores = append(o.Models[i].Scores, scores[i])
		o.Models[i].Ranks = append(o.Models[i].Ranks, ranks[i])
	}
	tau := -stats.KendallTauB(quba, ranks)
	o.Opinions = append(o.Opinions, Opinion{Name: rule.name, Doc: rule.doc, Better: rule.better, Tau: tau})
}

func negate(values []float64) {
	for i := range values {
		values[i] = -values[i]
	}
}

// rounded makes scores equal that differ by rounding only.
func rounded(values []float64) []float64 {
	const digits = 1e9
	same := make([]float64, len(values))
	for i, v := range values {
		same[i] = math.Round(v*digits) / digits
	}
	return same
}

func (m Model) largestShift() float64 {
	shift := 0.0
	for _, rank := range m.Ranks {
		if by := rank - float64(m.Rank); math.Abs(by) > math.Abs(shift) {
			shift = by
		}
	}
	return shift
}

func (o *Opinions) findOutvoted() {
	for i := 1; i < len(o.Models); i++ {
		above, below := o.Models[i-1], o.Models[i]
		turned := true
		for k := range o.Opinions {
			turned = turned && below.Ranks[k] < above.Ranks[k]
		}
		if turned {
			o.Outvoted = append(o.Outvoted, Outvoted{above.Rank, above.Name, below.Name})
		}
	}
}

// MostMoved are up to n models that a rule places elsewhere, the furthest
// moved first.
func (o Opinions) MostMoved(n int) []Model {
	moved := slices.DeleteFunc(slices.Clone(o.Models), func(m Model) bool { return m.Shift == 0 })
	slices.SortStableFunc(moved, func(a, b Model) int { return -cmp.Compare(math.Abs(a.Shift), math.Abs(b.Shift)) })
	return moved[:min(n, len(moved))]
}
