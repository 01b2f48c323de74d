package corruption

import "quba/internal/imaging"

var fogSteps = [MaxSeverity]struct{ amount, decay float64 }{{1.5, 2}, {2, 2}, {2.5, 1.7}, {2.5, 1.5}, {3, 1.4}}

func init() {
	register(Corruption{Name: "fog", Order: 9, Apply: fog})
}

// fog adds a plasma fractal and scales the image back to its greatest sample.
// The map of the original has a side of 256, here of the next power of two
// that covers the image.
func fog(dst, src *imaging.Image, severity int, d Draws, o Options) error {
	if o.Variant == ImageCorruptions {
		side := powerOfTwo(3, src.W, src.H)
		m := borrowSingles(side * side)
		defer singlePool.Put(m)
		drift(dst, src, *m, side, severity, d)
		return nil
	}
	side := powerOfTwo(256, src.W, src.H)
	m := borrowFloats(side * side)
	defer floatPool.Put(m)
	drift(dst, src, *m, side, severity, d)
	return nil
}

// powerOfTwo is the least power of two that is at least each of n.
func powerOfTwo(n ...int) int {
	side := 1
	for _, v := range n {
		for side < v {
			side *= 2
		}
	}
	return side
}

// drift does its sums in float64, but for those of the map.
func drift[T float32 | float64](dst, src *imaging.Image, m []T, side, severity int, d Draws) {
	step := fogSteps[severity-1]
	uniforms := borrowFloats(side)
	defer floatPool.Put(uniforms)
	low, span := plasma(m, side, step.decay, d, *uniforms)
	greatest := byte(0)
	for _, v := range src.Pix {
		greatest = max(greatest, v)
	}
	white := fractionOf[greatest]
	amount, full := T(step.amount), white+step.amount
	for y := range src.H {
		from, to := src.Pix[3*src.W*y:][:3*src.W], dst.Pix[3*src.W*y:][:3*src.W]
		for x, v := range m[side*y:][:src.W] {
			veil := float64(amount * ((v - low) / span))
			p, q := from[3*x:3*x+3:3*x+3], to[3*x:3*x+3:3*x+3]
			// None is below 0 or above white.
			q[0] = byte(float64((fractionOf[p[0]]+veil)*white) / full * 255)
			q[1] = byte(float64((fractionOf[p[1]]+veil)*white) / full * 255)
			q[2] = byte(float64((fractionOf[p[2]]+veil)*white) / full * 255)
		}
	}
}
