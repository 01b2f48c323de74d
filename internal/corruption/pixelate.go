package corruption

import "quba/internal/imaging"

var pixelateScale = [MaxSeverity]float64{.6, .5, .4, .3, .25}

func init() {
	register(Corruption{Name: "pixelate", Order: 13, Apply: pixelate})
}

// pixelate shrinks with Pillow's box filter and enlarges again to blocks. A
// side is never shrunk to nothing, which the reference fails on.
func pixelate(dst, src *imaging.Image, severity int, _ Draws, o Options) error {
	c := pixelateScale[severity-1]
	w, h := max(int(c*float64(src.W)), 1), max(int(c*float64(src.H)), 1)
	small := imaging.Resize(src, w, h, imaging.Box)
	if o.Variant == ImageCorruptions {
		copy(dst.Pix, imaging.Resize(small, src.W, src.H, imaging.Nearest).Pix)
		return nil
	}
	enlarge(dst, small)
	return nil
}

// enlarge repeats the pixel of small under the centre of each of dst.
func enlarge(dst, small *imaging.Image) {
	columns := make([]int, dst.W)
	for x := range columns {
		columns[x] = under(x, small.W, dst.W)
	}
	last := -1
	for y := range dst.H {
		row := dst.Pix[3*dst.W*y:][:3*dst.W]
		at := under(y, small.H, dst.H)
		if at == last {
			copy(row, dst.Pix[3*dst.W*(y-1):])
			continue
		}
		last = at
		from := small.Pix[3*small.W*at:][:3*small.W]
		for x, column := range columns {
			to, pixel := row[3*x:3*x+3:3*x+3], from[3*column:3*column+3:3*column+3]
			to[0], to[1], to[2] = pixel[0], pixel[1], pixel[2]
		}
	}
}

// under is the position among m samples that covers the centre of sample i of
// n, in Pillow's arithmetic.
func under(i, m, n int) int {
	return min(int((float64(i)+.5)*(float64(m)/float64(n))), m-1)
}
