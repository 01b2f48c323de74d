package corruption

import (
	"fmt"

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
	picture := borrowSingles(len(src.Pix) + 1)
	defer singlePool.Put(picture)
	for i, v := range src.Pix {
		(*picture)[i] = singleFractionOf[v]
	}
	if o.Variant == ImageCorruptions {
		moveElastic(dst, *picture, d, displacement{
			reach: float64(h) * 0.005, scale: elasticFork[severity-1],
			sigmaY: float64(h) * 0.01, sigmaX: float64(w) * 0.01,
		})
		return nil
	}
	if min(w, h) < 3 {
		return fmt.Errorf("needs at least 3x3 pixels, got %dx%d", w, h)
	}
	c := elasticImageNetC[severity-1]
	warped := borrowSingles(len(src.Pix) + 1)
	defer singlePool.Put(warped)
	warpAffine(*warped, *picture, w, h, d, c.corner)
	moveElastic(dst, *warped, d, displacement{reach: 1, scale: c.alpha, sigmaY: c.sigma, sigmaX: c.sigma})
	return nil
}

// warpAffine warps a picture by the map that takes three corners of a square
// in its middle to where they are drawn, at most reach away.
func warpAffine(dst, picture []float32, w, h int, d Draws, reach float64) {
	var moves [6]float64
	d.Uniforms(moves[:])
	m := affineInverse(w, h, reach, moves)
	places := borrowFloats(2 * w)
	defer floatPool.Put(places)
	xs, ys := (*places)[:w], (*places)[w:]
	from := warp{w: w, h: h, from: picture, edges: edgeReflect101}
	for y := range h {
		for x := range w {
			xs[x] = m[0]*float64(x) + m[1]*float64(y) + m[2]
			ys[x] = m[3]*float64(x) + m[4]*float64(y) + m[5]
		}
		from.row(dst[3*y*w:3*(y+1)*w+1], xs, ys)
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

// displacement is noise in -reach..reach, smoothed by Gaussians of two
// standard deviations, times scale.
type displacement struct{ reach, scale, sigmaY, sigmaX float64 }

// draw fills field with displacements along one axis.
func (m displacement) draw(field []float64, w, h int, d Draws) {
	d.Uniforms(field)
	for i, u := range field {
		field[i] = 2*m.reach*u - m.reach
	}
	smoothField(field, w, h, m.sigmaY, m.sigmaX, elasticTruncate)
}

// moveElastic writes the picture with pixel (x, y) taken from (x+dx, y+dy), where
// dx and dy are displacements.
func moveElastic(dst *imaging.Image, picture []float32, d Draws, m displacement) {
	w, h := dst.W, dst.H
	fields := borrowFloats(2 * w * h)
	defer floatPool.Put(fields)
	dx, dy := (*fields)[:w*h], (*fields)[w*h:]
	m.draw(dx, w, h, d)
	m.draw(dy, w, h, d)
	line := borrowSingles(3*w + 1)
	defer singlePool.Put(line)
	from := warp{w: w, h: h, from: picture, edges: edgeReflect}
	for y := range h {
		xs, ys := dx[y*w:(y+1)*w], dy[y*w:(y+1)*w]
		for x := range xs {
			// The displacements are single precision, the places are not.
			xs[x] = float64(x) + float64(float32(xs[x]*m.scale))
			ys[x] = float64(y) + float64(float32(ys[x]*m.scale))
		}
		from.row(*line, xs, ys)
		out := dst.Pix[3*y*w : 3*(y+1)*w]
		for i := range out {
			out[i] = byte((*line)[i] * 255) // means of values in 0..1 need no limits
		}
	}
}
