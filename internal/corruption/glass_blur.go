package corruption

import "quba/internal/imaging"

func init() {
	register(Corruption{Name: "glass_blur", Order: 4, Apply: glassBlur})
}

// glassSteps are the blur before and after, how far pixels move, and how often.
var glassSteps = [MaxSeverity]struct {
	sigma          float64
	reach, repeats int
}{{0.7, 1, 2}, {0.9, 2, 1}, {1, 2, 3}, {1.1, 3, 2}, {1.5, 4, 2}}

// glassBlur blurs, replaces pixels by neighbours, and blurs again. The reference
// code was meant to swap the two pixels, but its assignment copies one over the
// other; the published images have it so.
func glassBlur(dst, src *imaging.Image, severity int, d Draws, _ Options) error {
	step := glassSteps[severity-1]
	gaussianImage(dst.Pix, src.Pix, src.W, src.H, step.sigma)
	for range step.repeats {
		displace(dst, step.reach, d)
	}
	gaussianImage(dst.Pix, dst.Pix, src.W, src.H, step.sigma)
	return nil
}

// displace replaces each pixel, from the bottom right corner on, by one at most
// reach away, which may have been replaced before. Pixels that close to the edge
// stay.
func displace(m *imaging.Image, reach int, d Draws) {
	rows, columns := m.H-2*reach, m.W-2*reach
	if rows <= 0 || columns <= 0 {
		return
	}
	offsets := borrowOffsets(2 * rows * columns)
	defer offsetPool.Put(offsets)
	d.Offsets(*offsets, reach)
	next, stride := *offsets, 3*m.W
	for y := m.H - reach; y > reach; y-- {
		for x := m.W - reach; x > reach; x-- {
			to := y*stride + 3*x
			from := to + int(next[1])*stride + 3*int(next[0])
			m.Pix[to], m.Pix[to+1], m.Pix[to+2] = m.Pix[from], m.Pix[from+1], m.Pix[from+2]
			next = next[2:]
		}
	}
}
