package compose

import (
	"image"

	"quba/internal/imaging"
)

// tileBox covers a box of the image with copies of the largest rectangle
// beside it, laid from the image's corner on: Only-BG-T of Xiao et al. The box
// must leave a pixel row or column free.
func tileBox(m *imaging.Image, box image.Rectangle) *imaging.Image {
	tile := strip(m.W, m.H, box)
	covered := m.Clone()
	for y := box.Min.Y; y < box.Max.Y; y++ {
		for x := box.Min.X; x < box.Max.X; x++ {
			from := 3 * ((tile.Min.Y+y%tile.Dy())*m.W + tile.Min.X + x%tile.Dx())
			copy(covered.Pix[3*(y*m.W+x):][:3], m.Pix[from:])
		}
	}
	return covered
}

// strip is the largest rectangle of an image that a box leaves free. It spans
// the whole width or height. Of equal ones, the authors' script prefers those
// above and below to those at the sides, and the lower or right one of both.
func strip(w, h int, box image.Rectangle) image.Rectangle {
	left, right := image.Rect(0, 0, box.Min.X, h), image.Rect(box.Max.X, 0, w, h)
	above, below := image.Rect(0, 0, w, box.Min.Y), image.Rect(0, box.Max.Y, w, h)
	return larger(larger(left, right), larger(above, below))
}

// larger is the first of two rectangles if it has more pixels.
func larger(a, b image.Rectangle) image.Rectangle {
	if a.Dx()*a.Dy() > b.Dx()*b.Dy() {
		return a
	}
	return b
}

// paste puts the foreground of from over m, which has the same size.
func paste(m, from *imaging.Image, foreground mask) {
	for i, inside := range foreground {
		if inside {
			copy(m.Pix[3*i:3*i+3], from.Pix[3*i:3*i+3])
		}
	}
}
