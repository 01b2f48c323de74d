package corruption

import "math"

// edgeMode says what lies beyond the border of an image.
type edgeMode uint8

const (
	// edgeNearest replicates the edge: a a a | a b c d | d d d.
	edgeNearest edgeMode = iota
	// edgeReflect mirrors with the edge repeated: c b a | a b c d | d c b, with
	// period 2n.
	edgeReflect
	// edgeReflect101 mirrors without repeating the edge: d c b | a b c d | c b a.
	edgeReflect101
)

// index folds position i, which may be any number of lengths away, into 0..n-1.
func (m edgeMode) index(i, n int) int {
	if m == edgeNearest || n == 1 {
		return min(max(i, 0), n-1)
	}
	repeated := 1
	if m == edgeReflect101 {
		repeated = 0
	}
	period := 2 * (n - 1 + repeated)
	i %= period
	if i < 0 {
		i += period
	}
	if i >= n {
		i = period - repeated - i
	}
	return i
}

// gaussianKernel returns the weights of the pairs of one half of a normalised
// Gaussian kernel of radius r = int(truncate*sigma + 0.5). The first is the
// centre, taken as a pair of itself, so its weight is halved; then the pairs
// from the outermost inwards, which is the order of scipy.ndimage.
func gaussianKernel(sigma, truncate float64) []float64 {
	r := int(truncate*sigma + 0.5)
	k := make([]float64, r+1)
	k[0] = 0.5
	sum := 1.0
	for j := 1; j <= r; j++ {
		t := float64(r + 1 - j)
		k[j] = math.Exp(-0.5 / (sigma * sigma) * t * t)
		sum += 2 * k[j]
	}
	for j := range k {
		k[j] /= sum
	}
	return k
}

// gaussianPlane blurs a plane of h rows of w numbers: columns first, then rows,
// with the kernel cut at truncate standard deviations. Sums are in the order of
// scipy.ndimage.gaussian_filter. dst may be src.
func gaussianPlane(dst, src []float64, w, h int, sigma, truncate float64, mode edgeMode) {
	if &dst[0] == &src[0] {
		copied := borrowFloats(w * h)
		defer floatPool.Put(copied)
		copy(*copied, src)
		src = *copied
	}
	b := newGaussian(w, h, 1, sigma, truncate, mode)
	defer b.release()
	for y := range h {
		b.row(dst[y*w:(y+1)*w], src, y)
	}
}

// gaussianPlane32 is gaussianPlane for numbers stored as float32: sums are in
// float64, and each of the two passes rounds to float32.
func gaussianPlane32(dst, src []float32, w, h int, sigma, truncate float64, mode edgeMode) {
	wide, sums := borrowFloats(w*h), borrowFloats(w)
	defer floatPool.Put(wide)
	defer floatPool.Put(sums)
	for i, v := range src[:w*h] {
		(*wide)[i] = float64(v)
	}
	b := newGaussian(w, h, 1, sigma, truncate, mode)
	b.single = true
	defer b.release()
	for y := range h {
		b.row(*sums, *wide, y)
		for x, v := range *sums {
			dst[y*w+x] = float32(v)
		}
	}
}

// gaussianImage blurs pix, h rows of w RGB pixels, edges replicated. dst may be
// pix.
func gaussianImage(dst, pix []byte, w, h int, sigma float64) {
	image, sums := borrowFloats(len(pix)), borrowFloats(3*w)
	defer floatPool.Put(image)
	defer floatPool.Put(sums)
	fractions(*image, pix)
	b := newGaussian(w, h, 3, sigma, 4, edgeNearest)
	defer b.release()
	for y := range h {
		b.row(*sums, *image, y)
		truncated(dst[3*w*y:3*w*(y+1)], *sums)
	}
}

// gaussian blurs h rows of w pixels of c interleaved channels.
type gaussian struct {
	w, h, c    int
	k          []float64
	mode       edgeMode
	single     bool // whether the first pass rounds to float32
	padded     *[]float64
	rows, cols []pair
}

// newGaussian prepares a blur; release gives its working memory back.
func newGaussian(w, h, c int, sigma, truncate float64, mode edgeMode) *gaussian {
	return newBlur(w, h, c, gaussianKernel(sigma, truncate), mode)
}

// newBlur is newGaussian with weights of one's own, in the order of
// gaussianKernel.
func newBlur(w, h, c int, k []float64, mode edgeMode) *gaussian {
	r := len(k) - 1
	b := &gaussian{w: w, h: h, c: c, k: k, mode: mode, padded: borrowFloats((w + 2*r) * c)}
	b.rows, b.cols = make([]pair, r+1), make([]pair, r+1)
	for j := range b.cols {
		d := distance(j, r)
		b.cols[j] = pair{int32((r - d) * c), int32((r + d) * c)}
	}
	return b
}

func (b *gaussian) release() { floatPool.Put(b.padded) }

// row sets out to the blurred row y of src.
func (b *gaussian) row(out, src []float64, y int) {
	r, stride := len(b.k)-1, b.w*b.c
	for j := range b.rows {
		d := distance(j, r)
		b.rows[j] = pair{int32(b.mode.index(y-d, b.h) * stride), int32(b.mode.index(y+d, b.h) * stride)}
	}
	line := (*b.padded)[r*b.c : r*b.c+stride]
	fastest.pairs(line, src, b.rows, b.k)
	if b.single {
		roundSingle(line)
	}
	extend(*b.padded, b.w, b.c, r, r, b.mode)
	fastest.pairs(out, *b.padded, b.cols, b.k)
}

// distance is how far the weight j of gaussianKernel is from the centre.
func distance(j, r int) int {
	if j == 0 {
		return 0
	}
	return r + 1 - j
}

// roundSingle rounds to float32.
func roundSingle(s []float64) {
	for i, v := range s {
		s[i] = float64(float32(v))
	}
}

// extend fills the pixels of c numbers left and right of the w pixels that begin
// at pixel left of line.
func extend(line []float64, w, c, left, right int, mode edgeMode) {
	for j := range left {
		from := left + mode.index(j-left, w)
		copy(line[j*c:(j+1)*c], line[from*c:])
	}
	for j := left + w; j < left+w+right; j++ {
		from := left + mode.index(j-left, w)
		copy(line[j*c:(j+1)*c], line[from*c:])
	}
}
