package figures

import (
	"cmp"
	"math"
	"slices"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"quba/metrics"
)

// attackFigures has a panel for each attack: accuracy against the size of the
// change, from the accuracy without one.
func attackFigures(s subject) ([]Figure, error) {
	models := s.having("adversarial_robustness", func(parts []metrics.Part) bool {
		points, _ := metrics.AttackPoints(parts)
		return len(points) > 0
	})
	if len(models) == 0 {
		return nil, lacking("no model has accuracies under attack; they need the parts of adversarial_robustness")
	}
	models = s.first(models, mostSeries, "attacks")
	var plots []*plot.Plot
	for _, attack := range attacksOn(models) {
		plots = append(plots, attackPlot(models, attack))
	}
	all := newPanels(plots, 50*vg.Millimeter)
	l := seriesLegend(models, all.width()-2*margin)
	f := Figure{Name: "attacks", Width: all.width(), Height: all.totalHeight() + l.height + 3*margin}
	f.draw = func(c draw.Canvas) { all.draw(l.drawTop(c)) }
	return []Figure{f}, nil
}

// attacksOn are the attacks on any of the models, in their order.
func attacksOn(models []shown) (attacks []string) {
	for _, m := range models {
		points, _ := metrics.AttackPoints(m.partsOf("adversarial_robustness"))
		for _, p := range points {
			if !slices.Contains(attacks, p.Attack) {
				attacks = append(attacks, p.Attack)
			}
		}
	}
	return attacks
}

func attackPlot(models []shown, attack string) *plot.Plot {
	p := newPlot()
	p.Title.Text = capital(attack)
	p.X.Label.Text, p.Y.Label.Text = "Size of the change, 1/255", "Accuracy"
	if attack == "pgd_l2" {
		p.X.Label.Text = "Size of the change, L2 norm of pixels in 0..1"
	}
	p.Add(fullGrid())
	for i, m := range models {
		p.Add(curve{attackCurve(m, attack), series(i)})
	}
	setRange(&p.Y, 0, 1)
	p.Y.Tick.Marker = steps(0, 1, 0.25)
	p.X.Min = 0
	p.X.Scale = squareRoot{}
	p.X.Tick.Marker = sizeTicks(models, attack)
	return p
}

// squareRoot spreads small changes, where curves fall. It is a plot.Normalizer.
type squareRoot struct{}

// Normalize implements plot.Normalizer; changes are at least 0.
func (squareRoot) Normalize(low, high, x float64) float64 {
	return (math.Sqrt(x) - math.Sqrt(low)) / (math.Sqrt(high) - math.Sqrt(low))
}

// sizeTicks are at the sizes that were tried; those for which there is no room
// have no label.
func sizeTicks(models []shown, attack string) plot.ConstantTicks {
	sizes := []float64{0}
	for _, m := range models {
		for _, at := range attackCurve(m, attack) {
			sizes = append(sizes, at.x)
		}
	}
	slices.Sort(sizes)
	sizes = slices.Compact(sizes)
	most, free := math.Sqrt(sizes[len(sizes)-1]), 0.0
	var ticks []plot.Tick
	for _, size := range sizes {
		tick := plot.Tick{Value: size}
		if at := math.Sqrt(size) / most; at >= free || most == 0 {
			const room = 0.12
			tick.Label = strconv.FormatFloat(size, 'g', 3, 64)
			free = at + room
		}
		ticks = append(ticks, tick)
	}
	return ticks
}

// attackCurve begins at the accuracy without an attack.
func attackCurve(m shown, attack string) []position {
	points, _ := metrics.AttackPoints(m.partsOf("adversarial_robustness"))
	points = slices.DeleteFunc(points, func(p metrics.AttackPoint) bool { return p.Attack != attack || !finite(p.After) })
	if len(points) == 0 {
		return nil
	}
	line := []position{{0, points[0].Before}}
	for _, p := range points {
		line = append(line, position{p.Eps, p.After})
	}
	slices.SortStableFunc(line, func(a, b position) int { return cmp.Compare(a.x, b.x) })
	return line
}

// curve is a line with marks. It is a plot.Plotter.
type curve struct {
	at    []position
	style draw.GlyphStyle
}

// Plot implements plot.Plotter.
func (l curve) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	var line []vg.Point
	for _, at := range l.at {
		line = append(line, vg.Point{X: x(at.x), Y: y(at.y)})
	}
	c.StrokeLines(draw.LineStyle{Color: l.style.Color, Width: thickLine}, line)
	for _, at := range line {
		c.DrawGlyphNoClip(l.style, at)
	}
}

// DataRange implements plot.DataRanger.
func (l curve) DataRange() (xmin, xmax, ymin, ymax float64) {
	for _, at := range l.at {
		xmax = max(xmax, at.x)
	}
	return 0, xmax, 0, 1
}
