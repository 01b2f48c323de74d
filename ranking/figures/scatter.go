package figures

import (
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"quba/metrics"
	"quba/ranking"
)

// scatterFigures shows two dimensions against each other. Up to mostSeries
// models have a legend, more have their names beside them.
func scatterFigures(s subject) ([]Figure, error) {
	x, y := s.options.X, s.options.Y
	if x == "" || y == "" || x == y {
		return nil, lacking("it needs two different dimensions that models have")
	}
	points := s.pointsOf(x, y)
	if len(points) == 0 {
		return nil, lacking("no model has both " + words(x) + " and " + words(y))
	}
	p := newPlot()
	p.X.Label.Text, p.Y.Label.Text = axisName(x), axisName(y)
	b := background(s.options.Published, x, y)
	p.Add(fullGrid(), b, points)
	widen(&p.X)
	widen(&p.Y)
	f := Figure{Name: "scatter", Width: singleColumn, Height: 68 * vg.Millimeter}
	if points.named() {
		f.Width, f.Height = doubleColumn, 110*vg.Millimeter
	}
	l := points.legend(f.Width-2*margin, len(b) > 0)
	f.Height += l.height
	f.draw = func(c draw.Canvas) { p.Draw(l.drawTop(c)) }
	return []Figure{f}, nil
}

// axisName says which way is better where it is not up.
func axisName(dimension string) string {
	for _, d := range ranking.Dimensions() {
		if d.Name != dimension {
			continue
		}
		name := capital(dimension)
		if dimension == "parameters" {
			name += ", millions"
		}
		if d.Better == metrics.Lower {
			name += " (lower is better)"
		}
		return name
	}
	return capital(dimension)
}

// widen leaves room around the data.
func widen(axis *plot.Axis) {
	pad := (axis.Max - axis.Min) * 0.06
	if pad == 0 {
		pad = math.Max(math.Abs(axis.Max)*0.1, 0.05)
	}
	setRange(axis, axis.Min-pad, axis.Max+pad)
}

// point is a model in two dimensions, with its intervals where they are known.
type point struct {
	label                    string
	x, y                     float64
	xLow, xHigh, yLow, yHigh float64
}

// points is a plot.Plotter.
type points []point

func (s subject) pointsOf(x, y string) points {
	var all points
	for _, m := range s.models {
		vx, hasX := m.Values[x]
		vy, hasY := m.Values[y]
		if !hasX || !hasY || !finite(vx.Value) || !finite(vy.Value) {
			continue
		}
		p := point{label: m.label, x: vx.Value, y: vy.Value}
		p.xLow, p.xHigh = m.around(x, vx.Value)
		p.yLow, p.yHigh = m.around(y, vy.Value)
		all = append(all, p)
	}
	return all
}

// around is the interval of a dimension, the value itself where none is known.
func (m shown) around(dimension string, value float64) (low, high float64) {
	if m.uncertain == nil {
		return value, value
	}
	i, known := m.uncertain.Dimensions[dimension]
	if low, high, ok := interval(i); known && ok && finite(low) && finite(high) {
		return low, high
	}
	return value, value
}

func (ps points) named() bool { return len(ps) > mostSeries }

func (ps points) legend(width vg.Length, withPublished bool) legend {
	var entries []entry
	for i, p := range ps {
		if ps.named() {
			break
		}
		entries = append(entries, entry{p.label, series(i)})
	}
	if withPublished {
		entries = append(entries, entry{"published models", backgroundGlyph})
	}
	return newLegend(entries, width)
}

// Plot implements plot.Plotter.
func (ps points) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	var taken []vg.Rectangle
	for i, one := range ps {
		style := ps.glyph(i)
		line := draw.LineStyle{Color: style.Color, Width: thinLine}
		c.StrokeLine2(line, x(one.xLow), y(one.y), x(one.xHigh), y(one.y))
		c.StrokeLine2(line, x(one.x), y(one.yLow), x(one.x), y(one.yHigh))
		at := vg.Point{X: x(one.x), Y: y(one.y)}
		c.DrawGlyphNoClip(style, at)
		r := style.Radius
		taken = append(taken,
			vg.Rectangle{Min: vg.Point{X: at.X - r, Y: at.Y - r}, Max: vg.Point{X: at.X + r, Y: at.Y + r}},
			vg.Rectangle{Min: vg.Point{X: x(one.xLow), Y: at.Y}, Max: vg.Point{X: x(one.xHigh), Y: at.Y}},
			vg.Rectangle{Min: vg.Point{X: at.X, Y: y(one.yLow)}, Max: vg.Point{X: at.X, Y: y(one.yHigh)}},
		)
	}
	if ps.named() {
		ps.writeNames(c, x, y, taken)
	}
}

func (ps points) glyph(i int) draw.GlyphStyle {
	if ps.named() {
		return draw.GlyphStyle{Color: blue, Radius: 1.8, Shape: draw.CircleGlyph{}}
	}
	return series(i)
}

// DataRange implements plot.DataRanger.
func (ps points) DataRange() (xmin, xmax, ymin, ymax float64) {
	xmin, xmax, ymin, ymax = ps[0].xLow, ps[0].xHigh, ps[0].yLow, ps[0].yHigh
	for _, p := range ps {
		xmin, xmax = min(xmin, p.xLow), max(xmax, p.xHigh)
		ymin, ymax = min(ymin, p.yLow), max(ymax, p.yHigh)
	}
	return xmin, xmax, ymin, ymax
}

// writeNames puts each name to a side of its dot where it covers nothing, the
// best models first; those for which there is no room go without.
func (ps points) writeNames(c draw.Canvas, x, y func(float64) vg.Length, taken []vg.Rectangle) {
	style := textStyle(smallText, black)
	for _, p := range ps {
		text := clipped(p.label, smallText, longestLabel)
		size := vg.Point{X: style.Width(text), Y: style.FontExtents().Ascent}
		for _, from := range p.places(size, x, y) {
			box := vg.Rectangle{Min: from, Max: from.Add(size)}
			if !c.Contains(box.Min) || !c.Contains(box.Max) || overlapsAny(box, taken) {
				continue
			}
			c.FillText(style, from, text)
			taken = append(taken, box)
			break
		}
	}
}

// places are where a name of some size may stand, the best first: beyond the
// bars of the point, then between them.
func (p point) places(size vg.Point, x, y func(float64) vg.Length) []vg.Point {
	const off = 2
	at := vg.Point{X: x(p.x), Y: y(p.y)}
	right, left := at.X+off, at.X-off-size.X
	above, below := at.Y+off, at.Y-off-size.Y
	middle := at.Y - size.Y/2
	return []vg.Point{
		{X: max(right, x(p.xHigh)) + off, Y: middle},
		{X: min(at.X-off, x(p.xLow)) - off - size.X, Y: middle},
		{X: at.X - size.X/2, Y: max(above, y(p.yHigh)) + off},
		{X: at.X - size.X/2, Y: min(at.Y-off, y(p.yLow)) - off - size.Y},
		{X: right, Y: above},
		{X: right, Y: below},
		{X: left, Y: above},
		{X: left, Y: below},
	}
}

func overlapsAny(box vg.Rectangle, others []vg.Rectangle) bool {
	for _, o := range others {
		if box.Min.X < o.Max.X && o.Min.X < box.Max.X && box.Min.Y < o.Max.Y && o.Min.Y < box.Max.Y {
			return true
		}
	}
	return false
}

var backgroundGlyph = draw.GlyphStyle{Color: mix(white, grey, 0.5), Radius: 1.1, Shape: draw.CircleGlyph{}}

// backdrop are the published models. It is a plot.Plotter.
type backdrop []position

type position struct{ x, y float64 }

func background(models []ranking.Model, x, y string) backdrop {
	var all backdrop
	for _, m := range models {
		vx, hasX := m.Values[x]
		vy, hasY := m.Values[y]
		if hasX && hasY && finite(vx.Value) && finite(vy.Value) {
			all = append(all, position{vx.Value, vy.Value})
		}
	}
	return all
}

// Plot implements plot.Plotter.
func (b backdrop) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	for _, one := range b {
		c.DrawGlyphNoClip(backgroundGlyph, vg.Point{X: x(one.x), Y: y(one.y)})
	}
}

// DataRange implements plot.DataRanger.
func (b backdrop) DataRange() (xmin, xmax, ymin, ymax float64) {
	xmin, xmax, ymin, ymax = math.Inf(1), math.Inf(-1), math.Inf(1), math.Inf(-1)
	for _, p := range b {
		xmin, xmax = min(xmin, p.x), max(xmax, p.x)
		ymin, ymax = min(ymin, p.y), max(ymax, p.y)
	}
	return xmin, xmax, ymin, ymax
}
