package corruption

import "quba/internal/imaging"

func init() {
	register(Corruption{Name: "motion_blur", Order: 5, Apply: motionBlur})
}

var motionSteps = [MaxSeverity]struct {
	radius int
	sigma  float64
}{{10, 3}, {15, 5}, {15, 8}, {15, 12}, {20, 15}}

// motionBlur blurs in a direction within 45 degrees of the horizontal.
func motionBlur(dst, src *imaging.Image, severity int, d Draws, o Options) error {
	step := motionSteps[severity-1]
	m := newComet(step.radius, step.sigma, d.Angle(-45, 45))
	round := quanta
	if o.Variant == ImageCorruptions {
		m, round = m.within(src.W, src.H), levels
	}
	left, right := m.margins()
	padded := borrowFloats(3 * src.H * (src.W + left + right))
	defer floatPool.Put(padded)
	padImage(*padded, src, left, right, edgeNearest)
	stride := 3 * src.W
	m.blur(*padded, src.W, src.H, 3, func(y int, sums []float64) {
		round(dst.Pix[y*stride:(y+1)*stride], sums)
	})
	return nil
}

// quanta sets pix to the quantum of every level of src.
func quanta(pix []byte, src []float64) {
	src = src[:len(pix)]
	for i := range pix {
		pix[i] = quantum(src[i])
	}
}
