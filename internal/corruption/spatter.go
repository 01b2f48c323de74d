package corruption

import (
	"math"

	"quba/internal/edge"
	"quba/internal/imaging"
)

func init() {
	register(Corruption{Name: "spatter", Extra: true, Order: 17, Apply: spatter})
}

// spatterStep is one severity: a layer of noise of mean loc and standard
// deviation scale, blurred by sigma, is liquid where it is above threshold.
// strength is how opaque water is at most, and the blur of mud.
type spatterStep struct {
	loc, scale, sigma, threshold, strength float64
	mud                                    bool
}

var spatterSteps = [MaxSeverity]spatterStep{
	{0.65, 0.3, 4, 0.69, 0.6, false},
	{0.65, 0.3, 3, 0.68, 0.6, false},
	{0.65, 0.3, 2, 0.68, 0.5, false},
	{0.65, 0.3, 1, 0.65, 1.5, true},
	{0.67, 0.4, 1, 0.65, 1.5, true},
}

// The colours of water and mud, in grey levels.
var (
	spatterWater = [3]float64{175, 238, 238}
	spatterMud   = [3]float64{63, 42, 20}
)

// spatterTruncate is where the Gaussians of scipy end, in standard deviations.
const spatterTruncate = 4

// spatter puts drops of water on the image, or above severity 3 of mud.
func spatter(dst, src *imaging.Image, severity int, d Draws, o Options) error {
	s, w, h := &spatterSteps[severity-1], src.W, src.H
	liquid := borrowFloats(w * h)
	defer floatPool.Put(liquid)
	d.Normals(*liquid)
	for i, z := range *liquid {
		(*liquid)[i] = s.loc + s.scale*z
	}
	gaussianPlane(*liquid, *liquid, w, h, s.sigma, spatterTruncate, edgeNearest)
	cover := borrowSingles(w * h)
	defer singlePool.Put(cover)
	switch {
	case !s.mud:
		s.water(*cover, *liquid, w, h)
		addWater(dst, src, *cover)
	case o.Variant == ImageCorruptions:
		s.mudCover(*cover, *liquid, w, h)
		blendMudWide(dst, src, *cover)
	default:
		s.mudCover(*cover, *liquid, w, h)
		blendMud(dst, src, *cover)
	}
	return nil
}

// Limits of Canny and of the distance from its edges, as of the reference.
const (
	spatterLow, spatterHigh = 50, 150
	spatterReach            = 20
)

// water sets cover to the opacity of the water: high near the edges of drops,
// with a light and a dark side.
func (s *spatterStep) water(cover []float32, liquid []float64, w, h int) {
	bytes := borrowBytes(4 * w * h)
	defer bytePool.Put(bytes)
	drops, a, b, c := (*bytes)[:w*h], (*bytes)[w*h:2*w*h], (*bytes)[2*w*h:3*w*h], (*bytes)[3*w*h:]
	for i, v := range liquid {
		if v < s.threshold {
			v = 0
		}
		drops[i] = levelOf(v)
	}
	edge.CannyInto(a, drops, w, h, spatterLow, spatterHigh)
	chamferDistance(cover, a, w, h, spatterReach)
	averageSingles(b, cover, w, h)
	equalise(b)
	emboss(c, b, w, h)
	averageBytes(b, c, w, h)

	highest := float32(0)
	for i, v := range drops {
		cover[i] = float32(v) * float32(b[i])
		highest = max(highest, cover[i])
	}
	// No water at all: the reference divides by 0.
	highest = max(highest, 1)
	for i, v := range cover {
		cover[i] = v / highest * float32(s.strength)
	}
}

// addWater brightens the image where it is covered.
func addWater(dst, src *imaging.Image, cover []float32) {
	var colour [3]float32
	for c, level := range spatterWater {
		colour[c] = float32(level / 255)
	}
	for i, m := range cover {
		in, out := src.Pix[3*i:3*i+3:3*i+3], dst.Pix[3*i:3*i+3:3*i+3]
		for c, v := range in {
			out[c] = byte(min(singleFractionOf[v]+float32(m*colour[c]), 1) * 255)
		}
	}
}

// mudLeast is the opacity below which there is no mud.
const mudLeast = 0.8

// mudCover sets cover to the opacity of the mud.
func (s *spatterStep) mudCover(cover []float32, liquid []float64, w, h int) {
	for i, v := range liquid {
		cover[i] = 0
		if v > s.threshold {
			cover[i] = 1
		}
	}
	gaussianPlane32(cover, cover, w, h, s.strength, spatterTruncate, edgeNearest)
	for i, m := range cover {
		if m < mudLeast {
			cover[i] = 0
		}
	}
}

// blendMud paints mud over the image.
func blendMud(dst, src *imaging.Image, cover []float32) {
	var colour [3]float32
	for c, level := range spatterMud {
		colour[c] = float32(level / 255)
	}
	for i, m := range cover {
		in, out := src.Pix[3*i:3*i+3:3*i+3], dst.Pix[3*i:3*i+3:3*i+3]
		for c, v := range in {
			mixed := float32(singleFractionOf[v]*(1-m)) + float32(colour[c]*m)
			out[c] = byte(min(mixed, 1) * 255)
		}
	}
}

// blendMudWide is blendMud with colours in double precision.
func blendMudWide(dst, src *imaging.Image, cover []float32) {
	for i, m := range cover {
		in, out := src.Pix[3*i:3*i+3:3*i+3], dst.Pix[3*i:3*i+3:3*i+3]
		for c, v := range in {
			mixed := float64(singleFractionOf[v]*(1-m)) + float64(spatterMud[c]/255*float64(m))
			out[c] = byte(min(mixed, 1) * 255)
		}
	}
}

// neighbourhood gives the rows around row y, mirrored without repeating the
// edge.
func neighbourhood[T any](pix []T, w, h, y int) (above, here, below []T) {
	up, down := edgeReflect101.index(y-1, h), edgeReflect101.index(y+1, h)
	return pix[up*w:][:w], pix[y*w:][:w], pix[down*w:][:w]
}

// averageSingles sets dst to the truncated means of 3x3 pixels.
func averageSingles(dst []byte, src []float32, w, h int) {
	for y := range h {
		p, q, r := neighbourhood(src, w, h, y)
		out := dst[y*w:][:w]
		column := func(x int) float64 { return float64(p[x]) + float64(q[x]) + float64(r[x]) }
		left, middle := column(edgeReflect101.index(-1, w)), column(0)
		for x := range out {
			right := column(next(x, w))
			out[x] = byte(float32((left + middle + right) * (1.0 / 9)))
			left, middle = middle, right
		}
	}
}

// averageBytes sets dst to the rounded means of 3x3 pixels.
func averageBytes(dst, src []byte, w, h int) {
	for y := range h {
		p, q, r := neighbourhood(src, w, h, y)
		out := dst[y*w:][:w]
		column := func(x int) int { return int(p[x]) + int(q[x]) + int(r[x]) }
		left, middle := column(edgeReflect101.index(-1, w)), column(0)
		for x := range out {
			right := column(next(x, w))
			out[x] = byte((left + middle + right + 4) / 9)
			left, middle = middle, right
		}
	}
}

// next is the column after x, mirrored at the edge.
func next(x, w int) int {
	if x+1 < w {
		return x + 1
	}
	return max(w-2, 0)
}

// emboss correlates with a kernel that lights the lower right:
//
//	-2 -1  0
//	-1  1  1
//	 0  1  2
func emboss(dst, src []byte, w, h int) {
	for y := range h {
		p, q, r := neighbourhood(src, w, h, y)
		out := dst[y*w:][:w]
		for x := range out {
			left, right := edgeReflect101.index(x-1, w), next(x, w)
			sum := int(q[x]) + int(q[right]) + int(r[x]) + 2*int(r[right]) -
				2*int(p[left]) - int(p[x]) - int(q[left])
			out[x] = byte(min(max(sum, 0), 255))
		}
	}
}

// equalise spreads the levels of pix, in place, so that each is about as
// frequent as the others. A picture of one level stays as it is.
func equalise(pix []byte) {
	var counts [256]int
	for _, v := range pix {
		counts[v]++
	}
	first := 0
	for counts[first] == 0 {
		first++
	}
	if counts[first] == len(pix) {
		return
	}
	scale := 255 / float32(len(pix)-counts[first])
	var levels [256]byte
	sum := 0
	for v := first + 1; v < len(counts); v++ {
		sum += counts[v]
		levels[v] = byte(math.RoundToEven(float64(float32(sum) * scale)))
	}
	for i, v := range pix {
		pix[i] = levels[v]
	}
}
