package uncertainty

import (
	"slices"

	"gonum.org/v1/gonum/stat"

	"quba/metrics"
	"quba/ranking"
)

// scores are the QUBA scores of the ranked models, best first, and their draws.
type scores struct {
	values           []float64
	draws, jackknife [][]float64 // by model, NaN where not defined
	standardised     [][][]float64
}

// scoresOf makes the draws of QUBA: each is the score of the draw's values.
// Dimensions without draws keep their value.
func scoresOf(s *sample, ranked ranking.Ranking) scores {
	count := 0
	for count < len(ranked.Models) && ranked.Models[count].Scored {
		count++
	}
	var sc scores
	for _, m := range ranked.Models[:count] {
		sc.values = append(sc.values, m.QUBA)
	}
	draws := s.columns(ranked.Used, func(sub *subject) []float64 { return sub.draws })
	if count == 0 || len(draws) == 0 {
		return sc
	}
	sc.draws = qubaOf(ranked, count, draws)
	sc.standardised = standardisedOf(ranked, count, draws, maxStandardised)
	sc.jackknife = qubaOf(ranked, count, s.columns(ranked.Used, func(sub *subject) []float64 { return sub.jackknife }))
	return sc
}

// columnKey names the draws of a score.
type columnKey struct {
	model     int
	dimension string
}

// columns are the draws of the scores in the given dimensions.
func (s *sample) columns(used []ranking.Dimension, of func(*subject) []float64) map[columnKey][]float64 {
	columns := map[columnKey][]float64{}
	for i := range s.subjects {
		sub := &s.subjects[i]
		if sub.statistic != nil && slices.ContainsFunc(used, func(d ranking.Dimension) bool { return d.Name == sub.dimension }) {
			columns[columnKey{sub.model, sub.dimension}] = of(sub)
		}
	}
	return columns
}

// qubaOf scores the first count models once for each row of columns.
func qubaOf(ranked ranking.Ranking, count int, columns map[columnKey][]float64) [][]float64 {
	out := make([][]float64, count)
	for m := range out {
		out[m] = make([]float64, drawsIn(columns))
	}
	total := 0.0
	for _, d := range ranked.Used {
		total += d.Weight
		eachRow(d, ranked, count, columns, func(b int, z []float64) {
			for m, v := range z {
				out[m][b] += d.Weight * v
			}
		})
	}
	for m := range out {
		for b := range out[m] {
			out[m][b] /= total
		}
	}
	return out
}

// maxStandardised bounds the memory of standardised draws: 32 MB.
const maxStandardised = 4 << 20

// standardisedOf makes Result.Standardised for the first count models: the first
// draws that fit into limit numbers, without those that leave one undefined.
func standardisedOf(ranked ranking.Ranking, count int, columns map[columnKey][]float64, limit int) [][][]float64 {
	size := count * len(ranked.Used)
	n := min(drawsIn(columns), limit/size)
	cells := make([]float64, n*size)
	for column, d := range ranked.Used {
		eachRow(d, ranked, count, columns, func(b int, z []float64) {
			if b >= n {
				return
			}
			for m, v := range z {
				cells[b*size+m*len(ranked.Used)+column] = v
			}
		})
	}
	var draws [][][]float64
	for draw := range slices.Chunk(cells, size) {
		if len(defined(draw)) == size {
			draws = append(draws, slices.Collect(slices.Chunk(draw, len(ranked.Used))))
		}
	}
	return draws
}

// drawsIn is the length of the columns, which is the same for all.
func drawsIn(columns map[columnKey][]float64) int {
	for _, column := range columns {
		return len(column)
	}
	return 0
}

// eachRow standardises the values of a dimension once for each row of columns,
// which stand in place of the stored ones.
func eachRow(d ranking.Dimension, ranked ranking.Ranking, count int, columns map[columnKey][]float64, visit func(b int, z []float64)) {
	values := make([]float64, count)
	for b := range drawsIn(columns) {
		for m := range values {
			values[m] = ranked.Models[m].Values[d.Name].Value
			if column, drawn := columns[columnKey{m, d.Name}]; drawn {
				values[m] = column[b]
			}
		}
		visit(b, standardise(d, values, ranked.Normalization))
	}
}

// standardise gives z scores, higher is better, by the constants of the
// published score or by the values themselves.
func standardise(d ranking.Dimension, values []float64, n ranking.Normalization) []float64 {
	mean, std := d.Mean, d.Std
	if n == ranking.InCohort {
		mean, std = stat.MeanStdDev(values, nil)
	}
	z := make([]float64, len(values))
	// The standard deviation of equal values may have rounding in it.
	if n == ranking.InCohort && slices.Min(values) == slices.Max(values) {
		return z
	}
	for i, v := range values {
		z[i] = (v - mean) / std
		if d.Better == metrics.Lower {
			z[i] = -z[i]
		}
	}
	return z
}
