package html

import (
	"math"

	"quba/ranking"
	"quba/ranking/sensitivity"
	"quba/ranking/uncertainty"
)

// shownRanks bounds the heat map of ranks, whose size grows with the square of
// the number of models.
const shownRanks = 30

// acceptability is how often models have ranks when weights are drawn by a law.
type acceptability struct {
	Law    string            `json:"law"`
	Draws  int               `json:"draws"`
	Images bool              `json:"images"` // whether the images are drawn again, too
	Models []acceptableModel `json:"models"` // best first
}

type acceptableModel struct {
	Model int       `json:"model"`  // index
	Ranks []float64 `json:"shares"` // of the draws by rank, from 1
}

// acceptabilities draws weights by the laws that belong to a ranking, and scores
// where there are draws of them. There is nothing to tell of fewer than two
// ranked models.
func acceptabilities(c ranking.Cohort, r ranking.Ranking, u *uncertainty.Result) ([]acceptability, error) {
	all := []acceptability{}
	if len(r.Models) < 2 || !r.Models[1].Scored || len(r.Used) < 2 {
		return all, nil
	}
	m, err := sensitivity.New(r)
	if err != nil {
		return nil, err
	}
	var scores [][][]float64
	if u != nil {
		scores = u.Standardised
	}
	places := placesOf(c.Models)
	for _, law := range m.Laws() {
		a, err := m.Acceptability(law, scores, sensitivity.Simulation{})
		if err != nil {
			return nil, err
		}
		shown := acceptability{Law: a.Law, Draws: a.Draws, Images: a.ScoreDraws > 0}
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
