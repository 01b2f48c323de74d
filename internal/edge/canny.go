// Package edge finds edges in grey pictures.
package edge

import (
	"fmt"
	"math"
	"sync"
)

// Edge is the value of an edge pixel; the others are 0.
const Edge = 255

// Canny returns the edges of gray, h rows of w grey levels: Edge or 0 for each
// pixel. It is the detector of Canny (1986) as OpenCV's Canny computes it with
// a 3x3 Sobel filter and the magnitude |gx| + |gy|, which reaches 2040. A pixel
// is an edge where the magnitude is above low, highest along its gradient, and
// joined by such pixels to one above high. low and high may come in either
// order.
func Canny(gray []uint8, w, h int, low, high float64) []uint8 {
	edges := make([]uint8, w*h)
	CannyInto(edges, gray, w, h, low, high)
	return edges
}

// CannyInto is Canny that writes to edges, of w*h pixels, which are not those
// of gray.
func CannyInto(edges, gray []uint8, w, h int, low, high float64) {
	if w < 1 || h < 1 || len(gray) != w*h || len(edges) != w*h {
		panic(fmt.Sprintf("edge: %d and %d pixels for a picture of %dx%d", len(edges), len(gray), w, h))
	}
	if low > high {
		low, high = high, low
	}
	d := detectors.Get().(*detector)
	defer detectors.Put(d)
	d.resize(w, h)
	for y := range h {
		d.gradientRow(gray, y)
	}
	clear(edges)
	// Magnitudes are whole numbers: above low is above its floor.
	weak, strong := threshold(low), threshold(high)
	for y := range h {
		d.thinRow(edges, y, weak, strong)
	}
	d.follow(edges)
	for i, v := range edges {
		if v != Edge {
			edges[i] = 0
		}
	}
}

// maxMagnitude is above every |gx| + |gy| of 8-bit pictures.
const maxMagnitude = 2041

func threshold(t float64) int32 { return int32(math.Floor(min(max(t, -1), maxMagnitude))) }

// detector is the working memory of one call. mag has a border of one pixel of
// magnitude 0.
type detector struct {
	w, h   int
	gx, gy []int16
	mag    []int32
	stack  []int32
}

var detectors = sync.Pool{New: func() any { return new(detector) }}

func (d *detector) resize(w, h int) {
	d.w, d.h = w, h
	if cap(d.gx) < w*h {
		d.gx, d.gy = make([]int16, w*h), make([]int16, w*h)
	}
	d.gx, d.gy = d.gx[:w*h], d.gy[:w*h]
	padded := (w + 2) * (h + 2)
	if cap(d.mag) < padded {
		d.mag = make([]int32, padded)
	}
	d.mag = d.mag[:padded]
	clear(d.mag)
}

// gradientRow is the 3x3 Sobel filter of row y, edge pixels replicated.
func (d *detector) gradientRow(gray []uint8, y int) {
	w := d.w
	above := gray[max(y-1, 0)*w:][:w]
	here := gray[y*w:][:w]
	below := gray[min(y+1, d.h-1)*w:][:w]
	gx, gy := d.gx[y*w:][:w], d.gy[y*w:][:w]
	mag := d.mag[(y+1)*(w+2)+1:][:w]
	for x := range w {
		l, r := max(x-1, 0), min(x+1, w-1)
		left := int32(above[l]) + 2*int32(here[l]) + int32(below[l])
		right := int32(above[r]) + 2*int32(here[r]) + int32(below[r])
		top := int32(above[l]) + 2*int32(above[x]) + int32(above[r])
		bottom := int32(below[l]) + 2*int32(below[x]) + int32(below[r])
		sx, sy := right-left, bottom-top
		gx[x], gy[x] = int16(sx), int16(sy)
		mag[x] = max(sx, -sx) + max(sy, -sy)
	}
}

// candidate marks a pixel that is an edge if it is joined to one.
const candidate = 1

// thinRow marks the pixels of row y that are highest along their gradient, and
// puts those above strong on the stack.
func (d *detector) thinRow(edges []uint8, y int, weak, strong int32) {
	row := (y+1)*(d.w+2) + 1
	for x := range d.w {
		m := d.mag[row+x]
		if m <= weak || !d.highest(row+x, int32(d.gx[y*d.w+x]), int32(d.gy[y*d.w+x]), m) {
			continue
		}
		if m <= strong {
			edges[y*d.w+x] = candidate
			continue
		}
		edges[y*d.w+x] = Edge
		d.stack = append(d.stack, int32(y*d.w+x))
	}
}

// tan22 is tan(22.5 degrees) in 15 bits.
const (
	tanBits = 15
	tan22   = 13573
)

// highest compares magnitude m at padded index i with its two neighbours along
// the gradient, rounded to one of four directions.
func (d *detector) highest(i int, gx, gy, m int32) bool {
	stride := d.w + 2
	ax, ay := max(gx, -gx), max(gy, -gy)<<tanBits
	flat := ax * tan22
	if ay < flat {
		return m > d.mag[i-1] && m >= d.mag[i+1]
	}
	// tan(67.5 degrees) = tan(22.5 degrees) + 2.
	if ay > flat+ax<<(tanBits+1) {
		return m > d.mag[i-stride] && m >= d.mag[i+stride]
	}
	s := 1
	if gx^gy < 0 {
		s = -1
	}
	return m > d.mag[i-stride-s] && m > d.mag[i+stride+s]
}

// follow makes edges of the candidates that touch edges, and empties the stack.
func (d *detector) follow(edges []uint8) {
	for len(d.stack) > 0 {
		last := len(d.stack) - 1
		i := int(d.stack[last])
		d.stack = d.stack[:last]
		x, y := i%d.w, i/d.w
		for ny := max(y-1, 0); ny <= min(y+1, d.h-1); ny++ {
			for n := ny*d.w + max(x-1, 0); n <= ny*d.w+min(x+1, d.w-1); n++ {
				if edges[n] == candidate {
					edges[n] = Edge
					d.stack = append(d.stack, int32(n))
				}
			}
		}
	}
}
