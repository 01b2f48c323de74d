package corruption

import (
	"math"

	"quba/internal/imaging"
)

func init() {
	register(Corruption{Name: "defocus_blur", Order: 3, Apply: defocusBlur})
}

// defocusSteps are the disk's radius and the standard deviation that softens it.
var defocusSteps = [MaxSeverity]struct {
	radius int
	sigma  float64
}{{3, 0.1}, {4, 0.5}, {6, 0.5}, {8, 0.5}, {10, 0.5}}

// lens is a disk kernel taken apart: unit times a soft kernel of the plain disk,
// plus what the edges of the kernel's array change.
type lens struct {
	radius int
	// reach is how far a row of the disk extends from its middle, by dy >= 0.
	reach []int
	soft  []float64 // as gaussianKernel has it
	unit  float64
	rim   []rimTap
}

// rimTap is a weight at (+-dx, +-dy); those on an axis, which are met twice, are
// halved for each axis.
type rimTap struct {
	dx, dy int
	k      float64
}

// rimLeast is the least weight of a rimTap. The others together are less than
// 0.0001, and the sum of all weights is kept, so a pixel moves by less than 0.01
// levels.
const rimLeast = 1e-6

var lenses = func() (l [MaxSeverity]lens) {
	for i, s := range defocusSteps {
		l[i] = newLens(s.radius, s.sigma)
	}
	return l
}()

func newLens(radius int, sigma float64) lens {
	l := lens{radius: radius, reach: make([]int, radius+1)}
	for dy := range l.reach {
		l.reach[dy] = int(math.Sqrt(float64(radius*radius - dy*dy)))
	}
	kernel, soft := diskKernel(radius, sigma), softKernel(softReach(radius), sigma)
	half, border := max(8, radius), len(soft)/2
	l.soft = append(l.soft, float64(soft[border])/2)
	for _, k := range soft[:border] {
		l.soft = append(l.soft, float64(k))
	}
	actual := func(dy, dx int) float64 {
		if dx > half || dy > half {
			return 0
		}
		return float64(kernel[(half+dy)*(2*half+1)+half+dx])
	}
	total, rim := 0.0, 0.0
	for _, k := range kernel {
		total += float64(k)
	}
	for dy := range half + border + 1 {
		for dx := range half + border + 1 {
			k := (actual(dy, dx) - l.plain(soft, dy, dx)) * onAxis(dy) * onAxis(dx)
			if math.Abs(k) > rimLeast {
				l.rim = append(l.rim, rimTap{dx, dy, k})
				rim += 4 * k
			}
		}
	}
	l.unit = (total - rim) / l.plainSum(soft)
	return l
}

// plain is the weight at (dx, dy) of the disk softened without any edge.
func (l *lens) plain(soft []float32, dy, dx int) float64 {
	sum, border := 0.0, len(soft)/2
	for i, ky := range soft {
		for j, kx := range soft {
			if y, x := dy+i-border, dx+j-border; y*y+x*x <= l.radius*l.radius {
				sum += float64(ky) * float64(kx)
			}
		}
	}
	return sum / float64(l.count())
}

// plainSum is the sum of the softened disk of ones.
func (l *lens) plainSum(soft []float32) float64 {
	sum := 0.0
	for _, k := range soft {
		sum += float64(k)
	}
	return sum * sum * float64(l.count())
}

// count is the number of ones of the disk.
func (l *lens) count() int {
	n := 2*l.reach[0] + 1
	for _, r := range l.reach[1:] {
		n += 2 * (2*r + 1)
	}
	return n
}

func onAxis(d int) float64 {
	if d == 0 {
		return 0.5
	}
	return 1
}

// diskKernel is a disk of the radius on a square of 2*max(8, radius)+1 a side,
// softened by a Gaussian of 3x3, or of 5x5 for radii above 8, in float32 as
// OpenCV does. The square's edges reflect what is softened, so where the disk
// touches them the sum exceeds 1: the benchmark's severities 4 and 5 brighten by
// 1 per cent.
func diskKernel(radius int, sigma float64) []float32 {
	half := max(8, radius)
	n := 2*half + 1
	disk, count := make([]float32, n*n), float32(0)
	for i := range disk {
		y, x := i/n-half, i%n-half
		if x*x+y*y <= radius*radius {
			disk[i] = 1
			count++
		}
	}
	for i := range disk {
		disk[i] /= count
	}
	return soften(disk, n, softKernel(softReach(radius), sigma))
}

// softReach is half the side of the Gaussian that softens the disk.
func softReach(radius int) int {
	if radius <= 8 {
		return 1
	}
	return 2
}

// softKernel is a Gaussian of 2*reach+1 weights in float32.
func softKernel(reach int, sigma float64) []float32 {
	wide, sum := make([]float64, 2*reach+1), 0.0
	for i := range wide {
		t := float64(i - reach)
		wide[i] = math.Exp(-0.5 / (sigma * sigma) * t * t)
		sum += wide[i]
	}
	k := make([]float32, len(wide))
	for i, v := range wide {
		k[i] = float32(v / sum)
	}
	return k
}

// soften filters a square of n a side along x, then along y.
func soften(square []float32, n int, k []float32) []float32 {
	reach := len(k) / 2
	across, down := make([]float32, n*n), make([]float32, n*n)
	for i := range square {
		y, x := i/n, i%n
		for j, weight := range k {
			across[i] += weight * square[y*n+edgeReflect101.index(x+j-reach, n)]
		}
	}
	for i := range square {
		y, x := i/n, i%n
		for j, weight := range k {
			down[i] += weight * across[edgeReflect101.index(y+j-reach, n)*n+x]
		}
	}
	return down
}

// defocusBlur filters every channel with a disk, edges reflected. The sums over
// the disk are whole numbers and exact.
func defocusBlur(dst, src *imaging.Image, severity int, _ Draws, _ Options) error {
	l := &lenses[severity-1]
	stride := 3 * src.W
	disks, rows := borrowFloats(len(src.Pix)), borrowFloats(2*stride)
	defer floatPool.Put(disks)
	defer floatPool.Put(rows)
	l.sumDisks(*disks, src)
	soft := newBlur(src.W, src.H, 3, l.soft, edgeReflect101)
	defer soft.release()
	edge := newRim(l, src)
	defer edge.release()
	sums, rim := (*rows)[:stride], (*rows)[stride:]
	for y := range src.H {
		soft.row(sums, *disks, y)
		edge.row(rim, y)
		out := dst.Pix[y*stride : (y+1)*stride]
		for i, sum := range sums {
			out[i] = limited(sum*l.unit + rim[i] + flatMargin)
		}
	}
	return nil
}

// flatMargin keeps the rounding of sums from truncating an even area to the
// level below. It is less than what the weights' sum lacks where it is not 1.
const flatMargin = 1e-10

// sumDisks sets every number of disks to the sum of the pixels within the
// radius. A row of the disk is the difference of two running sums.
func (l *lens) sumDisks(disks []float64, src *imaging.Image) {
	margin := l.radius + 1
	stride := 3 * (src.W + 2*margin)
	// Row y of running is followed by the same negated.
	running := borrowFloats(2 * stride * src.H)
	defer floatPool.Put(running)
	for y := range src.H {
		line := (*running)[2*y*stride : 2*(y+1)*stride]
		padRow(line[:stride], src, y, margin, margin, edgeReflect101)
		runningSums(line[:stride], line[stride:])
	}
	at, ones := make([]pair, 2*l.radius+1), make([]float64, 2*l.radius+1)
	for y := range src.H {
		for i := range at {
			dy := i - l.radius
			row, reach := 2*stride*edgeReflect101.index(y+dy, src.H), l.reach[abs(dy)]
			at[i] = pair{int32(row + 3*(margin+reach)), int32(row + stride + 3*(margin-reach-1))}
			ones[i] = 1
		}
		fastest.pairs(disks[3*src.W*y:3*src.W*(y+1)], *running, at, ones)
	}
}

// runningSums replaces RGB pixels by the sums of all up to each, and sets negated
// to their negatives.
func runningSums(line, negated []float64) {
	negated = negated[:len(line)]
	var r, g, b float64
	for i := 0; i+2 < len(line); i += 3 {
		r += line[i]
		g += line[i+1]
		b += line[i+2]
		line[i], line[i+1], line[i+2] = r, g, b
		negated[i], negated[i+1], negated[i+2] = -r, -g, -b
	}
}

// rimFilter sums the rim of a lens. image and folded are nil where there is no
// rim; folded has the sums of the image's rows dy above and below.
type rimFilter struct {
	l             *lens
	w, h, stride  int
	image, folded *[]float64
	fold, at      []pair
	k             []float64
}

func newRim(l *lens, src *imaging.Image) *rimFilter {
	f := &rimFilter{l: l, w: src.W, h: src.H}
	if len(l.rim) == 0 {
		return f
	}
	margin := 0
	for _, t := range l.rim {
		margin = max(margin, t.dx)
	}
	f.stride = 3 * (src.W + 2*margin)
	f.image, f.folded = borrowFloats(f.stride*src.H), borrowFloats(f.stride*(margin+1))
	padImage(*f.image, src, margin, margin, edgeReflect101)
	f.fold = make([]pair, 1)
	for _, t := range l.rim {
		line := t.dy * f.stride
		f.at = append(f.at, pair{int32(line + 3*(margin-t.dx)), int32(line + 3*(margin+t.dx))})
		f.k = append(f.k, t.k)
	}
	return f
}

func (f *rimFilter) release() {
	if f.image != nil {
		floatPool.Put(f.image)
		floatPool.Put(f.folded)
	}
}

// row sets out to the sums for row y.
func (f *rimFilter) row(out []float64, y int) {
	if f.image == nil {
		clear(out)
		return
	}
	done := -1
	for _, t := range f.l.rim {
		if t.dy == done {
			continue
		}
		done = t.dy
		above, below := edgeReflect101.index(y-t.dy, f.h), edgeReflect101.index(y+t.dy, f.h)
		f.fold[0] = pair{int32(above * f.stride), int32(below * f.stride)}
		fastest.pairs((*f.folded)[t.dy*f.stride:(t.dy+1)*f.stride], *f.image, f.fold, once)
	}
	fastest.pairs(out, *f.folded, f.at, f.k)
}

// once are the weights of a plain sum of two rows.
var once = []float64{1}
