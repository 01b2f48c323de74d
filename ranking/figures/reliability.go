package figures

import (
	"fmt"
	"image/color"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"quba/metrics"
)

// mostPanels is how many panels fit on a page.
const mostPanels = 12

// reliabilityFigures has a panel for each model: accuracy against confidence,
// the area of a dot as the number of images in the bin.
func reliabilityFigures(s subject) ([]Figure, error) {
	models := s.having("calibration_error", func(parts []metrics.Part) bool {
		bins, _ := metrics.ReliabilityBins(parts)
		return bins != nil
	})
	if len(models) == 0 {
		return nil, lacking("no model has the bins of calibration_error")
	}
	models = s.first(models, mostPanels, "reliability")
	const height = 56 * vg.Millimeter
	var plots []*plot.Plot
	for _, m := range models {
		plots = append(plots, reliabilityPlot(m))
	}
	all := newPanels(plots, height)
	return []Figure{{Name: "reliability", Width: all.width(), Height: all.totalHeight() + 2*margin, draw: all.draw}}, nil
}

func reliabilityPlot(m shown) *plot.Plot {
	bins, rest := metrics.ReliabilityBins(m.partsOf("calibration_error"))
	p := newPlot()
	p.Title.Text = clipped(m.label, textSize, longestLabel) + calibrationText(rest)
	p.X.Label.Text, p.Y.Label.Text = "Confidence", "Accuracy"
	p.Add(fullGrid(), diagonal{}, binDots(bins))
	for _, axis := range []*plot.Axis{&p.X, &p.Y} {
		setRange(axis, 0, 1)
		axis.Tick.Marker = steps(0, 1, 0.25)
	}
	return p
}

// calibrationText is empty where the error is not known.
func calibrationText(parts []metrics.Part) string {
	for _, p := range parts {
		if p.Name == "ece" {
			return fmt.Sprintf(", ECE %.3f", p.Value)
		}
	}
	return ""
}

// diagonal is where a calibrated model lies. It is a plot.Plotter.
type diagonal struct{}

// Plot implements plot.Plotter.
func (diagonal) Plot(c draw.Canvas, _ *plot.Plot) {
	c.StrokeLine2(draw.LineStyle{Color: grey, Width: thinLine, Dashes: []vg.Length{3, 2}}, c.Min.X, c.Min.Y, c.Max.X, c.Max.Y)
}

// binDots are the bins of a reliability diagram. It is a plot.Plotter.
type binDots []metrics.ReliabilityBin

// Plot implements plot.Plotter.
func (bins binDots) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	most := int64(1)
	for _, b := range bins {
		most = max(most, b.Count)
	}
	var line []vg.Point
	for _, b := range bins {
		if b.Count > 0 {
			line = append(line, vg.Point{X: x(b.Confidence), Y: y(b.Accuracy)})
		}
	}
	c.StrokeLines(draw.LineStyle{Color: blue, Width: thinLine}, line)
	for _, b := range bins {
		if b.Count == 0 {
			continue
		}
		const largest, smallest = 3.6, 1
		radius := max(smallest, vg.Length(largest*math.Sqrt(float64(b.Count)/float64(most))))
		c.DrawGlyphNoClip(draw.GlyphStyle{Color: translucent(blue), Radius: radius, Shape: draw.CircleGlyph{}}, vg.Point{X: x(b.Confidence), Y: y(b.Accuracy)})
	}
}

// translucent lets what lies below be seen.
func translucent(c color.RGBA) color.Color { return color.NRGBA{c.R, c.G, c.B, 0xc0} }
