package corruption

import (
	"fmt"
	"math"

	"quba/internal/imaging"
)

func init() {
	register(Corruption{Name: "elastic_transform", Order: 12, Apply: elasticTransform})
}

// elasticImageNetC are scale and standard deviation of the displacements, and
// how far the corners of the affine warp move, in pixels for images of any
// size: 2, 0.7, 0.08 (0.01 0.01 0.02) and so on of 244, the authors' slip of
// the pen for 224.
var elasticImageNetC = [MaxSeverity]struct{ alpha, sigma, corner float64 }{
	{244 * 2, 244 * 0.7, 244 * 0.1},
	{244 * 2, 244 * 0.08, 244 * 0.2},
	{244 * 0.05, 244 * 0.01, 244 * 0.02},
	{244 * 0.07, 244 * 0.01, 244 * 0.02},
	{244 * 0.12, 244 * 0.01, 244 * 0.02},
}

// elasticFork are the scales of the variant without an affine warp.
var elasticFork = [MaxSeverity]float64{250 * 0.05, 250 * 0.065, 250 * 0.085, 250 * 0.1, 250 * 0.12}

// elasticTruncate is where Gaussians end, in standard deviations.
const elasticTruncate = 3

// elasticTransform moves every pixel by a smooth random field (Simard et al.
// 2003), in ImageNetC after a random affine warp.
func elasticTransform(dst, src *imaging.Image, severity int, d Draws, o Options) error {
	w, h := src.W, src.H
	picture := borrowSingles(len(src.Pix))
	defer singlePool.Put(picture)
	for i, v := range src.Pix {
		(*picture)[i] = singleFractionOf[v]
	}
	e := elastic{w: w, h: h, from: *picture}
	if o.Variant == ImageCorruptions {
		reach := float64(h) * 0.005
		e.displace(dst, d, reach, elasticFork[severity-1], float64(h)*0.01, float64(w)*0.01)
		return nil
	}
	if min(w, h) < 3 {
		return fmt.Errorf("needs at least 3x3 pixels, got %dx%d", w, h)
	}
	c := elasticImageNetC[severity-1]
	warped := borrowSingles(len(src.Pix))
	defer singlePool.Put(warped)
	e.affine(*warped, d, c.corner)
	e.from = *warped
	e.displace(dst, d, 1, c.alpha, c.sigma, c.sigma)
	return nil
}

// elastic samples the RGB picture from, of values 0..1.
type elastic struct {
	w, h int
	from []float32
}

// affine warps the picture by the map that takes three corners of a square in
// its middle to where they are drawn, at most reach away.
func (e *elastic) affine(dst []float32, d Draws, reach float64) {
	var moves [6]float64
	d.Uniforms(moves[:])
	inverse := affineInverse(e.w, e.h, reach, moves)
	for y := range e.h {
		out := dst[3*y*e.w : 3*(y+1)*e.w]
		for x := range e.w {
			sx := inverse[0]*float64(x) + inverse[1]*float64(y) + inverse[2]
			sy := inverse[3]*float64(x) + inverse[4]*float64(y) + inverse[5]
			r, g, b := e.at(sx, sy, edgeReflect101)
			out[3*x], out[3*x+1], out[3*x+2] = r, g, b
		}
	}
}

// affineInverse maps the pixels of the warped image to those of the picture.
// A square without area, which no draw in practice gives, maps everything to
// one point, as OpenCV does.
func affineInverse(w, h int, reach float64, moves [6]float64) [6]float64 {
	// The middle is (h/2, w/2), taken as x and y.
	side := float64(min(w, h) / 3)
	x, y := float64(h/2), float64(w/2)
	corners := [6]float64{x + side, y + side, x + side, y - side, x - side, y - side}
	var to [6]float64
	for i := range to {
		// The draws are single precision, and so are the sums.
		to[i] = float64(float32(corners[i]) + float32(2*reach*moves[i]-reach))
	}
	a, c := (to[2]-to[4])/(2*side), (to[3]-to[5])/(2*side)
	b, d := (to[0]-to[2])/(2*side), (to[1]-to[3])/(2*side)
	tx := to[0] - a*corners[0] - b*corners[1]
	ty := to[1] - c*corners[0] - d*corners[1]
	scale := a*d - b*c
	if scale != 0 {
		scale = 1 / scale
	}
	a, b, c, d = d*scale, -b*scale, -c*scale, a*scale
	return [6]float64{a, b, -a*tx - b*ty, c, d, -c*tx - d*ty}
}

// displace writes the picture with pixel (x, y) taken from (x+dx, y+dy), where
// dx and dy are noise in -reach..reach, smoothed, times scale.
func (e *elastic) displace(dst *imaging.Image, d Draws, reach, scale, sigmaY, sigmaX float64) {
	dx, dy := borrowFloats(e.w*e.h), borrowFloats(e.w*e.h)
	defer floatPool.Put(dx)
	defer floatPool.Put(dy)
	for _, field := range []*[]float64{dx, dy} {
		d.Uniforms(*field)
		for i, u := range *field {
			(*field)[i] = 2*reach*u - reach
		}
		smoothField(*field, e.w, e.h, sigmaY, sigmaX, elasticTruncate)
	}
	for y := range e.h {
		row := y * e.w
		out := dst.Pix[3*row : 3*(row+e.w)]
		for x := range e.w {
			sx := float64(x) + float64(float32((*dx)[row+x]*scale))
			sy := float64(y) + float64(float32((*dy)[row+x]*scale))
			r, g, b := e.at(sx, sy, edgeReflect)
			// A mean of values in 0..1 needs no limits.
			out[3*x] = byte(r * 255)
			out[3*x+1] = byte(g * 255)
			out[3*x+2] = byte(b * 255)
		}
	}
}

// at is bilinear; edges says what lies outside.
func (e *elastic) at(x, y float64, edges edgeMode) (r, g, b float32) {
	if x >= 0 && y >= 0 {
		left, top := int(x), int(y)
		if left+1 < e.w && top+1 < e.h {
			i := 3 * (top*e.w + left)
			return blendPixels(e.from[i:], e.from[i+3:], e.from[i+3*e.w:], e.from[i+3*e.w+3:],
				float32(x-float64(left)), float32(y-float64(top)))
		}
	}
	return e.atEdge(x, y, edges)
}

func (e *elastic) atEdge(x, y float64, edges edgeMode) (r, g, b float32) {
	left, top := math.Floor(x), math.Floor(y)
	pixel := func(right, down int) []float32 {
		column, row := edges.index(int(left)+right, e.w), edges.index(int(top)+down, e.h)
		return e.from[3*(row*e.w+column):]
	}
	return blendPixels(pixel(0, 0), pixel(1, 0), pixel(0, 1), pixel(1, 1), float32(x-left), float32(y-top))
}

// blendPixels is x of the way from p to q and from s to t, and y of the way
// between those. Pixels that are equal give just themselves.
func blendPixels(p, q, s, t []float32, x, y float32) (r, g, b float32) {
	p, q, s, t = p[:3:3], q[:3:3], s[:3:3], t[:3:3]
	r, g, b = p[0]+x*(q[0]-p[0]), p[1]+x*(q[1]-p[1]), p[2]+x*(q[2]-p[2])
	r += y * (s[0] + x*(t[0]-s[0]) - r)
	g += y * (s[1] + x*(t[1]-s[1]) - g)
	b += y * (s[2] + x*(t[2]-s[2]) - b)
	return r, g, b
}
