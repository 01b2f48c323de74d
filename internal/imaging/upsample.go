package imaging

import "image"

// upsampleYCbCr converts YCbCr to RGB as libjpeg-turbo does: chroma of half
// resolution is interpolated ("fancy", triangle-filtered) in libjpeg's integer
// arithmetic, of quarter resolution repeated, and the colours go through its
// 16-bit fixed-point tables (jdsample.c, jdcolor.c).
func upsampleYCbCr(dst *Image, m *image.YCbCr) {
	b := m.Rect
	up := newUpsampler(dst.W, dst.H, m.SubsampleRatio)
	cb, cr := make([]byte, up.outWidth()), make([]byte, up.outWidth())
	chroma := m.COffset(b.Min.X, b.Min.Y)
	for y := range dst.H {
		luma := m.Y[m.YOffset(b.Min.X, b.Min.Y+y):][:dst.W]
		up.row(cb, m.Cb[chroma:], m.CStride, y)
		up.row(cr, m.Cr[chroma:], m.CStride, y)
		yccRow(dst.Pix[3*y*dst.W:3*(y+1)*dst.W], luma, cb, cr)
	}
}

// upsampler stretches planes of w x h samples by sx horizontally, sy vertically.
type upsampler struct {
	sx, sy, w, h int
	fancy        bool
	sums         []int // one row of vertically weighted samples
}

func newUpsampler(width, height int, ratio image.YCbCrSubsampleRatio) *upsampler {
	u := &upsampler{sx: 1, sy: 1}
	switch ratio {
	case image.YCbCrSubsampleRatio422:
		u.sx = 2
	case image.YCbCrSubsampleRatio420:
		u.sx, u.sy = 2, 2
	case image.YCbCrSubsampleRatio440:
		u.sy = 2
	case image.YCbCrSubsampleRatio411:
		u.sx = 4
	case image.YCbCrSubsampleRatio410:
		u.sx, u.sy = 4, 2
	}
	u.w, u.h = (width+u.sx-1)/u.sx, (height+u.sy-1)/u.sy
	// libjpeg repeats samples of planes too narrow for its edge cases.
	u.fancy = u.sx == 1 && u.sy == 2 || u.sx == 2 && u.w > 2
	u.sums = make([]int, u.w)
	return u
}

func (u *upsampler) outWidth() int { return u.w * u.sx }

// row makes row y of the stretched plane.
func (u *upsampler) row(dst, plane []byte, stride, y int) {
	near := plane[y/u.sy*stride:][:u.w]
	switch {
	case !u.fancy:
		for x := range dst {
			dst[x] = near[x/u.sx]
		}
	case u.sy == 1:
		u.across(dst, near)
	default:
		far := plane[u.farRow(y)*stride:][:u.w]
		for x := range u.sums {
			u.sums[x] = 3*int(near[x]) + int(far[x])
		}
		u.below(dst, y)
	}
}

// farRow is the second nearest row, clamped to the plane.
func (u *upsampler) farRow(y int) int {
	if y%2 == 0 {
		return max(0, y/2-1)
	}
	return min(u.h-1, y/2+1)
}

// across doubles a row: 3/4 of the nearer and 1/4 of the further sample, with
// the bias alternating so that the rounding has no drift.
func (u *upsampler) across(dst, in []byte) {
	last := len(in) - 1
	for x, v := range in {
		left, right := 3*int(v)+int(in[max(x-1, 0)])+1, 3*int(v)+int(in[min(x+1, last)])+2
		dst[2*x], dst[2*x+1] = byte(left>>2), byte(right>>2)
	}
}

// below turns vertically weighted sums into samples, doubling the row if the
// chroma is halved horizontally too.
func (u *upsampler) below(dst []byte, y int) {
	if u.sx == 1 {
		for x, s := range u.sums {
			dst[x] = byte((s + 1 + y%2) >> 2)
		}
		return
	}
	last := len(u.sums) - 1
	for x, s := range u.sums {
		left, right := 3*s+u.sums[max(x-1, 0)]+8, 3*s+u.sums[min(x+1, last)]+7
		dst[2*x], dst[2*x+1] = byte(left>>4), byte(right>>4)
	}
}

// Factors of JFIF's YCbCr to RGB, in units of 2^-16.
const (
	crToRed   = 91881  // 1.40200
	cbToBlue  = 116130 // 1.77200
	crToGreen = 46802  // 0.71414
	cbToGreen = 22554  // 0.34414
	halfFix   = 1 << 15
)

// yccRow converts one row; cb and cr may be longer than it.
func yccRow(dst, luma, cb, cr []byte) {
	cb, cr = cb[:len(luma)], cr[:len(luma)]
	for i, v := range luma {
		y, b, r := int(v), int(cb[i])-128, int(cr[i])-128
		q := dst[3*i : 3*i+3 : 3*i+3]
		q[0] = clamp(y + (crToRed*r+halfFix)>>16)
		q[1] = clamp(y + (-cbToGreen*b-crToGreen*r+halfFix)>>16)
		q[2] = clamp(y + (cbToBlue*b+halfFix)>>16)
	}
}

func clamp(v int) byte { return byte(min(max(v, 0), 255)) }
