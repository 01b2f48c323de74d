package opinions

import (
	"math"
	"slices"

	"quba/internal/stats"
	"quba/metrics"
	"quba/ranking"
)

// table is a cohort with every dimension of the score: values[d][i] is
// dimension d of model i, turned so that higher is better, and ranks the same
// as average ranks, 1 for the worst.
type table struct {
	values, ranks [][]float64
	weights       []float64
	models        int
}

func tableOf(scored []ranking.Ranked, used []ranking.Dimension) table {
	t := table{models: len(scored)}
	for _, d := range used {
		values := make([]float64, len(scored))
		for i, m := range scored {
			values[i] = m.Values[d.Name].Value
		}
		if d.Better == metrics.Lower {
			negate(values)
		}
		t.values = append(t.values, values)
		t.ranks = append(t.ranks, stats.AverageRanks(values))
		t.weights = append(t.weights, d.Weight)
	}
	return t
}

func (t table) totalWeight() float64 {
	total := 0.0
	for _, w := range t.weights {
		total += w
	}
	return total
}

// weightedMean is the mean over dimensions of value(d, i) for every model i.
func (t table) weightedMean(weights []float64, value func(d, i int) float64) []float64 {
	means := make([]float64, t.models)
	total := 0.0
	for d, w := range weights {
		total += w
		for i := range means {
			means[i] += w * value(d, i)
		}
	}
	for i := range means {
		means[i] /= total
	}
	return means
}

// winRate is mean win rate, 0 to 1 (Liang et al. 2023, Holistic Evaluation of
// Language Models): the worst of n models has rank 1 and beats none.
func winRate(t table) []float64 {
	equal := slices.Repeat([]float64{1}, len(t.weights))
	return t.weightedMean(equal, func(d, i int) float64 { return (t.ranks[d][i] - 1) / float64(t.models-1) })
}

// meanRank is 1 for a model that is the best in every dimension.
func meanRank(t table) []float64 {
	return t.weightedMean(t.weights, func(d, i int) float64 { return float64(t.models+1) - t.ranks[d][i] })
}

// geometricMean lets a weakness be made up for less than an arithmetic mean
// does. Values go from 1 to 100 since one 0 would decide alone (OECD, Handbook
// on Constructing Composite Indicators 2008); a dimension in which all are
// alike is 100 for all.
func geometricMean(t table) []float64 {
	logs := t.weightedMean(t.weights, func(d, i int) float64 {
		low, high := slices.Min(t.values[d]), slices.Max(t.values[d])
		if low == high {
			return math.Log(100)
		}
		return math.Log(1 + 99*(t.values[d][i]-low)/(high-low))
	})
	for i := range logs {
		logs[i] = math.Exp(logs[i])
	}
	return logs
}

const (
	mmTolerance  = 1e-12
	mmIterations = 100_000
)

// bradleyTerry fits the model in which i beats k with probability
// s_i/(s_i + s_k) by the MM algorithm (Hunter 2004). A win counts as the weight
// of its dimension, a tie as half a win for each. One more dimension of mean
// weight, in which all tie, keeps the strength of a model that wins everything
// finite. Every two models meet in every dimension, so that the order is that
// of meanRank; the strengths say how far apart they are.
func bradleyTerry(t table) []float64 {
	pseudo := t.totalWeight() / float64(len(t.weights))
	contests := t.totalWeight() + pseudo // of every two models
	wins := make([]float64, t.models)
	for i := range wins {
		wins[i] = pseudo * float64(t.models-1) / 2
		for d, w := range t.weights {
			wins[i] += w * (t.ranks[d][i] - 1)
		}
	}
	strength := slices.Repeat([]float64{1}, t.models)
	for range mmIterations {
		if mmStep(strength, wins, contests) <= mmTolerance {
			break
		}
	}
	return strength
}

// mmStep improves the strengths in place and returns the largest relative
// change.
func mmStep(strength, wins []float64, contests float64) float64 {
	next := make([]float64, len(strength))
	meanLog := 0.0
	for i, s := range strength {
		met := 0.0
		for k, other := range strength {
			if k != i {
				met += contests / (s + other)
			}
		}
		next[i] = wins[i] / met
		meanLog += math.Log(next[i]) / float64(len(strength))
	}
	change := 0.0
	for i := range next {
		next[i] /= math.Exp(meanLog)
		change = max(change, math.Abs(next[i]/strength[i]-1))
	}
	copy(strength, next)
	return change
}
