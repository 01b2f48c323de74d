package sensitivity

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"

	"go.yaml.in/yaml/v3"

	"quba/configs/weights"
	"quba/pipeline/registry"
	"quba/ranking"
)

// Scenario is a set of weights for a purpose.
type Scenario struct {
	Name string
	// Doc says whom it is for: the comment at the head of the file.
	Doc     string
	Weights ranking.Weights
}

// Scenarios are those that come with the program, by name. They are shared: do
// not change their weights.
func Scenarios() []Scenario { return slices.Clone(shipped()) }

// FindScenario finds a scenario by its name.
func FindScenario(name string) (Scenario, error) {
	var names []string
	for _, s := range shipped() {
		if s.Name == name {
			return s, nil
		}
		names = append(names, s.Name)
	}
	return Scenario{}, registry.Unknown("scenario", name, names)
}

var shipped = sync.OnceValue(func() []Scenario {
	var all []Scenario
	err := fs.WalkDir(weights.Files, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(weights.Files, path)
		if err != nil {
			return err
		}
		s := Scenario{Name: strings.TrimSuffix(path, ".yaml"), Doc: headComment(string(data))}
		all = append(all, s)
		return yaml.Unmarshal(data, &all[len(all)-1].Weights)
	})
	if err != nil {
		panic(fmt.Sprintf("sensitivity: embedded weights: %v", err))
	}
	return all
})

// headComment joins the lines of the comment at the head of a file.
func headComment(text string) string {
	var words []string
	for line := range strings.Lines(text) {
		comment, ok := strings.CutPrefix(line, "#")
		if !ok {
			break
		}
		words = append(words, strings.TrimSpace(comment))
	}
	return strings.Join(words, " ")
}

// ScenarioRanking is the cohort ranked for a purpose.
type ScenarioRanking struct {
	Scenario string `json:"scenario"`
	Doc      string `json:"doc"`
	// Weights are in the order of the matrix's dimensions, sum 1.
	Weights []float64 `json:"weights"`
	// Missing are the dimensions that the scenario weighs and the matrix
	// lacks: the scores do without them.
	Missing []string `json:"missing,omitempty"`
	// Scores and Ranks, from 1, are by row of the matrix.
	Scores []float64 `json:"scores"`
	Ranks  []int     `json:"ranks"`
	// Tau is Kendall's tau-b with the ranking as it is, -1..1.
	Tau float64 `json:"tau"`
	// TopOverlap is the share of the first topK models that stay among the
	// first, 0..1.
	TopOverlap float64 `json:"top_overlap"`
}

// ScoreScenarios ranks the same models under each scenario. One that weighs no
// dimension of the matrix is left out.
func (m Matrix) ScoreScenarios(scenarios []Scenario, topK int) ([]ScenarioRanking, error) {
	if err := m.checkPairs(); err != nil {
		return nil, err
	}
	if topK < 1 {
		return nil, fmt.Errorf("top-k must be at least 1, got %d", topK)
	}
	base := m.ranksOf(m.Weights)
	var out []ScenarioRanking
	for _, s := range scenarios {
		w, missing, err := m.weigh(s.Weights)
		if err != nil {
			return nil, fmt.Errorf("scenario %s: %w", s.Name, err)
		}
		if w == nil {
			continue
		}
		r := ScenarioRanking{Scenario: s.Name, Doc: s.Doc, Weights: w, Missing: missing, Scores: make([]float64, len(m.Z)), Ranks: m.ranksOf(w)}
		scores(m.Z, w, r.Scores)
		r.Tau, r.TopOverlap = tauB(base, r.Ranks), topOverlap(base, r.Ranks, min(topK, len(base)))
		out = append(out, r)
	}
	return out, nil
}

// weigh turns named weights into shares of the whole on the dimensions of the
// matrix; nil when none of them has a weight. A dimension without one keeps
// its published weight, as in package ranking.
func (m Matrix) weigh(named ranking.Weights) (w []float64, missing []string, err error) {
	w = make([]float64, len(m.Dimensions))
	known, total := 0, 0.0
	for _, d := range ranking.Dimensions() {
		weight := d.Weight
		for _, name := range []string{d.Name, d.Column} {
			if given, ok := named[name]; ok {
				weight = given
				known++
			}
		}
		at := slices.Index(m.Dimensions, d.Name)
		switch {
		case !(weight >= 0):
			return nil, nil, fmt.Errorf("weight of %s must be at least 0, got %v", d.Name, weight)
		case at >= 0:
			w[at] = weight
			total += weight
		case weight > 0:
			missing = append(missing, d.Name)
		}
	}
	if known < len(named) {
		return nil, nil, fmt.Errorf("some of its %d weights are of no dimension, or of one twice", len(named))
	}
	if total == 0 {
		return nil, missing, nil
	}
	normalise(w)
	return w, missing, nil
}
