package figures

import (
	"fmt"
	"image/color"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

const (
	// mostRows is how many models fit below each other on a page.
	mostRows  = 50
	rowHeight = 3.8 * vg.Millimeter
	axisRoom  = 9 * vg.Millimeter // below a plot, for the ticks and the label
)

// rankingFigures is a forest plot: scores with their intervals, and beside
// them, where there are draws, the sets of ranks.
func rankingFigures(s subject) ([]Figure, error) {
	models := s.scored()
	if len(models) == 0 {
		return nil, lacking("no model has a rank")
	}
	if left := len(s.models) - len(models); left > 0 {
		s.note("figure ranking leaves out %d models without a rank", left)
	}
	models = s.first(models, mostRows, "ranking")
	scores, ranks := scorePlot(models, s.options.level()), rankPlot(models, len(s.scored()), s.options.level())
	f := Figure{Name: "ranking", Width: singleColumn, Height: vg.Length(len(models))*rowHeight + axisRoom + 2*margin}
	f.draw = func(c draw.Canvas) { scores.Draw(c) }
	if ranks != nil {
		f.Width = doubleColumn
		f.draw = func(c draw.Canvas) {
			middle := c.Size().X * 0.62
			scores.Draw(draw.Crop(c, 0, middle-c.Size().X, 0, 0))
			ranks.Draw(draw.Crop(c, middle+panelGap, 0, 0, 0))
		}
	}
	return []Figure{f}, nil
}

// level is that of the intervals in percent, 0 without any.
func (o Options) level() float64 {
	if o.Uncertainty == nil || len(o.Uncertainty.DataSets) == 0 {
		return 0
	}
	return 100 * o.Uncertainty.Level
}

func (s subject) scored() []shown {
	for i, m := range s.models {
		if !m.Scored {
			return s.models[:i]
		}
	}
	return s.models
}

// span is a value with a bar around it, in a row from below.
type span struct {
	value, low, high float64
	row              int
}

// spans draws values as dots and what is around them as bars. It is a
// plot.Plotter.
type spans struct {
	all    []span
	colour color.Color
}

// Plot implements plot.Plotter.
func (b spans) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	for _, s := range b.all {
		at := y(float64(s.row))
		c.StrokeLine2(draw.LineStyle{Color: b.colour, Width: thickLine}, x(s.low), at, x(s.high), at)
		c.DrawGlyphNoClip(draw.GlyphStyle{Color: b.colour, Radius: 2, Shape: draw.CircleGlyph{}}, vg.Point{X: x(s.value), Y: at})
	}
}

// DataRange implements plot.DataRanger.
func (b spans) DataRange() (xmin, xmax, ymin, ymax float64) {
	xmin, xmax = b.all[0].low, b.all[0].high
	for _, s := range b.all {
		xmin, xmax = min(xmin, s.low), max(xmax, s.high)
	}
	return xmin, xmax, 0, float64(len(b.all) - 1)
}

func scorePlot(models []shown, level float64) *plot.Plot {
	var all []span
	var names []string
	for i, m := range models {
		s := span{m.QUBA, m.QUBA, m.QUBA, len(models) - 1 - i}
		if m.uncertain != nil && m.uncertain.QUBA != nil {
			if low, high, ok := interval(*m.uncertain.QUBA); ok {
				s.low, s.high = low, high
			}
		}
		all = append(all, s)
		names = append(names, m.label)
	}
	p := rowPlot(spans{all, blue}, names)
	p.X.Label.Text = "QUBA score"
	if level > 0 {
		p.X.Label.Text += fmt.Sprintf(" with %g%% interval", level)
	}
	return p
}

// rankPlot is nil where no model has a rank set.
func rankPlot(models []shown, of int, level float64) *plot.Plot {
	var all []span
	last := 1
	for i, m := range models {
		if m.uncertain == nil || m.uncertain.Simultaneous == nil {
			continue
		}
		set := *m.uncertain.Simultaneous
		all = append(all, span{float64(m.Rank), float64(set.Low), float64(set.High), len(models) - 1 - i})
		last = max(last, set.High, m.Rank)
	}
	if len(all) == 0 {
		return nil
	}
	p := rowPlot(spans{all, palette[1]}, make([]string, len(models)))
	p.X.Label.Text = fmt.Sprintf("Rank among %d with simultaneous %g%% set", of, level)
	setRange(&p.X, 0.6, float64(last)+0.4)
	p.X.Tick.Marker = rankTicks(last)
	return p
}

// rankTicks are at the first rank and at round ones.
func rankTicks(last int) plot.ConstantTicks {
	step := 1
	for _, round := range []int{2, 5, 10} {
		if last > 10*step {
			step = round
		}
	}
	ticks := []plot.Tick{{Value: 1, Label: "1"}}
	for rank := max(2, step); rank <= last; rank += step {
		ticks = append(ticks, plot.Tick{Value: float64(rank), Label: strconv.Itoa(rank)})
	}
	return ticks
}

// rowPlot has a row for each name, the first on top.
func rowPlot(b spans, names []string) *plot.Plot {
	p := newPlot()
	p.Add(rowLines(len(names)), verticalGrid(), b)
	pad := (p.X.Max - p.X.Min) * 0.04
	setRange(&p.X, p.X.Min-pad, p.X.Max+pad)
	named(&p.Y, reversed(names))
	return p
}

func verticalGrid() *plotter.Grid {
	g := plotter.NewGrid()
	g.Horizontal.Width = 0
	g.Vertical = draw.LineStyle{Color: faint, Width: thinLine}
	return g
}

func fullGrid() *plotter.Grid {
	g := verticalGrid()
	g.Horizontal = g.Vertical
	return g
}

// rowLines draws a faint line through each row.
type rowLines int

// Plot implements plot.Plotter.
func (n rowLines) Plot(c draw.Canvas, p *plot.Plot) {
	_, y := p.Transforms(&c)
	for i := range int(n) {
		c.StrokeLine2(draw.LineStyle{Color: faint, Width: thinLine}, c.Min.X, y(float64(i)), c.Max.X, y(float64(i)))
	}
}
