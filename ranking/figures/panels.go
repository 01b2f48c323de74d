package figures

import (
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// panels are plots of the same size beside and below each other.
type panels struct {
	plots   []*plot.Plot
	columns int
	height  vg.Length // of each
}

const panelGap = 4 * vg.Millimeter

// newPanels has up to four plots in one row, else rows of three or four, as
// leaves less empty. The plots are at most as high as they are wide.
func newPanels(plots []*plot.Plot, most vg.Length) panels {
	columns := len(plots)
	if columns > 4 {
		columns = 3
		if missing(len(plots), 4) < missing(len(plots), 3) {
			columns = 4
		}
	}
	p := panels{plots: plots, columns: columns}
	p.height = min(most, p.plotWidth(p.width()-2*margin))
	return p
}

// missing is how many places the last of several rows has free.
func missing(n, columns int) int { return (columns - n%columns) % columns }

func (p panels) plotWidth(of vg.Length) vg.Length {
	return (of - vg.Length(p.columns-1)*panelGap) / vg.Length(p.columns)
}

// width is a column for one plot, else the page.
func (p panels) width() vg.Length {
	if p.columns == 1 {
		return singleColumn
	}
	return doubleColumn
}

func (p panels) rows() int { return (len(p.plots) + p.columns - 1) / p.columns }

func (p panels) totalHeight() vg.Length {
	return vg.Length(p.rows())*(p.height+panelGap) - panelGap
}

func (p panels) draw(c draw.Canvas) {
	width := p.plotWidth(c.Size().X)
	for i, one := range p.plots {
		left := c.Min.X + vg.Length(i%p.columns)*(width+panelGap)
		top := c.Max.Y - vg.Length(i/p.columns)*(p.height+panelGap)
		one.Draw(draw.Canvas{Canvas: c.Canvas, Rectangle: vg.Rectangle{
			Min: vg.Point{X: left, Y: top - p.height}, Max: vg.Point{X: left + width, Y: top},
		}})
	}
}
