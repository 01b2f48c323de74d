package uncertainty

import (
	"cmp"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat"
)

// RankSet is an interval of ranks, from 1 for the best model.
type RankSet struct {
	Low  int `json:"low"`
	High int `json:"high"`
}

// differences are those of the scores of every two models, in the sample and in
// the draws that define all scores.
type differences struct {
	values []float64
	draws  [][]float64 // by model, the kept ones
	kept   []int
	se     [][]float64 // of values[j] - values[k]
	mean   [][]float64 // over the draws
}

func newDifferences(sc scores) *differences {
	d := &differences{values: sc.values}
	for b := range sc.draws[0] {
		if !slices.ContainsFunc(sc.draws, func(draws []float64) bool { return math.IsNaN(draws[b]) || math.IsInf(draws[b], 0) }) {
			d.kept = append(d.kept, b)
		}
	}
	for _, draws := range sc.draws {
		kept := make([]float64, len(d.kept))
		for i, b := range d.kept {
			kept[i] = draws[b]
		}
		d.draws = append(d.draws, kept)
	}
	d.moments()
	return d
}

func (d *differences) moments() {
	n := len(d.values)
	d.se, d.mean = make([][]float64, n), make([][]float64, n)
	difference := make([]float64, len(d.kept))
	for j := range n {
		d.se[j], d.mean[j] = make([]float64, n), make([]float64, n)
		for k := range j {
			for b := range difference {
				difference[b] = d.draws[j][b] - d.draws[k][b]
			}
			mean, se := 0.0, 0.0
			if len(difference) > 1 {
				mean, se = stat.MeanStdDev(difference, nil)
			}
			d.se[j][k], d.se[k][j] = se, se
			d.mean[j][k], d.mean[k][j] = mean, -mean
		}
	}
}

// comparison numbers the claim that model j is better than model k.
func (d *differences) comparison(j, k int) int { return j*len(d.values) + k }

// rows are, for each model, the comparisons that it is in.
func (d *differences) rows() [][]int {
	rows := make([][]int, len(d.values))
	for j := range rows {
		for k := range d.values {
			if k != j {
				rows[j] = append(rows[j], d.comparison(j, k), d.comparison(k, j))
			}
		}
	}
	return rows
}

// all are all comparisons.
func (d *differences) all() []int {
	var all []int
	for j := range d.values {
		for k := range d.values {
			if k != j {
				all = append(all, d.comparison(j, k))
			}
		}
	}
	return all
}

// rankSets gives confidence sets for the ranks after Mogstad, Romano, Shaikh and
// Wilhelm, Inference for Ranks with Applications to Mobility across
// Neighbourhoods and Academic Achievement across Countries, REStud 2023. A
// difference is sure when it is more than c standard errors above 0, c being the
// quantile of the largest studentised difference among the comparisons of a
// family. The rank of a model is at least 1 + those surely better and at most the
// number of models - those surely worse. With one family for each model the
// sets are marginal, with one of all comparisons simultaneous.
//
// The draws are centred at their mean, not at the sample's difference: the two
// differ by the bias of calibration error and class balance, which is no
// sampling error.
//
// A difference that no draw moves is never sure: nothing is known of its error.
//
// sure[j][k] says that j is surely better than k in the family of j, or in the
// only one.
func (d *differences) rankSets(o Options, families [][]int) (sets []RankSet, sure [][]bool) {
	n := len(d.values)
	sure = make([][]bool, n)
	var shared map[int]bool
	if len(families) == 1 {
		shared = d.sureOf(families[0], o)
	}
	sets = make([]RankSet, n)
	for j := range n {
		found := shared
		if found == nil {
			found = d.sureOf(families[j], o)
		}
		sure[j] = make([]bool, n)
		sets[j] = RankSet{Low: 1, High: n}
		for k := range n {
			sure[j][k] = found[d.comparison(j, k)]
			if sure[j][k] {
				sets[j].High--
			}
			if found[d.comparison(k, j)] {
				sets[j].Low++
			}
		}
	}
	return sets, sure
}

// sureOf finds the claims of a family that surely hold. Stepping down, c is
// taken again over the claims that are left until no more are sure (Romano and
// Wolf, Econometrica 2005). When j is found better than k, the claim that k is
// better than j stays: without it the level would not bound wrong signs.
func (d *differences) sureOf(family []int, o Options) map[int]bool {
	sure := map[int]bool{}
	for left := family; len(left) > 0; {
		c := d.criticalValue(left, o.Level)
		var still []int
		for _, claim := range left {
			j, k := claim/len(d.values), claim%len(d.values)
			if se := d.se[j][k]; se > negligible && d.values[j]-d.values[k] > c*se {
				sure[claim] = true
				continue
			}
			still = append(still, claim)
		}
		if len(still) == len(left) || o.SingleStep {
			break
		}
		left = still
	}
	return sure
}

// negligible is how far scores lie apart that are equal in exact arithmetic.
const negligible = 1e-12

// criticalValue is the quantile over the draws of the largest studentised
// difference among the comparisons.
func (d *differences) criticalValue(comparisons []int, level float64) float64 {
	if len(d.kept) == 0 {
		return math.Inf(1)
	}
	largest := slices.Repeat([]float64{math.Inf(-1)}, len(d.kept))
	for _, comparison := range comparisons {
		j, k := comparison/len(d.values), comparison%len(d.values)
		se, mean := d.se[j][k], d.mean[j][k]
		if se <= negligible {
			continue
		}
		for b := range largest {
			largest[b] = max(largest[b], (d.draws[j][b]-d.draws[k][b]-mean)/se)
		}
	}
	slices.Sort(largest)
	at := int(math.Ceil(level*float64(len(largest)+1))) - 1
	return largest[min(at, len(largest)-1)]
}

// rankProbabilities gives the share of draws in which a model has each rank.
// Equal scores keep their order.
func (d *differences) rankProbabilities() [][]float64 {
	n := len(d.values)
	probabilities := make([][]float64, n)
	order := make([]int, n)
	for m := range probabilities {
		probabilities[m] = make([]float64, n)
	}
	if len(d.kept) == 0 {
		return probabilities
	}
	for b := range d.kept {
		for m := range order {
			order[m] = m
		}
		slices.SortStableFunc(order, func(x, y int) int { return cmp.Compare(d.draws[y][b], d.draws[x][b]) })
		for rank, m := range order {
			probabilities[m][rank]++
		}
	}
	for _, row := range probabilities {
		for rank := range row {
			row[rank] /= float64(len(d.kept))
		}
	}
	return probabilities
}

// tieGroups cuts the models, best first, wherever every one above is surely
// better than every one below.
func tieGroups(n int, sure [][]bool) [][]int {
	groups := [][]int{{0}}
	// reach is the last model that one above it is not surely better than.
	reach := 0
	for m := range n {
		if m > reach {
			groups = append(groups, nil)
			reach = m
		}
		if m > 0 {
			last := len(groups) - 1
			groups[last] = append(groups[last], m)
		}
		for k := m + 1; k < n; k++ {
			if !sure[m][k] {
				reach = max(reach, k)
			}
		}
	}
	return groups
}
