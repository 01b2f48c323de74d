package corruption

import (
	"math"

	"quba/internal/imaging"
)

func init() {
	register(Corruption{Name: "snow", Order: 7, Apply: snow})
}

// snowStep says how flakes are made: normals about mean, of deviation spread,
// are enlarged by zoom; what is below threshold is dropped, and the rest blurred
// by a comet. The image keeps share of its colours.
type snowStep struct {
	mean, spread, zoom, threshold float64
	radius                        int
	sigma, share                  float64
}

var snowSteps = [MaxSeverity]snowStep{
	{0.1, 0.3, 3, 0.5, 10, 4, 0.8},
	{0.2, 0.3, 2, 0.5, 12, 4, 0.7},
	{0.55, 0.3, 4, 0.9, 12, 8, 0.7},
	{0.55, 0.3, 4.5, 0.85, 12, 8, 0.65},
	{0.55, 0.3, 2.5, 0.85, 12, 12, 0.55},
}

// snow whitens the image and adds a layer of flakes and the same layer turned by
// half a turn.
func snow(dst, src *imaging.Image, severity int, d Draws, o Options) error {
	step := &snowSteps[severity-1]
	flakes := borrowFloats(src.W * src.H)
	defer floatPool.Put(flakes)
	step.flakes(*flakes, src.W, src.H, d, o.Variant)
	step.cover(dst, src, *flakes)
	return nil
}

// flakes fills a layer of h rows of w numbers, 0 to 1. The benchmark's code cuts
// the layer to size before it is blurred and takes its levels before and after;
// imagecorruptions cuts it afterwards and takes levels once, rounded.
func (s *snowStep) flakes(layer []float64, w, h int, d Draws, v Variant) {
	down, across := newZoomAxis(h, s.zoom, true), newZoomAxis(w, s.zoom, true)
	if v == ImageCorruptions {
		down, across = wholeZoom(h, s.zoom), wholeZoom(w, s.zoom)
	}
	rows, columns := len(down.first), len(across.first)
	zoomed := borrowFloats(rows * columns)
	defer floatPool.Put(zoomed)
	s.enlarge(*zoomed, w, h, d, &down, &across)
	m := newComet(s.radius, s.sigma, d.Angle(-135, -45))
	if v == ImageCorruptions {
		m = m.within(columns, rows)
	}
	left, right := m.margins()
	stride := columns + left + right
	padded := borrowFloats(rows * stride)
	defer floatPool.Put(padded)
	for y := range rows {
		line := (*padded)[y*stride : (y+1)*stride]
		s.settle(line[left:], (*zoomed)[y*columns:(y+1)*columns], v)
		extend(line, columns, 1, left, right, edgeNearest)
	}
	m.blur(*padded, columns, rows, 1, func(y int, sums []float64) {
		if y < h {
			settled(layer[y*w:(y+1)*w], sums, v)
		}
	})
}

// settle sets dst to the levels of the flakes that pass the threshold.
func (s *snowStep) settle(dst, flakes []float64, v Variant) {
	dst = dst[:len(flakes)]
	for x, flake := range flakes {
		level := 0.0
		if flake >= s.threshold {
			level = 255 * min(flake, 1)
		}
		if v == ImageNetC {
			level = float64(int32(level))
		}
		dst[x] = level
	}
}

// settled sets dst, which is no longer than levels, to their fractions after
// they are rounded.
func settled(dst, levels []float64, v Variant) {
	if v == ImageCorruptions {
		for x := range dst {
			dst[x] = math.RoundToEven(levels[x]) / 255
		}
		return
	}
	for x := range dst {
		dst[x] = fractionOf[quantum(levels[x])]
	}
}

// enlarge draws the normals and enlarges their middle.
func (s *snowStep) enlarge(zoomed []float64, w, h int, d Draws, down, across *zoomAxis) {
	drawn := borrowFloats(w * h)
	defer floatPool.Put(drawn)
	d.Normals(*drawn)
	for i, z := range *drawn {
		(*drawn)[i] = s.mean + s.spread*z
	}
	zoomPlane(zoomed, *drawn, w, down, across)
}

// wholeZoom is a zoomAxis with every output.
func wholeZoom(n int, z float64) zoomAxis {
	length, all := zoomLengths(n, z)
	return zoomPart(n, length, all, 0, all)
}

// cover whitens src in float32 and adds the flakes in float64.
func (s *snowStep) cover(dst, src *imaging.Image, flakes []float64) {
	share, rest := float32(s.share), float32(1-s.share)
	last := len(flakes) - 1
	for i, flake := range flakes {
		flake2 := flakes[last-i]
		from, to := src.Pix[3*i:3*i+3:3*i+3], dst.Pix[3*i:3*i+3:3*i+3]
		r, g, b := float32(fractionOf[from[0]]), float32(fractionOf[from[1]]), float32(fractionOf[from[2]])
		white := (0.299*r+0.587*g+0.114*b)*1.5 + 0.5
		to[0] = levelOf(float64(share*r+rest*greater(r, white)) + flake + flake2)
		to[1] = levelOf(float64(share*g+rest*greater(g, white)) + flake + flake2)
		to[2] = levelOf(float64(share*b+rest*greater(b, white)) + flake + flake2)
	}
}

// greater is max without its care for NaN, which takes time.
func greater(a, b float32) float32 {
	if a > b {
		return a
	}
	return b
}
