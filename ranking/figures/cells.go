package figures

import (
	"image/color"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/palette/brewer"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// ramp is a scale of colours for values between its ends.
type ramp struct {
	low, high float64
	colours   []color.Color
}

// sequential has a colour for values that go from little to much.
func sequential(low, high float64) ramp { return ramp{low, high, brewerColours("YlGnBu", 9)} }

// diverging has a colour for values whose middle is nothing.
func diverging(low, high float64) ramp { return ramp{low, high, brewerColours("RdBu", 11)} }

// brewerColours is a palette of ColorBrewer that is safe for colour blindness.
func brewerColours(name string, n int) []color.Color {
	p, err := brewer.GetPalette(brewer.TypeAny, name, n)
	if err != nil {
		panic("figures: " + err.Error()) // the names are constants
	}
	return p.Colors()
}

// at interpolates between the colours.
func (r ramp) at(v float64) color.RGBA {
	t := math.Max(0, math.Min(1, (v-r.low)/(r.high-r.low))) * float64(len(r.colours)-1)
	i := min(int(t), len(r.colours)-2)
	return mix(r.colours[i], r.colours[i+1], t-float64(i))
}

func mix(a, b color.Color, t float64) color.RGBA {
	x, y := color.RGBAModel.Convert(a).(color.RGBA), color.RGBAModel.Convert(b).(color.RGBA)
	part := func(p, q uint8) uint8 { return uint8(math.Round(float64(p) + t*(float64(q)-float64(p)))) }
	return color.RGBA{part(x.R, y.R), part(x.G, y.G), part(x.B, y.B), 0xff}
}

// readableOn is black or white, whichever stands out: by relative luminance, WCAG
// 2.1.
func readableOn(c color.RGBA) color.Color {
	linear := func(v uint8) float64 {
		s := float64(v) / 255
		if s <= 0.04045 {
			return s / 12.92
		}
		return math.Pow((s+0.055)/1.055, 2.4)
	}
	luminance := 0.2126*linear(c.R) + 0.7152*linear(c.G) + 0.0722*linear(c.B)
	if luminance > 0.179 {
		return black
	}
	return white
}

// cells is a heat map: values[row][column], the first row on top. NaN is
// grey, and infinity is no cell.
type cells struct {
	values [][]float64
	colour ramp
	text   func(row, column int) string // nil for none
	gap    vg.Length
}

// Plot implements plot.Plotter. Cells lie around whole numbers.
func (g cells) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	for i, row := range g.values {
		middle := float64(len(g.values) - 1 - i)
		for j, v := range row {
			if math.IsInf(v, 0) {
				continue
			}
			box := vg.Rectangle{
				Min: vg.Point{X: x(float64(j)-0.5) + g.gap/2, Y: y(middle-0.5) + g.gap/2},
				Max: vg.Point{X: x(float64(j)+0.5) - g.gap/2, Y: y(middle+0.5) - g.gap/2},
			}
			g.cell(c, box, i, j, v)
		}
	}
}

func (g cells) cell(c draw.Canvas, box vg.Rectangle, i, j int, v float64) {
	fill := faint
	if !math.IsNaN(v) {
		fill = g.colour.at(v)
	}
	c.SetColor(fill)
	c.Fill(box.Path())
	if g.text == nil || math.IsNaN(v) {
		return
	}
	style := textStyle(smallText, readableOn(fill))
	style.XAlign, style.YAlign = draw.XCenter, draw.YCenter
	c.FillText(style, vg.Point{X: (box.Min.X + box.Max.X) / 2, Y: (box.Min.Y + box.Max.Y) / 2}, g.text(i, j))
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// The colour bar of a heat map.
const (
	barWidth = 3 * vg.Millimeter
	barSpace = 14 * vg.Millimeter // with its labels
)

// drawWithBar draws a heat map with the scale of its colours on the right.
func drawWithBar(c draw.Canvas, p *plot.Plot, colour ramp, ticks plot.ConstantTicks, label string) {
	area := draw.Crop(c, 0, -barSpace, 0, 0)
	p.Draw(area)
	inner := p.DataCanvas(area)
	bar := draw.Canvas{Canvas: c.Canvas, Rectangle: vg.Rectangle{
		Min: vg.Point{X: inner.Max.X + 2*vg.Millimeter, Y: inner.Min.Y},
		Max: vg.Point{X: inner.Max.X + 2*vg.Millimeter + barWidth, Y: inner.Max.Y},
	}}
	drawBar(bar, colour)
	small := textStyle(smallText, black)
	small.YAlign = draw.YCenter
	for _, t := range ticks {
		at := bar.Y((t.Value - colour.low) / (colour.high - colour.low))
		c.StrokeLine2(draw.LineStyle{Color: black, Width: thinLine}, bar.Max.X, at, bar.Max.X+1.5, at)
		c.FillText(small, vg.Point{X: bar.Max.X + 3, Y: at}, t.Label)
	}
	title := textStyle(smallText, black)
	title.Rotation, title.XAlign, title.YAlign = math.Pi/2, draw.XCenter, draw.YBottom
	c.FillText(title, vg.Point{X: c.Max.X, Y: (bar.Min.Y + bar.Max.Y) / 2}, label)
}

// drawBar fills a canvas with a scale, from below, in steps that overlap so
// that no seam is seen.
func drawBar(c draw.Canvas, colour ramp) {
	const n = 100
	for i := range n {
		c.SetColor(colour.at(colour.low + (float64(i)+0.5)/n*(colour.high-colour.low)))
		c.Fill(vg.Rectangle{Min: vg.Point{X: c.Min.X, Y: c.Y(float64(i) / n)}, Max: c.Max}.Path())
	}
}
