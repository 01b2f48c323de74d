// Package uncertainty tells how far scores and ranks would move on another
// sample of images. It draws the base images of stored predictions again and
// again (a bootstrap, paired over models and clustered by base image), and makes
// of the draws intervals for every dimension and for QUBA, tests of the
// differences between models, and confidence sets for the ranks.
package uncertainty

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"quba/ranking"
)

// Options choose how uncertainty is measured. The zero value is ready for use.
type Options struct {
	Draws int    // of the bootstrap; 0 means 2000
	Seed  uint64 // the same seed gives the same draws
	// Level is that of the intervals and sets, in (0, 1); 0 means 0.95.
	Level float64
	// Best is the tau of the tau-best set; 0 means 1.
	Best int
	// SingleStep tests all differences once. Otherwise they are tested again
	// without those that are already sure, which narrows rank sets and never
	// widens them.
	SingleStep bool
	// Ranking chooses weights, normalization and what becomes of partial models.
	Ranking ranking.Options
}

const (
	defaultDraws = 2000
	minDraws     = 100
	maxDraws     = 1_000_000
	defaultLevel = 0.95
	// jackknifeGroups is how many groups of images are left out in turn.
	jackknifeGroups = 200
)

func (o Options) withDefaults() Options {
	if o.Draws == 0 {
		o.Draws = defaultDraws
	}
	if o.Level == 0 {
		o.Level = defaultLevel
	}
	if o.Best == 0 {
		o.Best = 1
	}
	return o
}

// CheckDraws says what is wrong with a number of draws.
func CheckDraws(n int) error {
	if n < minDraws || n > maxDraws {
		return fmt.Errorf("draws must be %d..%d, got %d", minDraws, maxDraws, n)
	}
	return nil
}

func (o Options) check() error {
	if err := CheckDraws(o.Draws); err != nil {
		return err
	}
	switch {
	case !(o.Level > 0 && o.Level < 1):
		return fmt.Errorf("level must be above 0 and below 1, got %v", o.Level)
	case o.Best < 1:
		return fmt.Errorf("the number of best ranks must be at least 1, got %d", o.Best)
	}
	return nil
}

// Result is the uncertainty of a ranking.
type Result struct {
	Draws         int                   `json:"draws"`
	Seed          uint64                `json:"seed"`
	Level         float64               `json:"level"`
	Normalization ranking.Normalization `json:"normalization"`
	// DataSets are those that were drawn from.
	DataSets []DataSet `json:"data_sets"`
	Models   []Model   `json:"models"` // best first, those without a rank last
	// Pairs are all pairs of ranked models, the better one first.
	Pairs []Pair `json:"pairs,omitempty"`
	// TieGroups are the ranked models, best first, cut wherever every model
	// above is surely better than every model below, at Level for all cuts
	// together. They are places in Models.
	TieGroups [][]int  `json:"tie_groups,omitempty"`
	Best      *BestSet `json:"best,omitempty"`
	Notes     []string `json:"notes,omitempty"`
	// Standardised are draws of the values that QUBA is made of: draws x ranked
	// models x dimensions that count, in the order of ranking.Ranking. They are
	// z scores, higher is better, as many as fit into 32 MB. Draws that leave a
	// value undefined are left out. Nil without draws.
	Standardised [][][]float64 `json:"-"`
}

// DataSet is a set of base images.
type DataSet struct {
	// Name is "sha256:" and the digest of the data set, or "pipeline:" and the
	// name of the pipeline where the digest is not known.
	Name   string `json:"name"`
	Images int    `json:"images"`
}

// Model is the uncertainty of one model.
type Model struct {
	Model      string              `json:"model"`
	Source     string              `json:"source"`
	Dimensions map[string]Interval `json:"dimensions"`
	// Rank and what follows are empty for a model without a rank.
	Rank int       `json:"rank,omitempty"`
	QUBA *Interval `json:"quba,omitempty"`
	// Marginal holds the rank of this model with the probability Level,
	// Simultaneous those of all models at once. Where one of the two is shown,
	// it is Simultaneous, for ranks are read beside each other.
	Marginal     *RankSet `json:"rank_marginal,omitempty"`
	Simultaneous *RankSet `json:"rank_simultaneous,omitempty"`
	// RankProbabilities[r-1] is the share of draws in which the rank is r.
	RankProbabilities []float64 `json:"rank_probabilities,omitempty"`
}

// BestSet holds the models that may be among the Tau best: those whose
// simultaneous rank set has a rank of at most Tau. They are places in Models.
type BestSet struct {
	Tau    int   `json:"tau"`
	Models []int `json:"models"`
}

// Run reads result folders as ranking.Read does, and draws their stored
// predictions. A score whose predictions are not stored, or do not give it, is
// taken as it is, without an interval; that is said with it and in the notes.
func Run(ctx context.Context, folders []string, o Options) (*Result, error) {
	o = o.withDefaults()
	if err := o.check(); err != nil {
		return nil, err
	}
	cohort, err := ranking.Read(folders)
	if err != nil {
		return nil, err
	}
	ranked, err := ranking.QUBA(cohort, o.Ranking)
	if err != nil {
		return nil, err
	}
	s, err := newSample(ranked.Models)
	if err != nil {
		return nil, err
	}
	for _, folder := range folders {
		if err := s.readPredictions(ctx, folder); err != nil {
			return nil, err
		}
	}
	return s.analyse(ctx, ranked, o)
}

// nothingDrawn is said of a ranking without draws.
const nothingDrawn = "the ranks have no uncertainty: no model has a rank and stored predictions; add the sink predictions to the config and run again"

// analyse draws a sample that has been read, and makes the result.
func (s *sample) analyse(ctx context.Context, ranked ranking.Ranking, o Options) (*Result, error) {
	s.arrange()
	s.check()
	if err := s.resample(ctx, o, max(1, min(jackknifeGroups, s.largestSet()))); err != nil {
		return nil, err
	}
	r := &Result{Draws: o.Draws, Seed: o.Seed, Level: o.Level, Normalization: ranked.Normalization}
	for _, set := range s.sets {
		r.DataSets = append(r.DataSets, DataSet{Name: set.digest, Images: set.len()})
		if pipeline, unknown := strings.CutPrefix(set.digest, digestUnknown); unknown {
			r.Notes = append(r.Notes, fmt.Sprintf("the predictions of pipeline %s do not say which data set it reads; all pipelines of that name are taken to read the same images", pipeline))
		}
	}
	for _, m := range ranked.Models {
		r.Models = append(r.Models, Model{Model: m.Name, Source: m.Source, Rank: m.Rank, Dimensions: map[string]Interval{}})
	}
	r.addDimensions(s, ranked, o)
	scores := scoresOf(s, ranked)
	if scores.draws == nil {
		r.Notes = append(r.Notes, nothingDrawn)
		return r, nil
	}
	r.addScores(scores, o)
	r.addPairs(s, scores, o)
	r.addRanks(scores, o)
	return r, nil
}

// addDimensions makes the interval of every score.
func (r *Result) addDimensions(s *sample, ranked ranking.Ranking, o Options) {
	var notes []string
	models := map[string][]string{}
	for i := range s.subjects {
		sub := &s.subjects[i]
		n := ranked.Models[sub.model].Values[sub.dimension].N
		r.Models[sub.model].Dimensions[sub.dimension] = sub.interval(n, o.Level)
		counts := slices.ContainsFunc(ranked.Used, func(d ranking.Dimension) bool { return d.Name == sub.dimension })
		if sub.reason == "" || !counts {
			continue
		}
		note := fmt.Sprintf("QUBA takes %s as certain: %s", sub.dimension, sub.reason)
		if models[note] == nil {
			notes = append(notes, note)
		}
		models[note] = append(models[note], sub.source)
	}
	for _, note := range notes {
		r.Notes = append(r.Notes, fmt.Sprintf("%s: %s", strings.Join(models[note], ", "), note))
	}
}

// interval is that of a score made of n samples.
func (s *subject) interval(n int64, level float64) Interval {
	if s.statistic == nil && s.reason == "" {
		return certain(s.stored, Constant, "")
	}
	interval := certain(s.stored, None, s.reason)
	if s.statistic != nil {
		interval = intervalOf(s.stored, s.draws, s.jackknife, level)
	}
	// Images that count once each make accuracy a plain proportion.
	if s.dimension == metricAccuracy && n > 0 {
		interval.Wilson = wilsonBounds(s.stored, n, level)
		interval.Low, interval.High, interval.Method = interval.Wilson.Low, interval.Wilson.High, Wilson
	}
	return interval
}

// addScores makes the intervals of QUBA and keeps the draws behind them.
func (r *Result) addScores(sc scores, o Options) {
	r.Standardised = sc.standardised
	for m, value := range sc.values {
		interval := intervalOf(value, sc.draws[m], sc.jackknife[m], o.Level)
		r.Models[m].QUBA = &interval
	}
}

// addRanks makes the rank sets, the tie groups, the best set and the rank
// probabilities.
func (r *Result) addRanks(sc scores, o Options) {
	diffs := newDifferences(sc)
	if lost := len(sc.draws[0]) - len(diffs.kept); lost > 0 {
		r.Notes = append(r.Notes, fmt.Sprintf("%d of %d draws leave a score undefined and are left out of the rank sets", lost, len(sc.draws[0])))
	}
	marginal, _ := diffs.rankSets(o, diffs.rows())
	simultaneous, sure := diffs.rankSets(o, [][]int{diffs.all()})
	probabilities := diffs.rankProbabilities()
	best := &BestSet{Tau: o.Best}
	for m := range sc.values {
		r.Models[m].Marginal, r.Models[m].Simultaneous = &marginal[m], &simultaneous[m]
		r.Models[m].RankProbabilities = probabilities[m]
		if simultaneous[m].Low <= o.Best {
			best.Models = append(best.Models, m)
		}
	}
	r.Best = best
	r.TieGroups = tieGroups(len(sc.values), sure)
}
