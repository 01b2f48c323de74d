package html

import (
	"quba/ranking"
	"quba/ranking/uncertainty"
)

// uncertain is what the page shows of a bootstrap. It holds for the weights
// that the page starts with.
type uncertain struct {
	Draws  int              `json:"draws"`
	Level  float64          `json:"level"`
	Models []uncertainModel `json:"models"`
	Notes  []string         `json:"notes"`
}

type uncertainModel struct {
	Model     int                  `json:"model"` // index
	Intervals map[string][]float64 `json:"intervals"`
	QUBA      []float64            `json:"quba,omitempty"`
	// Ranks are the ends of the simultaneous rank set, Marginal of its own.
	Ranks    []int `json:"ranks,omitempty"`
	Marginal []int `json:"marginal,omitempty"`
	// Probabilities are those of the ranks, from 1.
	Probabilities []float64 `json:"probabilities,omitempty"`
}

// uncertainOf is nil without a bootstrap, and where it had no images to draw.
func uncertainOf(c ranking.Cohort, r *uncertainty.Result) *uncertain {
	if r == nil || len(r.DataSets) == 0 {
		return nil
	}
	shown := &uncertain{Draws: r.Draws, Level: r.Level, Models: []uncertainModel{}, Notes: append([]string{}, r.Notes...)}
	places := placesOf(c.Models)
	for _, m := range r.Models {
		at, ok := places[identity{m.Model, m.Source}]
		if !ok {
			continue
		}
		shown.Models = append(shown.Models, uncertainModelOf(at, m))
	}
	return shown
}

func uncertainModelOf(index int, m uncertainty.Model) uncertainModel {
	u := uncertainModel{Model: index, Intervals: map[string][]float64{}, Probabilities: shares(m.RankProbabilities)}
	for name, i := range m.Dimensions {
		if drawn(i) {
			u.Intervals[name] = []float64{i.Low, i.High}
		}
	}
	if m.QUBA != nil && drawn(*m.QUBA) {
		u.QUBA = []float64{m.QUBA.Low, m.QUBA.High}
	}
	if m.Simultaneous != nil {
		u.Ranks = []int{m.Simultaneous.Low, m.Simultaneous.High}
	}
	if m.Marginal != nil {
		u.Marginal = []int{m.Marginal.Low, m.Marginal.High}
	}
	return u
}

// drawn says whether an interval tells more than its value.
func drawn(i uncertainty.Interval) bool {
	return i.Method != uncertainty.Constant && i.Method != uncertainty.None
}

// identity tells models apart: names repeat in tables, where each row is a
// source of its own.
type identity struct{ name, source string }

func placesOf(models []ranking.Model) map[identity]int {
	places := map[identity]int{}
	for i, m := range models {
		places[identity{m.Name, m.Source}] = i
	}
	return places
}
