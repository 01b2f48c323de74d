package figures

import (
	"fmt"
	"math"
	"strings"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"quba/metrics"
)

const severities = 5

// corruptionFigures shows the accuracy of each model under 15 corruptions of 5
// severities.
func corruptionFigures(s subject) ([]Figure, error) {
	var made []Figure
	for i, m := range s.models {
		values := corruptionCells(m.partsOf("corruption_robustness"))
		if values == nil {
			continue
		}
		made = append(made, corruptionFigure(strings.TrimSuffix(fmt.Sprintf("corruptions-%02d-%s", i+1, slug(m.label)), "-"), m.label, values))
	}
	if len(made) == 0 {
		return nil, lacking("no model has accuracies under corruptions; they need the parts of corruption_robustness")
	}
	return made, nil
}

// corruptionCells is nil where there is no part of a severity.
func corruptionCells(parts []metrics.Part) [][]float64 {
	known := map[string]float64{}
	for _, p := range parts {
		known[p.Name] = p.Value
	}
	scored, _ := metrics.CorruptionNames()
	var rows [][]float64
	measured := false
	for _, name := range scored {
		var row []float64
		for severity := 1; severity <= severities; severity++ {
			v, ok := known[fmt.Sprintf("%s/%d", name, severity)]
			if !ok {
				v = math.NaN()
			}
			measured = measured || ok
			row = append(row, v)
		}
		rows = append(rows, row)
	}
	if !measured {
		return nil
	}
	return rows
}

func corruptionFigure(name, label string, values [][]float64) Figure {
	g := cells{values: values, colour: sequential(0, 1), gap: thinLine}
	g.text = func(i, j int) string { return shortNumber(values[i][j]) }
	scored, _ := metrics.CorruptionNames()
	var names []string
	for _, corruption := range scored {
		names = append(names, capital(corruption))
	}
	p := newPlot()
	p.Title.Text = clipped(label, textSize, singleColumn-barSpace-2*margin)
	p.Add(g)
	named(&p.X, []string{"1", "2", "3", "4", "5"})
	named(&p.Y, reversed(names))
	p.X.Label.Text = "Severity"
	f := Figure{Name: name, Width: singleColumn, Height: vg.Length(len(names))*4.2*vg.Millimeter + axisRoom + 5*vg.Millimeter}
	f.draw = func(c draw.Canvas) { drawWithBar(c, p, g.colour, steps(0, 1, 0.25), "Accuracy") }
	return f
}
