package corruption

import (
	"slices"

	"quba/internal/imaging"
)

func init() {
	register(Corruption{Name: "zoom_blur", Order: 6, Apply: zoomBlur})
}

// zoomFactors are the enlargements that are averaged. The reference code counts
// in floating point up to an excluded end, which severity 1 meets nevertheless.
var zoomFactors = [MaxSeverity][]float64{
	zoomRange(12, 0.01), zoomRange(16, 0.01), zoomRange(11, 0.02), zoomRange(13, 0.02), zoomRange(11, 0.03),
}

// zoomRange counts n factors from 1 as numpy.arange does, whose step is the
// difference of the first two.
func zoomRange(n int, step float64) []float64 {
	f := make([]float64, n)
	delta := (1 + step) - 1
	for i := range f {
		f[i] = 1 + float64(i)*delta
	}
	return f
}

// zoomSteps is a zoomAxis for pixels stored as float32, and the same in groups
// of 8 numbers of rows of RGB pixels: number i of group g lies between those at
// base[g]+index[8g+i] and the next pixel's, fracs[8g+i] of the way. There are no
// groups where there is no next pixel.
type zoomSteps struct {
	first, step []int32
	frac        []float32
	base        []int32
	index       []uint8
	fracs       []float32
}

func newZoomSteps(a zoomAxis) zoomSteps {
	s := zoomSteps{first: a.first, step: a.step, frac: make([]float32, len(a.frac))}
	for i, f := range a.frac {
		s.frac[i] = float32(f)
	}
	if slices.Contains(a.step, 0) {
		return s
	}
	n := zoomRoom(len(a.first))
	s.base, s.index, s.fracs = make([]int32, n/8), make([]uint8, n), make([]float32, n)
	place := func(i int) int32 { return 3*a.first[i/3] + int32(i%3) }
	for i := range 3 * len(a.first) {
		if i%8 == 0 {
			s.base[i/8] = place(i)
		}
		s.base[i/8] = min(s.base[i/8], place(i))
	}
	for i := range 3 * len(a.first) {
		s.index[i] = uint8(place(i) - s.base[i/8])
		s.fracs[i] = s.frac[i/3]
	}
	return s
}

// zoomRoom is what the groups of n pixels hold.
func zoomRoom(n int) int { return (3*n + 7) / 8 * 8 }

// zoomBlur averages the image and its enlargements in float32.
func zoomBlur(dst, src *imaging.Image, severity int, _ Draws, o Options) error {
	centred := o.Variant == ImageNetC
	factors := zoomFactors[severity-1]
	down := zoomTablesOf(zoomKey{src.H, severity, centred}, factors)
	across := zoomTablesOf(zoomKey{src.W, severity, centred}, factors)
	stride := 3 * src.W
	image, lines := borrowSingles(len(src.Pix)), borrowSingles(zoomRoom(src.W)+stride+16)
	defer singlePool.Put(image)
	defer singlePool.Put(lines)
	for i, v := range src.Pix {
		(*image)[i] = float32(fractionOf[v])
	}
	sum, line := (*lines)[:zoomRoom(src.W)], (*lines)[zoomRoom(src.W):]
	for y := range src.H {
		clear(sum)
		for i := range factors {
			first, step := int(down[i].first[y]), int(down[i].step[y])
			fastest.zoom(sum, line, (*image)[first*stride:], (*image)[(first+step)*stride:], down[i].frac[y], &across[i])
		}
		row := y * stride
		averaged(dst.Pix[row:row+stride], (*image)[row:row+stride], sum, float32(len(factors)+1))
	}
	return nil
}

// averaged sets pix to the levels of (image+sum)/n.
func averaged(pix []byte, image, sum []float32, n float32) {
	image, sum = image[:len(pix)], sum[:len(pix)]
	for i := range pix {
		pix[i] = byte((image[i] + sum[i]) / n * 255)
	}
}
