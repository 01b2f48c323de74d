package html

import (
	"math"

	"quba/ranking"
	"quba/ranking/sensitivity"
)

// shownRanks bounds the heat map of ranks, whose size grows with the square of
// the number of models.
const shownRanks = 30

// acceptability is how often models have ranks when weights are drawn by a law.
type acceptability struct {
	Law    string            `json:"law"`
	Draws  int               `json:"draws"`
	Models []acceptableModel `json:"models"` // best first
}

type acceptableModel struct {
	Model int       `json:"model"`  // index
	Ranks []float64 `json:"shares"` // of the draws by rank, from 1
}

// acceptabilities draws weights by three laws: any weights, and weights near
// those of the ranking, loosely and closely. There is nothing to tell of fewer
// than two ranked models.
func acceptabilities(c ranking.Cohort, r ranking.Ranking) ([]acceptability, error) {
	all := []acceptability{}
	if len(r.Models) < 2 || !r.Models[1].Scored || len(r.Used) < 2 {
		return all, nil
	}
	m, err := sensitivity.New(r)
	if err != nil {
		return nil, err
	}
	laws := []sensitivity.Law{sensitivity.Uniform()}
	for _, kappa := range []float64{10, 50} {
		law, err := sensitivity.Near(m.Weights, kappa)
		if err != nil {
			return nil, err
		}
		laws = append(laws, law)
	}
	places := placesOf(c.Models)
	for _, law := range laws {
		a, err := m.Acceptability(law, nil, sensitivity.Simulation{})
		if err != nil {
			return nil, err
		}
		shown := acceptability{Law: a.Law, Draws: a.Draws}
		for row, model := range a.Models[:min(shownRanks, len(a.Models))] {
			place := places[identity{r.Models[row].Name, r.Models[row].Source}]
			shown.Models = append(shown.Models, acceptableModel{place, shares(model.Ranks)})
		}
		all = append(all, shown)
	}
	return all, nil
}

// shares rounds to what a heat map can show, and leaves out the ranks that it
// has no room for.
func shares(probabilities []float64) []float64 {
	var rounded []float64
	for _, p := range probabilities[:min(shownRanks, len(probabilities))] {
		rounded = append(rounded, math.Round(p*1e4)/1e4)
	}
	return rounded
}
