package corruption

import "quba/internal/imaging"

// goJPEG are the steps in Go.
type goJPEG struct{}

var _ jpegSteps = goJPEG{}

func (goJPEG) encode(c *jpegCodec, src *imaging.Image) {
	for i := range 2 {
		for k := range 2 {
			c.full[i][k] = sized(c.full[i][k], 2*c.cb.stride)
		}
	}
	for cy := range c.ch {
		for i := range 2 {
			y := min(2*cy+i, c.h-1)
			rgb := src.Pix[3*c.w*y:][:3*c.w]
			luma := c.y.row(y)
			toYCC(luma, c.full[i][0], c.full[i][1], rgb)
			padRight(luma, c.w)
			padRight(c.full[i][0], c.w)
			padRight(c.full[i][1], c.w)
		}
		halve(c.cb.row(cy), c.full[0][0], c.full[1][0])
		halve(c.cr.row(cy), c.full[0][1], c.full[1][1])
	}
	c.y.padBelow(c.h)
	c.cb.padBelow(c.ch)
	c.cr.padBelow(c.ch)
}

// padRight repeats the last of the first w samples.
func padRight(row []uint8, w int) {
	for x := w; x < len(row); x++ {
		row[x] = row[w-1]
	}
}

// toYCC converts pixels in 16-bit fixed point (jccolor.c). The greatest sums
// of Cb and Cr stay below 256<<16 because half is one less than a half.
func toYCC(luma, cb, cr, rgb []uint8) {
	const centre = 128<<16 + 1<<15 - 1
	n := len(rgb) / 3
	luma, cb, cr = luma[:n], cb[:n], cr[:n]
	for x := range n {
		p := rgb[3*x : 3*x+3 : 3*x+3]
		r, g, b := int32(p[0]), int32(p[1]), int32(p[2])
		luma[x] = uint8((19595*r + 38470*g + 7471*b + 1<<15) >> 16)
		cb[x] = uint8((-11059*r - 21709*g + 32768*b + centre) >> 16)
		cr[x] = uint8((32768*r - 27439*g - 5329*b + centre) >> 16)
	}
}

// halve averages 2x2 samples; the rounding alternates along the row.
func halve(dst, upper, lower []uint8) {
	upper, lower = upper[:2*len(dst)], lower[:2*len(dst)]
	bias := uint32(1)
	for x := range dst {
		u, l := upper[2*x:2*x+2:2*x+2], lower[2*x:2*x+2:2*x+2]
		dst[x] = uint8((uint32(u[0]) + uint32(u[1]) + uint32(l[0]) + uint32(l[1]) + bias) >> 2)
		bias ^= 3
	}
}

func (goJPEG) quantise(p *jpegPlane, table *jpegTable) {
	for y := 0; y < p.height; y += 8 {
		for x := 0; x < p.stride; x += 8 {
			table.roundTrip(p.pix[y*p.stride+x:], p.stride)
		}
	}
}

func (goJPEG) decode(dst *imaging.Image, c *jpegCodec) {
	for i := range 2 {
		c.sums[i] = sized(c.sums[i], c.cw)
		c.wide[i] = sized(c.wide[i], 2*c.cw)
	}
	for y := range c.h {
		c.stretch(0, &c.cb, y)
		c.stretch(1, &c.cr, y)
		toRGB(dst.Pix[3*c.w*y:][:3*c.w], c.y.row(y), c.wide[0], c.wide[1])
	}
}

// stretch makes row y of chroma of full size: triangle-filtered, or repeated
// where the plane is too narrow for libjpeg's filter (jdsample.c).
func (c *jpegCodec) stretch(i int, p *jpegPlane, y int) {
	near, wide := p.row(y / 2)[:c.cw], c.wide[i]
	if c.cw <= 2 {
		for x, v := range near {
			wide[2*x], wide[2*x+1] = v, v
		}
		return
	}
	far := p.row(min(y/2+1, c.ch-1))[:c.cw]
	if y%2 == 0 {
		far = p.row(max(y/2-1, 0))[:c.cw]
	}
	sums := c.sums[i][:c.cw]
	for x := range sums {
		sums[x] = 3*int32(near[x]) + int32(far[x])
	}
	left, this := sums[0], sums[0]
	for x, right := range sums[1:] {
		out := wide[2*x : 2*x+2 : 2*x+2]
		out[0], out[1] = uint8((3*this+left+8)>>4), uint8((3*this+right+7)>>4)
		left, this = this, right
	}
	wide[2*c.cw-2], wide[2*c.cw-1] = uint8((3*this+left+8)>>4), uint8((4*this+7)>>4)
}

// toRGB converts to pixels in 16-bit fixed point (jdcolor.c).
func toRGB(rgb, luma, cb, cr []uint8) {
	n := len(rgb) / 3
	luma, cb, cr = luma[:n], cb[:n], cr[:n]
	for x := range n {
		p := rgb[3*x : 3*x+3 : 3*x+3]
		y, b, r := int32(luma[x]), int32(cb[x])-128, int32(cr[x])-128
		p[0] = clampByte(y + (91881*r+1<<15)>>16)
		p[1] = clampByte(y + (-22554*b-46802*r+1<<15)>>16)
		p[2] = clampByte(y + (116130*b+1<<15)>>16)
	}
}

func clampByte(v int32) uint8 { return uint8(min(max(v, 0), 255)) }
