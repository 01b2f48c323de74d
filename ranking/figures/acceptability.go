package figures

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"quba/ranking/sensitivity"
)

const (
	// mostRanks bounds the ranks and models of the heat maps of ranks.
	mostRanks = 30
	// mostWritten is how many ranks leave room for numbers in the cells.
	mostWritten = 12
)

// acceptabilityFigures shows how often weights that are drawn by a law give a
// model a rank (SMAA-2), a figure for each law.
func acceptabilityFigures(s subject) ([]Figure, error) {
	models := s.scored()
	if len(models) < 2 || len(s.ranking.Used) < 2 {
		return nil, lacking("it needs two ranked models and two dimensions")
	}
	m, err := sensitivity.New(s.ranking)
	if err != nil {
		return nil, err
	}
	var scores [][][]float64
	if s.options.Uncertainty != nil {
		scores = s.options.Uncertainty.Standardised
	}
	models = s.first(models, mostRanks, "acceptability")
	var made []Figure
	for _, law := range m.Laws() {
		a, err := m.Acceptability(law, scores, sensitivity.Simulation{})
		if err != nil {
			return nil, err
		}
		made = append(made, acceptabilityFigure(a, models))
	}
	return made, nil
}

func acceptabilityFigure(a sensitivity.Acceptability, models []shown) Figure {
	n := len(models)
	var names, ranks []string
	most := 0.0
	g := cells{gap: thinLine}
	for i, m := range models {
		names = append(names, m.label)
		ranks = append(ranks, strconv.Itoa(i+1))
		g.values = append(g.values, a.Models[i].Ranks[:n])
		most = max(most, slices.Max(g.values[i]))
	}
	width := singleColumn
	if n > mostWritten/2 {
		width = doubleColumn
	}
	// Without numbers in the cells the colours must tell more.
	g.colour = sequential(0, math.Ceil(10*most)/10)
	if n <= mostWritten {
		g.colour = sequential(0, 1)
		g.text = func(i, j int) string { return percent(g.values[i][j]) }
	}
	p := newPlot()
	p.Add(g)
	named(&p.X, ranks)
	named(&p.Y, reversed(names))
	p.X.Label.Text = "Rank"
	f := Figure{Name: "acceptability-" + slug(a.Law), Width: width, Height: vg.Length(n)*max(rowHeight, 5*vg.Millimeter) + axisRoom + headingRoom + 2*margin}
	f.Height = max(f.Height, 36*vg.Millimeter)
	f.draw = func(c draw.Canvas) {
		drawWithBar(drawHeading(c, variedText(a)), p, g.colour, percentTicks(g.colour.high), "Draws, %")
	}
	return f
}

// variedText says what is drawn at random.
func variedText(a sensitivity.Acceptability) string {
	if a.ScoreDraws > 0 {
		return "Weights: " + a.Law + "; images drawn again"
	}
	return "Weights: " + a.Law
}

// percentTicks are at nothing, the middle and the end.
func percentTicks(high float64) plot.ConstantTicks {
	var ticks []plot.Tick
	for _, v := range []float64{0, high / 2, high} {
		ticks = append(ticks, plot.Tick{Value: v, Label: fmt.Sprintf("%.0f", 100*v)})
	}
	return ticks
}

// percent leaves out what rounds to nothing.
func percent(share float64) string {
	if share < 0.005 {
		return ""
	}
	return fmt.Sprintf("%.0f", 100*share)
}
