package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"gonum.org/v1/gonum/floats"

	"quba/ranking/sensitivity"
)

const (
	// topRanks is what counts as being among the first.
	topRanks = 3
	// mostModels is how many models are shown in each section.
	mostModels = 15
)

// sensitivityDoc is the layer in JSON. Rows are the models, best first.
type sensitivityDoc struct {
	Models        []string                      `json:"models"`
	Dimensions    []string                      `json:"dimensions"`
	Weights       []float64                     `json:"weights"` // sum 1
	Acceptability []sensitivity.Acceptability   `json:"acceptability"`
	Influence     sensitivity.Influence         `json:"influence"`
	Curve         sensitivity.Curve             `json:"curve"`
	Flips         sensitivity.Flips             `json:"flips"`
	Dominance     sensitivity.Dominance         `json:"dominance"`
	Ablation      []sensitivity.Ablation        `json:"ablation,omitempty"`
	Scenarios     []sensitivity.ScenarioRanking `json:"scenarios"`
}

func sensitivityLayer(s rankSubject) (layer, error) {
	m, err := sensitivity.New(s.ranking)
	if err != nil {
		return layer{}, err
	}
	var draws [][][]float64
	if s.uncertainty != nil {
		draws = s.uncertainty.Standardised
	}
	doc, err := varyWeights(m, draws, sensitivity.Simulation{Seed: s.flags.seed, Draws: s.flags.draws})
	if err != nil {
		return layer{}, err
	}
	return layer{
		key: "sensitivity", doc: doc, exact: exactAcceptability(doc),
		sections: []section{
			acceptabilitySection(doc), centralWeightsSection(doc), scenariosSection(doc), flipsSection(doc), curveSection(doc),
			dimensionsSection(doc), dominanceSection(doc),
		},
	}, nil
}

// varyWeights asks every question about the weights; draws are those of the
// scores, none for scores as they are.
func varyWeights(m sensitivity.Matrix, draws [][][]float64, s sensitivity.Simulation) (doc sensitivityDoc, err error) {
	doc = sensitivityDoc{Models: m.Models, Dimensions: m.Dimensions, Weights: m.Weights, Dominance: m.Dominance()}
	for _, law := range m.Laws() {
		a, err := m.Acceptability(law, draws, s)
		if err != nil {
			return doc, err
		}
		doc.Acceptability = append(doc.Acceptability, a)
	}
	if doc.Influence, err = m.Influence(sensitivity.Uniform(), s); err != nil {
		return doc, err
	}
	if doc.Curve, err = m.Curve(topRanks, s); err != nil {
		return doc, err
	}
	if doc.Flips, err = m.Flips(); err != nil {
		return doc, err
	}
	if doc.Scenarios, err = m.ScoreScenarios(sensitivity.Scenarios(), topRanks); err != nil {
		return doc, err
	}
	if len(m.Dimensions) > 1 {
		doc.Ablation, err = m.Ablate(sensitivity.Groups())
	}
	return doc, err
}

// leading are the places of the models that are shown.
func (d sensitivityDoc) leading() int { return min(mostModels, len(d.Models)) }

func (d sensitivityDoc) leadingTitle() string {
	if len(d.Models) <= mostModels {
		return ""
	}
	return fmt.Sprintf(", the first %d of %d models", mostModels, len(d.Models))
}

func acceptabilitySection(d sensitivityDoc) section {
	g := grid{header: []string{"model"}, numeric: map[int]bool{}}
	for k, a := range d.Acceptability {
		g.header = append(g.header, a.Law)
		g.numeric[k+1] = true
	}
	for i := range d.leading() {
		row := []string{d.Models[i]}
		for _, a := range d.Acceptability {
			ranks := a.Models[i].Ranks
			row = append(row, fmt.Sprintf("%s  %s", percent(ranks[0]), percent(floats.Sum(ranks[:min(topRanks, len(ranks))]))))
		}
		g.rows = append(g.rows, row)
	}
	return section{fmt.Sprintf("How many of %d random weights put a model first, and among the first %d, by the law that they are drawn from, with %s%s",
		d.Acceptability[0].Draws, topRanks, d.scoresText(), d.leadingTitle()), g}
}

// scoresText says what the weights were put together with.
func (d sensitivityDoc) scoresText() string {
	if n := d.Acceptability[0].ScoreDraws; n > 0 {
		return fmt.Sprintf("%d draws of the images behind the scores", n)
	}
	return "the scores as they are (with --uncertainty, scores are drawn as well)"
}

// centralWeightsSection shows the models that the first law ever puts first.
func centralWeightsSection(d sensitivityDoc) section {
	a := d.Acceptability[0]
	g := grid{header: append([]string{"model", "confidence"}, shortNames(a.Dimensions)...), numeric: map[int]bool{1: true}}
	for i := range d.leading() {
		m := a.Models[i]
		if m.CentralWeights == nil {
			continue
		}
		row := []string{m.Model, "-"}
		if a.ScoreDraws > 0 {
			row[1] = percent(m.Confidence)
		}
		for k, w := range m.CentralWeights {
			row = append(row, fmt.Sprintf("%.2f", w))
			g.numeric[k+2] = true
		}
		g.rows = append(g.rows, row)
	}
	return section{fmt.Sprintf("Central weights: the mean of the %s weights that put a model first, and in how many draws of the scores they do (confidence factor)%s",
		a.Law, d.leadingTitle()), g}
}

func percent(share float64) string { return fmt.Sprintf("%3.0f %%", 100*share) }

func scenariosSection(d sensitivityDoc) section {
	g := grid{header: []string{"model"}, numeric: map[int]bool{}}
	agreement := []string{"tau-b with the ranking"}
	for k, s := range d.Scenarios {
		g.header = append(g.header, s.Scenario)
		g.numeric[k+1] = true
		agreement = append(agreement, fmt.Sprintf("%.3f", s.Tau))
	}
	for i := range d.leading() {
		row := []string{d.Models[i]}
		for _, s := range d.Scenarios {
			row = append(row, strconv.Itoa(s.Ranks[i]))
		}
		g.rows = append(g.rows, row)
	}
	g.rows = append(g.rows, agreement)
	return section{"Ranks by the weights of each scenario" + d.leadingTitle(), g}
}

func flipsSection(d sensitivityDoc) section {
	g := grid{header: []string{"weight that moves", "what it takes"}, numeric: map[int]bool{0: true}}
	for _, f := range d.Flips.Pairs[:min(mostModels, len(d.Flips.Pairs))] {
		share := "-"
		if f.Possible {
			share = fmt.Sprintf("%.2f %%", 100*f.Moved)
		}
		g.rows = append(g.rows, []string{share, f.Text})
	}
	title := "The smallest changes of weights that swap neighbours" + d.leadingTitle()
	if f := d.Flips.Weakest; f != nil {
		title += fmt.Sprintf("; the weakest rank of all is %d (%s)", f.Rank, f.Upper)
	}
	return section{title, g}
}

func curveSection(d sensitivityDoc) section {
	g := grid{
		header:  []string{"weight that moves", "tau-b", "tau-b, worst 5 %", fmt.Sprintf("top %d kept", d.Curve.TopK), "mean shift of ranks"},
		numeric: map[int]bool{1: true, 2: true, 3: true, 4: true},
	}
	for _, b := range d.Curve.Bins {
		g.rows = append(g.rows, []string{
			fmt.Sprintf("%.0f to %.0f %%", 100*b.From, 100*b.To), fmt.Sprintf("%.3f", b.Tau.Median), fmt.Sprintf("%.3f", b.Tau.Tail),
			percent(b.TopOverlap.Median), fmt.Sprintf("%.1f", b.MeanShift.Median),
		})
	}
	return section{"How the ranking changes with the distance of the weights (medians)", g}
}

// dimensionsSection says what each weight does to the ranking.
func dimensionsSection(d sensitivityDoc) section {
	g := grid{
		header:  []string{"dimension or group", "weight", "influence", "tau-b without", "gains most without", "loses most without"},
		numeric: map[int]bool{1: true, 2: true, 3: true},
	}
	for k, a := range d.Ablation {
		row := []string{a.Name, "", "", fmt.Sprintf("%.3f", a.Tau), moveText(a.Gainers), moveText(a.Losers)}
		if k < len(d.Dimensions) {
			row[1], row[2] = fmt.Sprintf("%.3f", d.Weights[k]), fmt.Sprintf("%.2f", d.Influence.Dimensions[k].FirstOrder)
		}
		g.rows = append(g.rows, row)
	}
	return section{"What each dimension does: the share of the variance of ranks that its weight alone explains (first order, " +
		d.Influence.Law + " weights), and the ranking without it", g}
}

func moveText(moves []sensitivity.Move) string {
	if len(moves) == 0 {
		return "-"
	}
	return fmt.Sprintf("%s %d → %d", moves[0].Model, moves[0].From, moves[0].To)
}

func dominanceSection(d sensitivityDoc) section {
	g := grid{header: []string{"model", "rank 1 by some weights", "best weights"}}
	for _, row := range d.Dominance.Front {
		winner, weights := "no", ""
		if slices.Contains(d.Dominance.Winners, row) {
			winner, weights = "yes", weightsText(d.Dimensions, d.Dominance.Models[row].BestWeights)
		}
		g.rows = append(g.rows, []string{d.Models[row], winner, weights})
	}
	shown := min(mostModels, len(g.rows))
	title := fmt.Sprintf("Pareto front: %d of %d models that no other matches or beats in everything, %d of which some weights put first",
		len(g.rows), len(d.Models), len(d.Dominance.Winners))
	if shown < len(g.rows) {
		title += fmt.Sprintf(" (%d shown)", shown)
	}
	g.rows = g.rows[:shown]
	return section{title, g}
}

// weightsText names the weights that are at least a twentieth.
func weightsText(dimensions []string, weights []float64) string {
	var words []string
	for d, w := range weights {
		if w >= 0.05 {
			words = append(words, fmt.Sprintf("%s %.2f", dimensions[d], w))
		}
	}
	return strings.Join(words, ", ")
}

// exactAcceptability has the share of every rank that a model ever has.
func exactAcceptability(d sensitivityDoc) grid {
	g := grid{header: []string{"law", "model", "rank", "share"}}
	for _, a := range d.Acceptability {
		for _, m := range a.Models {
			for rank, share := range m.Ranks {
				if share > 0 {
					g.rows = append(g.rows, []string{a.Law, m.Model, strconv.Itoa(rank + 1), exact(share)})
				}
			}
		}
	}
	return g
}
