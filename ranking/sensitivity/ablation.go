package sensitivity

import (
	"cmp"
	"fmt"
	"slices"
)

// Ablation is what the ranking would be without some dimensions, the other
// weights in proportion.
type Ablation struct {
	Name    string   `json:"name"`
	Without []string `json:"without"`
	// Tau is Kendall's tau-b with the ranking as it is, -1..1.
	Tau float64 `json:"tau"`
	// MeanShift is the mean absolute change of ranks.
	MeanShift float64 `json:"mean_shift"`
	// Ranks are those without the dimensions, from 1, by row of the matrix.
	Ranks []int `json:"ranks"`
	// Gainers and Losers are the models that move most, the largest first.
	Gainers []Move `json:"gainers"`
	Losers  []Move `json:"losers"`
}

// Move is a change of rank.
type Move struct {
	Model string `json:"model"`
	Row   int    `json:"row"`
	From  int    `json:"from"`
	To    int    `json:"to"`
}

// maxMoves is how many gainers and losers are named.
const maxMoves = 5

// Group is a set of dimensions that measure related things.
type Group struct {
	Name       string
	Dimensions []string
}

// Groups are the dimensions that share one weight in the published score.
func Groups() []Group {
	return []Group{
		{"robustness", []string{"adversarial_robustness", "corruption_robustness", "ood_robustness"}},
		{"object focus and shape bias", []string{"object_focus", "shape_bias"}},
	}
}

// Ablate leaves out every dimension in turn, then every group. A group is
// left out as far as its dimensions count in the ranking, and not looked at
// where none does or nothing else would be left.
func (m Matrix) Ablate(groups []Group) ([]Ablation, error) {
	if err := m.checkPairs(); err != nil {
		return nil, err
	}
	if len(m.Dimensions) < 2 {
		return nil, fmt.Errorf("must have at least two dimensions to leave one out, has %d", len(m.Dimensions))
	}
	var all []Group
	for _, name := range m.Dimensions {
		all = append(all, Group{name, []string{name}})
	}
	base := m.ranksOf(m.Weights)
	var out []Ablation
	for _, g := range append(all, groups...) {
		if a, ok := m.ablate(g, base); ok {
			out = append(out, a)
		}
	}
	return out, nil
}

func (m Matrix) ablate(g Group, base []int) (Ablation, bool) {
	w := slices.Clone(m.Weights)
	a := Ablation{Name: g.Name}
	left := 0.0
	for d, name := range m.Dimensions {
		if slices.Contains(g.Dimensions, name) {
			a.Without = append(a.Without, name)
			w[d] = 0
		}
		left += w[d]
	}
	if len(a.Without) == 0 || left == 0 {
		return Ablation{}, false
	}
	normalise(w)
	a.Ranks = m.ranksOf(w)
	a.Tau, a.MeanShift = tauB(base, a.Ranks), meanShift(base, a.Ranks)
	a.Gainers, a.Losers = m.moves(base, a.Ranks)
	return a, true
}

// moves names the models that gain and lose most places.
func (m Matrix) moves(from, to []int) (gainers, losers []Move) {
	all := make([]Move, len(from))
	for i := range all {
		all[i] = Move{m.Models[i], i, from[i], to[i]}
	}
	slices.SortStableFunc(all, func(a, b Move) int { return cmp.Compare(a.To-a.From, b.To-b.From) })
	gainers, losers = []Move{}, []Move{}
	for i := range min(maxMoves, len(all)) {
		if first := all[i]; first.To < first.From {
			gainers = append(gainers, first)
		}
		if last := all[len(all)-1-i]; last.To > last.From {
			losers = append(losers, last)
		}
	}
	return gainers, losers
}
