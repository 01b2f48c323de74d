package stages

import (
	"quba/internal/imaging"
	"quba/pipeline"
)

// generate separates the object from a background of one colour.
func (c *silhouette) generate(s pipeline.Sample) ([]bool, error) {
	colour := borderMedian(s.Image)
	background := c.nearTo(s.Image, colour)
	border := borderPixels(s.Image.W, s.Image.H)
	uniform := 0
	for _, i := range border {
		if background[i] {
			uniform++
		}
	}
	if part := float64(uniform) / float64(len(border)); part < c.config.Uniform {
		return nil, pipeline.Unusable("the background is not uniform: %.0f%% of the border is within %d levels of its median colour, %.0f%% are needed; give masks or a segmenter", 100*part, c.config.Tolerance, 100*c.config.Uniform)
	}
	outside := reachable(background, border, s.Image.W, s.Image.H)
	object := make([]bool, len(outside))
	for i, out := range outside {
		object[i] = !out
	}
	return object, nil
}

// nearTo says which pixels have a colour, within the tolerance.
func (c *silhouette) nearTo(m *imaging.Image, colour [3]byte) []bool {
	near := make([]bool, m.W*m.H)
	for i := range near {
		near[i] = true
		for k, v := range m.Pix[3*i : 3*i+3] {
			d := int(v) - int(colour[k])
			near[i] = near[i] && max(d, -d) <= c.config.Tolerance
		}
	}
	return near
}

// borderPixels are the indexes of the outermost pixels.
func borderPixels(w, h int) []int {
	var border []int
	for y := range h {
		for x := range w {
			if x == 0 || y == 0 || x == w-1 || y == h-1 {
				border = append(border, y*w+x)
			}
		}
	}
	return border
}

// borderMedian is the median of each channel over the border.
func borderMedian(m *imaging.Image) (median [3]byte) {
	border := borderPixels(m.W, m.H)
	for c := range median {
		var count [256]int
		for _, i := range border {
			count[m.Pix[3*i+c]]++
		}
		for below, v := 0, 0; v < len(count); v++ {
			if below += count[v]; 2*below > len(border) {
				median[c] = byte(v)
				break
			}
		}
	}
	return median
}

// reachable says which free pixels are connected to the start through free
// ones, over sides: what they enclose is the object's also where it has their
// colour.
func reachable(free []bool, start []int, w, h int) []bool {
	reached := make([]bool, len(free))
	var open []int
	visit := func(i int) {
		if free[i] && !reached[i] {
			reached[i] = true
			open = append(open, i)
		}
	}
	for _, i := range start {
		visit(i)
	}
	for len(open) > 0 {
		i := open[len(open)-1]
		open = open[:len(open)-1]
		x, y := i%w, i/w
		if x > 0 {
			visit(i - 1)
		}
		if x < w-1 {
			visit(i + 1)
		}
		if y > 0 {
			visit(i - w)
		}
		if y < h-1 {
			visit(i + w)
		}
	}
	return reached
}
