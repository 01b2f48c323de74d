package figures

import (
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// entry is what a legend says of a series.
type entry struct {
	text  string
	glyph draw.GlyphStyle
}

// legend is a strip of entries, in rows as wide as the figure.
type legend struct {
	rows   [][]entry
	height vg.Length
}

const (
	legendRow = 3.6 * vg.Millimeter
	glyphRoom = 9 // points from the left of a mark to its text
	entryGap  = 8 // points

	longestEntry = 60 * vg.Millimeter
)

func (e entry) width() vg.Length {
	return glyphRoom + textStyle(textSize, black).Width(e.text) + entryGap
}

// newLegend fills rows one after the other.
func newLegend(entries []entry, width vg.Length) legend {
	var l legend
	var used vg.Length
	for _, e := range entries {
		e.text = clipped(e.text, textSize, min(longestEntry, width-glyphRoom-entryGap))
		if len(l.rows) == 0 || used+e.width() > width {
			l.rows = append(l.rows, nil)
			used = 0
		}
		l.rows[len(l.rows)-1] = append(l.rows[len(l.rows)-1], e)
		used += e.width()
	}
	l.height = vg.Length(len(l.rows)) * legendRow
	return l
}

// drawTop draws the legend along the top and returns the rest of the canvas.
func (l legend) drawTop(c draw.Canvas) draw.Canvas {
	style := textStyle(textSize, black)
	style.YAlign = draw.YCenter
	for i, row := range l.rows {
		x, y := c.Min.X, c.Max.Y-(vg.Length(i)+0.5)*legendRow
		for _, e := range row {
			c.DrawGlyphNoClip(e.glyph, vg.Point{X: x + glyphRoom/2, Y: y})
			c.FillText(style, vg.Point{X: x + glyphRoom, Y: y}, e.text)
			x += e.width()
		}
	}
	if len(l.rows) == 0 {
		return c
	}
	return draw.Crop(c, 0, 0, 0, -l.height-vg.Millimeter)
}

// headingRoom is what drawHeading takes.
const headingRoom = legendRow + vg.Millimeter

// drawHeading writes a line along the top, as wide as the canvas allows, and
// returns the rest of the canvas.
func drawHeading(c draw.Canvas, text string) draw.Canvas {
	style := textStyle(textSize, black)
	style.YAlign = draw.YCenter
	c.FillText(style, vg.Point{X: c.Min.X, Y: c.Max.Y - legendRow/2}, clipped(text, textSize, c.Size().X))
	return draw.Crop(c, 0, 0, 0, -headingRoom)
}

// seriesLegend names models by how they look.
func seriesLegend(models []shown, width vg.Length, more ...entry) legend {
	var entries []entry
	for i, m := range models {
		entries = append(entries, entry{m.label, series(i)})
	}
	return newLegend(append(entries, more...), width)
}
