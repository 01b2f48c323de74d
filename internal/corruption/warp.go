package corruption

import "math"

// warp samples an RGB picture of values 0..1, h rows of w pixels and one
// number more.
type warp struct {
	w, h  int
	from  []float32
	edges edgeMode // what lies outside
}

// row sets pixel i of out, which has one number more than the pixels, to the
// picture at (xs[i], ys[i]), bilinearly.
func (p *warp) row(out []float32, xs, ys []float64) {
	warpRow(out, p.from, p.w, p.h, xs, ys)
	for i, x := range xs {
		if !inside(x, ys[i], p.w, p.h) {
			p.edge(out[3*i:3*i+3], x, ys[i])
		}
	}
}

// inside reports whether the four neighbours of a place lie in the picture.
func inside(x, y float64, w, h int) bool {
	return x >= 0 && y >= 0 && x < float64(w-1) && y < float64(h-1)
}

// warpRowGo sets the pixels of out whose four neighbours lie in the picture.
func warpRowGo(out, from []float32, w, h int, xs, ys []float64) {
	for i, x := range xs {
		y := ys[i]
		if !inside(x, y, w, h) {
			continue
		}
		left, top := int(x), int(y)
		at := from[3*(top*w+left):]
		below := at[3*w:]
		blendPixels(out[3*i:], at, at[3:], below, below[3:], float32(x-float64(left)), float32(y-float64(top)))
	}
}

func (p *warp) edge(out []float32, x, y float64) {
	left, top := math.Floor(x), math.Floor(y)
	pixel := func(right, down int) []float32 {
		column, row := p.edges.index(int(left)+right, p.w), p.edges.index(int(top)+down, p.h)
		return p.from[3*(row*p.w+column):]
	}
	blendPixels(out, pixel(0, 0), pixel(1, 0), pixel(0, 1), pixel(1, 1), float32(x-left), float32(y-top))
}

// blendPixels is x of the way from p to q and from s to t, and y of the way
// between those. Pixels that are equal give just themselves.
func blendPixels(out, p, q, s, t []float32, x, y float32) {
	out, p, q, s, t = out[:3], p[:3], q[:3], s[:3], t[:3]
	for c := range out {
		top := p[c] + float32(x*(q[c]-p[c]))
		bottom := s[c] + float32(x*(t[c]-s[c]))
		out[c] = top + float32(y*(bottom-top))
	}
}
