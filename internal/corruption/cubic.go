package corruption

import (
	"math"
	"sync"

	"quba/internal/imaging"
)

// cubicTaps are the four samples around a place in an enlarged line.
type cubicTaps struct {
	at     [4]int32
	weight [4]float32
}

// cubicTapsOf is Keys' cubic convolution with a = -0.75 for sample i of n
// samples enlarged to m, edges replicated.
func cubicTapsOf(i, n, m int) cubicTaps {
	const a = -0.75
	place := float32((float64(i)+0.5)*(1/(float64(m)/float64(n))) - 0.5)
	first := float32(math.Floor(float64(place)))
	x := place - first
	near := func(x float32) float32 { return ((a+2)*x-(a+3))*x*x + 1 }
	far := func(x float32) float32 { return ((a*x-5*a)*x+8*a)*x - 4*a }
	t := cubicTaps{weight: [4]float32{far(x + 1), near(x), near(1 - x)}}
	t.weight[3] = 1 - t.weight[0] - t.weight[1] - t.weight[2]
	for j := range t.at {
		t.at[j] = int32(min(max(int(first)+j-1, 0), n-1))
	}
	return t
}

// cubicWindow is a part of a texture that is enlarged as OpenCV 5 does with
// INTER_CUBIC, in single precision.
// It keeps the last lines that were enlarged horizontally.
type cubicWindow struct {
	texture   *imaging.Image
	height, y int
	columns   []cubicTaps
	// lines hold row kept[i] of the texture, each in slot row%len(lines).
	lines [4][]float32
	kept  [4]int32
}

var cubicWindows = sync.Pool{New: func() any { return new(cubicWindow) }}

// newCubicWindow is the part from (x, y), w pixels wide, of the texture
// enlarged to width x height.
func newCubicWindow(texture *imaging.Image, width, height, x, y, w int) *cubicWindow {
	c := cubicWindows.Get().(*cubicWindow)
	c.texture, c.height, c.y = texture, height, y
	c.columns = c.columns[:0]
	for i := range w {
		c.columns = append(c.columns, cubicTapsOf(x+i, texture.W, width))
	}
	for i := range c.lines {
		if cap(c.lines[i]) < 3*w {
			c.lines[i] = make([]float32, 3*w)
		}
		c.lines[i], c.kept[i] = c.lines[i][:3*w], -1
	}
	return c
}

func (c *cubicWindow) close() {
	c.texture = nil
	cubicWindows.Put(c)
}

func (c *cubicWindow) read(dst []byte, y int) {
	t := cubicTapsOf(c.y+y, c.texture.H, c.height)
	l0, l1, l2, l3 := c.line(t.at[0]), c.line(t.at[1]), c.line(t.at[2]), c.line(t.at[3])
	for i := range dst {
		sum := t.weight[0]*l0[i] + t.weight[1]*l1[i] + t.weight[2]*l2[i] + t.weight[3]*l3[i]
		dst[i] = byte(min(max(math.RoundToEven(float64(sum)), 0), 255))
	}
}

// line is row y of the texture, enlarged horizontally.
func (c *cubicWindow) line(y int32) []float32 {
	slot := y % int32(len(c.lines))
	line := c.lines[slot]
	if c.kept[slot] == y {
		return line
	}
	c.kept[slot] = y
	row := c.texture.Pix[3*int(y)*c.texture.W:][:3*c.texture.W]
	for i := range c.columns {
		t := &c.columns[i]
		for channel := range int32(3) {
			sum := float32(0)
			for j, at := range t.at {
				sum += t.weight[j] * float32(row[3*at+channel])
			}
			line[3*int32(i)+channel] = sum
		}
	}
	return line
}
