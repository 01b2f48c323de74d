package figures

import (
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"quba/metrics"
)

const categoryPrefix = "category/"

// shapeBiasFigures shows the shape bias of each category beside that of people.
func shapeBiasFigures(s subject) ([]Figure, error) {
	models := s.having("shape_bias", func(parts []metrics.Part) bool { return len(categoriesOf(parts)) > 0 })
	if len(models) == 0 {
		return nil, lacking("no model has a shape bias by category; it needs the parts of shape_bias")
	}
	models = s.first(models, mostSeries, "shape-bias")
	keys := humanCategories()
	p := shapeBiasPlot(models, keys)
	l := seriesLegend(models, singleColumn-2*margin, entry{"people (Geirhos et al. 2019)", draw.GlyphStyle{Color: black, Radius: 3, Shape: tickGlyph{}}})
	f := Figure{Name: "shape-bias", Width: singleColumn, Height: vg.Length(len(keys))*4.6*vg.Millimeter + axisRoom + l.height + 2*margin}
	f.draw = func(c draw.Canvas) { p.Draw(l.drawTop(c)) }
	return []Figure{f}, nil
}

// humanCategories are those of the published images, in their order.
func humanCategories() (keys []string) {
	for _, p := range metrics.HumanShapeBias().Parts {
		if key, ok := strings.CutPrefix(p.Name, categoryPrefix); ok {
			keys = append(keys, key)
		}
	}
	return keys
}

func shapeBiasPlot(models []shown, keys []string) *plot.Plot {
	var names []string
	for _, key := range keys {
		names = append(names, capital(key))
	}
	p := newPlot()
	p.Add(rowLines(len(keys)), verticalGrid(), humanTicks(inRows(keys, categoriesOf(metrics.HumanShapeBias().Parts))))
	for i, m := range models {
		p.Add(rowMarks{inRows(keys, categoriesOf(m.partsOf("shape_bias"))), series(i), i, len(models)})
	}
	named(&p.Y, reversed(names))
	setRange(&p.X, 0, 1)
	p.X.Tick.Marker = steps(0, 1, 0.25)
	p.X.Label.Text = "Shape bias (0 texture, 1 shape)"
	return p
}

// categoriesOf are the shape biases by category.
func categoriesOf(parts []metrics.Part) map[string]float64 {
	values := map[string]float64{}
	for _, p := range parts {
		if key, ok := strings.CutPrefix(p.Name, categoryPrefix); ok && finite(p.Value) {
			values[key] = p.Value
		}
	}
	return values
}

// inRows gives values the rows of their keys, the first on top.
func inRows(keys []string, values map[string]float64) []position {
	var all []position
	for i, key := range keys {
		if v, ok := values[key]; ok {
			all = append(all, position{v, float64(len(keys) - 1 - i)})
		}
	}
	return all
}

// humanTicks are upright lines. It is a plot.Plotter.
type humanTicks []position

// Plot implements plot.Plotter.
func (h humanTicks) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	for _, at := range h {
		c.StrokeLine2(draw.LineStyle{Color: black, Width: 1.5}, x(at.x), y(at.y-0.38), x(at.x), y(at.y+0.38))
	}
}

// rowMarks are the marks of one series of many, each a little lower than those
// of the one before, so that none covers another. It is a plot.Plotter.
type rowMarks struct {
	at    []position
	style draw.GlyphStyle
	i, of int
}

// Plot implements plot.Plotter.
func (r rowMarks) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	const spread = 0.6
	down := spread*(float64(r.i)+0.5)/float64(r.of) - spread/2
	for _, at := range r.at {
		c.DrawGlyphNoClip(r.style, vg.Point{X: x(at.x), Y: y(at.y - down)})
	}
}

// tickGlyph is an upright line.
type tickGlyph struct{}

// DrawGlyph implements draw.GlyphDrawer.
func (tickGlyph) DrawGlyph(c *draw.Canvas, style draw.GlyphStyle, at vg.Point) {
	c.StrokeLine2(draw.LineStyle{Color: style.Color, Width: 1.5}, at.X, at.Y-style.Radius, at.X, at.Y+style.Radius)
}
