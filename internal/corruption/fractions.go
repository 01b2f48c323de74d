package corruption

import "quba/internal/imaging"

// fractionOf is v/255 for each grey level.
var fractionOf = func() (t [256]float64) {
	for v := range t {
		t[v] = float64(v) / 255
	}
	return t
}()

// fractions sets dst to the grey levels of pix over 255.
func fractions(dst []float64, pix []byte) {
	dst = dst[:len(pix)]
	for i, v := range pix {
		dst[i] = fractionOf[v]
	}
}

// levelOf is x, which must be within 0..1 or not far from it, in grey levels,
// limited to 0..255 and truncated, as the reference code does.
func levelOf(x float64) byte { return limited(x * 255) }

// limited is v truncated and limited to 0..255. Limiting the whole number is
// faster than limiting v, which might be no number.
func limited(v float64) byte { return byte(min(max(int32(v), 0), 255)) }

// truncated sets pix to the levels of src.
func truncated(pix []byte, src []float64) {
	src = src[:len(pix)]
	for i := range pix {
		pix[i] = levelOf(src[i])
	}
}

// padImage sets dst to the levels of an image with left and right pixels more on
// each row.
func padImage(dst []float64, src *imaging.Image, left, right int, mode edgeMode) {
	stride := 3 * (src.W + left + right)
	for y := range src.H {
		padRow(dst[y*stride:(y+1)*stride], src, y, left, right, mode)
	}
}

// padRow sets line to the levels of row y with left and right pixels more.
func padRow(line []float64, src *imaging.Image, y, left, right int, mode edgeMode) {
	pix := src.Pix[3*src.W*y : 3*src.W*(y+1)]
	inner := line[3*left : 3*left+len(pix)]
	for i, v := range pix {
		inner[i] = float64(v)
	}
	extend(line, src.W, 3, left, right, mode)
}

// levels sets pix to src, which is in grey levels, truncated and limited.
func levels(pix []byte, src []float64) {
	src = src[:len(pix)]
	for i := range pix {
		pix[i] = limited(src[i])
	}
}
