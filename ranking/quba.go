package ranking

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/gonum/stat"

	"quba/metrics"
	"quba/pipeline/registry"
)

// Normalization says what a value is compared with before it is weighted.
type Normalization string

const (
	// Paper uses the frozen constants of the published score: adding a model
	// never changes another's score.
	Paper Normalization = "paper"
	// InCohort uses the mean and the sample standard deviation of the models
	// that are ranked.
	InCohort Normalization = "cohort"
)

// ParseNormalization accepts "paper" and "cohort".
func ParseNormalization(text string) (Normalization, error) {
	if n := Normalization(text); n == Paper || n == InCohort {
		return n, nil
	}
	return "", registry.Unknown("normalization", text, []string{string(Paper), string(InCohort)})
}

// Options choose how models are ranked. The zero value is the published way.
type Options struct {
	Normalization Normalization // "" is Paper
	Weights       Weights
	// AllowPartial ranks every model by the dimensions that all of them have.
	AllowPartial bool
}

// Ranking is the outcome of QUBA.
type Ranking struct {
	Normalization Normalization
	Protocol      metrics.Protocol
	// Used are the dimensions of the score, with the weights that were used.
	Used   []Dimension
	Models []Ranked // best first, those without a rank last
	Notes  []string
}

// Ranked is a model with its place.
type Ranked struct {
	Model
	// Scored says whether QUBA, Rank and Z hold anything.
	Scored bool
	QUBA   float64
	Rank   int // from 1, no two alike
	// Tied marks a score that equals another's within 1e-12; such models
	// keep the order in which they came.
	Tied bool
	// Z are the standardised values by dimension, higher is better.
	Z map[string]float64
	// Missing are the dimensions with a weight that the model lacks, and
	// Incomplete those that it has only in part.
	Missing, Incomplete []string
	// BlackBox are the dimensions for which attacks without gradients stood in:
	// white-box attacks would have found more.
	BlackBox []string
	// Bounds hold QUBA by all dimensions with a weight. Nil where none is
	// missing, and for values compared with the cohort itself.
	Bounds *Bounds
}

// blackBox are the counted dimensions for which attacks without gradients stood in.
func (m Model) blackBox(counted []Dimension) []string {
	var names []string
	for _, d := range counted {
		if metrics.HasStandIn(m.Values[d.Name].Note) {
			names = append(names, d.Name)
		}
	}
	return names
}

// Partial says that the model lacks a dimension, or parts of one.
func (r Ranked) Partial() bool { return len(r.Missing)+len(r.Incomplete) > 0 }

// noneRanked says why a ranking has no ranks, and what to do.
const noneRanked = "no model has every dimension in full, so none is ranked: use --allow-partial to rank by the dimensions that all have"

// tieTolerance is the distance of scores that are equal in exact arithmetic.
const tieTolerance = 1e-12

// QUBA ranks models by the weighted mean of their standardised dimensions.
// Partial models have neither score nor rank unless AllowPartial is set. A
// value that is not finite is an error.
func QUBA(c Cohort, o Options) (Ranking, error) {
	if o.Normalization == "" {
		o.Normalization = Paper
	}
	counted, err := o.Weights.resolve()
	if err != nil {
		return Ranking{}, err
	}
	if len(c.Models) == 0 {
		return Ranking{}, errors.New("no models to rank")
	}
	r := Ranking{Normalization: o.Normalization, Protocol: c.Protocol, Used: counted, Notes: slices.Clone(c.Notes)}
	for _, m := range c.Models {
		if err := m.check(); err != nil {
			return Ranking{}, err
		}
		missing, incomplete := m.missing(counted)
		ranked := Ranked{Model: m, Missing: missing, Incomplete: incomplete, BlackBox: m.blackBox(counted)}
		if o.Normalization == Paper {
			ranked.Bounds = boundsOf(ranked, counted)
		}
		r.Models = append(r.Models, ranked)
	}
	if o.AllowPartial {
		if err := r.useShared(); err != nil {
			return Ranking{}, err
		}
	}
	r.Notes = append(r.Notes, Caveats(c.Models)...)
	r.noteProtocol()
	if err := r.score(o.AllowPartial); err != nil {
		return Ranking{}, err
	}
	r.order()
	return r, nil
}

// useShared narrows the ranking to the dimensions that all models have.
func (r *Ranking) useShared() error {
	lacking := map[string]bool{}
	incomplete := map[string]bool{}
	for _, m := range r.Models {
		for _, name := range m.Missing {
			lacking[name] = true
		}
		for _, name := range m.Incomplete {
			incomplete[name] = true
		}
	}
	var shared, left []string
	var used []Dimension
	for _, d := range r.Used {
		if lacking[d.Name] {
			left = append(left, d.Name)
			continue
		}
		used = append(used, d)
		shared = append(shared, d.Name)
	}
	if len(used) == 0 {
		return fmt.Errorf("no dimension is there for all %d models; rank fewer models together", len(r.Models))
	}
	r.Used = used
	if len(left) > 0 {
		r.Notes = append(r.Notes, fmt.Sprintf("ranked only by %s: not every model has %s", strings.Join(shared, ", "), strings.Join(left, ", ")))
	}
	if some := slices.DeleteFunc(shared, func(name string) bool { return !incomplete[name] }); len(some) > 0 {
		r.Notes = append(r.Notes, "ranked although incomplete for some models: "+strings.Join(some, ", "))
	}
	return nil
}

// noteProtocol says where the frozen constants do not fit the values.
func (r *Ranking) noteProtocol() {
	const name = "adversarial_robustness"
	counts := slices.ContainsFunc(r.Used, func(d Dimension) bool { return d.Name == name })
	measured := slices.ContainsFunc(r.Models, func(m Ranked) bool { _, ok := m.Values[name]; return ok })
	if r.Normalization == Paper && r.Protocol == metrics.Standard && counts && measured {
		r.Notes = append(r.Notes, "the constants of adversarial_robustness were made with protocol quba-code, whose attack is another; its standard values lie lower")
	}
}

// score gives the models that may have one their score.
func (r *Ranking) score(allowPartial bool) error {
	var scored []*Ranked
	for i := range r.Models {
		m := &r.Models[i]
		if allowPartial || !m.Partial() {
			m.Scored, m.Z = true, map[string]float64{}
			scored = append(scored, m)
		}
	}
	if len(scored) == 0 {
		r.Notes = append(r.Notes, noneRanked)
		return nil
	}
	total := 0.0
	for _, d := range r.Used {
		if err := r.addDimension(d, scored); err != nil {
			return err
		}
		total += d.Weight
	}
	for _, m := range scored {
		m.QUBA /= total
		if math.IsNaN(m.QUBA) || math.IsInf(m.QUBA, 0) {
			return fmt.Errorf("model %q: the score overflows; its values are too large to be real", m.Name)
		}
	}
	return nil
}

// addDimension adds the weighted z of one dimension to the scores.
func (r *Ranking) addDimension(d Dimension, scored []*Ranked) error {
	mean, std, err := r.scale(d, scored)
	if err != nil {
		return err
	}
	for _, m := range scored {
		z := 0.0
		if std > 0 {
			z = d.z(m.Values[d.Name].Value, mean, std)
		}
		m.Z[d.Name] = z
		m.QUBA += d.Weight * z
	}
	return nil
}

// scale returns what the values of a dimension are standardised with; a
// standard deviation of 0 means that all are equal.
func (r *Ranking) scale(d Dimension, scored []*Ranked) (mean, std float64, err error) {
	if r.Normalization == Paper {
		return d.Mean, d.Std, nil
	}
	if len(scored) < 2 {
		return 0, 0, errors.New("normalization cohort needs at least two models with every dimension; use paper")
	}
	values := make([]float64, len(scored))
	for i, m := range scored {
		values[i] = m.Values[d.Name].Value
	}
	// The standard deviation of equal values may have rounding in it.
	if slices.Min(values) == slices.Max(values) {
		r.Notes = append(r.Notes, fmt.Sprintf("all models have the same %s, which therefore adds 0 to every score", d.Name))
		return values[0], 0, nil
	}
	mean, std = stat.MeanStdDev(values, nil)
	return mean, std, nil
}

// order sorts the models and gives the ranks. Scores that differ from the
// best of their group by no more than the tolerance are ties.
func (r *Ranking) order() {
	byScore := make([]int, len(r.Models))
	for i := range byScore {
		byScore[i] = i
	}
	slices.SortStableFunc(byScore, func(a, b int) int { return compareScores(r.Models[a], r.Models[b]) })
	for start := 0; start < len(byScore); {
		end := start + 1
		for end < len(byScore) && r.ties(byScore[start], byScore[end]) {
			end++
		}
		slices.Sort(byScore[start:end])
		for _, i := range byScore[start:end] {
			r.Models[i].Tied = r.Models[i].Scored && end-start > 1
		}
		start = end
	}
	sorted := make([]Ranked, len(byScore))
	for to, from := range byScore {
		sorted[to] = r.Models[from]
		if sorted[to].Scored {
			sorted[to].Rank = to + 1
		}
	}
	r.Models = sorted
}

func (r *Ranking) ties(a, b int) bool {
	return r.Models[a].Scored == r.Models[b].Scored && math.Abs(r.Models[a].QUBA-r.Models[b].QUBA) <= tieTolerance
}

// compareScores puts higher scores first and models without one last.
func compareScores(a, b Ranked) int {
	switch {
	case a.Scored != b.Scored:
		if a.Scored {
			return -1
		}
		return 1
	case a.QUBA > b.QUBA:
		return -1
	case a.QUBA < b.QUBA:
		return 1
	}
	return 0
}
