package figures

import (
	"cmp"
	"fmt"
	"image/color"
	"math"
	"strconv"
	"strings"
	"unicode"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"quba/ranking"
)

// The sizes of figures on paper: text is as large as journals ask for.
const (
	singleColumn = 85 * vg.Millimeter
	doubleColumn = 180 * vg.Millimeter
	margin       = 1.5 * vg.Millimeter
	textSize     = 7 // points
	smallText    = 6 // points
	thinLine     = vg.Length(0.5)
	thickLine    = vg.Length(1.2)
	longestLabel = 38 * vg.Millimeter
)

// The palette of Okabe and Ito (2008), without its yellow, which is faint on
// paper.
var (
	black   = color.RGBA{0x00, 0x00, 0x00, 0xff}
	blue    = color.RGBA{0x00, 0x72, 0xb2, 0xff}
	palette = []color.RGBA{
		blue,
		{0xd5, 0x5e, 0x00, 0xff}, // vermilion
		{0x00, 0x9e, 0x73, 0xff}, // bluish green
		{0xcc, 0x79, 0xa7, 0xff}, // reddish purple
		{0xe6, 0x9f, 0x00, 0xff}, // orange
		{0x56, 0xb4, 0xe9, 0xff}, // sky blue
		black,
	}
	grey  = color.RGBA{0x70, 0x70, 0x70, 0xff}
	faint = color.RGBA{0xdd, 0xdd, 0xdd, 0xff}
	white = color.RGBA{0xff, 0xff, 0xff, 0xff}
)

// marks tell series apart where colours are not printed.
var marks = []draw.GlyphDrawer{
	draw.CircleGlyph{}, draw.SquareGlyph{}, draw.PyramidGlyph{}, draw.RingGlyph{}, draw.BoxGlyph{}, draw.TriangleGlyph{}, draw.CrossGlyph{},
}

// mostSeries is how many models one figure tells apart.
const mostSeries = 7

// series is how a model looks in every figure that tells models apart.
func series(i int) draw.GlyphStyle {
	return draw.GlyphStyle{Color: palette[i%len(palette)], Radius: 2.2, Shape: marks[i%len(marks)]}
}

func sans(size vg.Length) font.Font {
	return font.Font{Typeface: "Liberation", Variant: "Sans", Size: size}
}

func textStyle(size vg.Length, c color.Color) draw.TextStyle {
	return draw.TextStyle{Color: c, Font: sans(size), Handler: plot.DefaultTextHandler}
}

// newPlot is an empty plot in the style of the figures.
func newPlot() *plot.Plot {
	p := plot.New()
	p.BackgroundColor = nil // the figure has one
	p.Title.TextStyle.Font = sans(textSize)
	p.Title.Padding = 3
	for _, axis := range []*plot.Axis{&p.X, &p.Y} {
		axis.Label.TextStyle.Font = sans(textSize)
		axis.Label.Padding = 2
		axis.Tick.Label.Font = sans(textSize)
		axis.Tick.Length = 2
		axis.Tick.Marker = plot.TickerFunc(roundTicks)
		axis.Tick.Width, axis.Width = thinLine, thinLine
		axis.Padding = 2
	}
	return p
}

// setRange gives an axis its ends, whatever is drawn.
func setRange(axis *plot.Axis, low, high float64) { axis.Min, axis.Max = low, high }

// steps are ticks from low to high.
func steps(low, high, step float64) plot.ConstantTicks {
	var ticks []plot.Tick
	for i := 0; ; i++ {
		v := low + float64(i)*step
		if v > high+step/1e6 {
			return ticks
		}
		ticks = append(ticks, plot.Tick{Value: v, Label: tickText(v, step)})
	}
}

// tickText has the digits that tell ticks of a step apart.
func tickText(v, step float64) string {
	digits := max(0, int(math.Ceil(-math.Log10(step)-1e-9)))
	if scaled := step * math.Pow(10, float64(digits)); math.Abs(scaled-math.Round(scaled)) > 1e-6 {
		digits++ // a step such as 0.25
	}
	text := strconv.FormatFloat(v, 'f', digits, 64)
	if text = strings.Replace(text, "-", "−", 1); strings.Trim(text, "−0.") == "" {
		return strings.TrimPrefix(text, "−")
	}
	return text
}

// roundTicks are up to seven ticks at 1, 2 or 5 times a power of ten.
func roundTicks(low, high float64) []plot.Tick {
	const most = 6 // steps
	rough := (high - low) / most
	if !(rough > 0) || !finite(rough) {
		return []plot.Tick{{Value: low, Label: strconv.FormatFloat(low, 'g', 4, 64)}}
	}
	power := math.Pow(10, math.Floor(math.Log10(rough)))
	step := 10 * power
	for _, factor := range []float64{5, 2, 1} {
		if factor*power >= rough {
			step = factor * power
		}
	}
	return steps(math.Ceil(low/step)*step, high, step)
}

// named are ticks at 0, 1, 2... without marks.
func named(axis *plot.Axis, names []string) {
	var ticks []plot.Tick
	for i, name := range names {
		ticks = append(ticks, plot.Tick{Value: float64(i), Label: clipped(name, textSize, longestLabel)})
	}
	axis.Tick.Marker = plot.ConstantTicks(ticks)
	axis.Tick.Length, axis.Width = 0, 0
	setRange(axis, -0.5, float64(len(names))-0.5)
}

// upright turns the labels of an X axis by 90 degrees.
func upright(axis *plot.Axis) {
	axis.Tick.Label.Rotation = math.Pi / 2
	axis.Tick.Label.XAlign, axis.Tick.Label.YAlign = draw.XRight, draw.YCenter
}

// reversed returns the names last first, for axes that go up.
func reversed(names []string) []string {
	back := make([]string, len(names))
	for i, name := range names {
		back[len(names)-1-i] = name
	}
	return back
}

// clipped takes the middle out of a text that is wider than a length.
func clipped(text string, size, width vg.Length) string {
	style := textStyle(size, black)
	if style.Width(text) <= width {
		return text
	}
	runes := []rune(text)
	for keep := len(runes) - 1; keep > 1; keep-- {
		short := string(runes[:(keep+1)/2]) + "…" + string(runes[len(runes)-keep/2:])
		if style.Width(short) <= width {
			return short
		}
	}
	return "…"
}

// clean keeps text from data in one line, and in what XML may hold.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case r == unicode.ReplacementChar || !unicode.IsPrint(r):
			return '?'
		}
		return r
	}, text)
}

// labelsOf names the models, with a number where names repeat.
func labelsOf(models []ranking.Ranked) []string {
	count := map[string]int{}
	for _, m := range models {
		count[m.Name]++
	}
	seen := map[string]int{}
	var labels []string
	for _, m := range models {
		label := cmp.Or(clean(m.Name), "(no name)")
		if count[m.Name] > 1 {
			seen[m.Name]++
			label = fmt.Sprintf("%s (%d)", label, seen[m.Name])
		}
		labels = append(labels, label)
	}
	return labels
}

// slug is a text as a part of a file's name, at most 60 bytes: what is no ASCII
// letter, digit, point or underscore becomes a hyphen.
func slug(text string) string {
	const longest = 60
	var b strings.Builder
	for _, r := range strings.ToLower(text) {
		plain := r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '.' || r == '_'
		switch {
		case b.Len() >= longest:
		case plain:
			b.WriteRune(r)
		case !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
	}
	return strings.Trim(b.String(), "-.")
}

// shortNumber has two decimals, a true minus sign, and no 0 before the point.
func shortNumber(v float64) string {
	text := fmt.Sprintf("%.2f", v)
	text = strings.Replace(text, "0.", ".", 1)
	if text == "-.00" {
		text = ".00"
	}
	return strings.Replace(text, "-", "−", 1)
}
