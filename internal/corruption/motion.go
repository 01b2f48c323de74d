package corruption

import "math"

// comet is a one-sided motion blur: tap i, whose weight falls like a Gaussian,
// is at offset (dx, dy).
type comet struct {
	k      []float64
	dx, dy []int
}

// newComet makes a motion blur of 2*radius+1 taps in direction angle, in
// degrees.
func newComet(radius int, sigma, angle float64) comet {
	n := 2*radius + 1
	m := comet{make([]float64, n), make([]int, n), make([]int, n)}
	sin, cos := math.Sincos(angle * math.Pi / 180)
	sum := 0.0
	for i := range n {
		t := float64(i)
		m.k[i] = math.Exp(-t * t / (2 * sigma * sigma))
		sum += m.k[i]
		m.dy[i] = int(math.Ceil(t*sin - 0.5))
		m.dx[i] = int(math.Ceil(t*cos - 0.5))
	}
	for i := range m.k {
		m.k[i] /= sum
	}
	return m
}

// within drops the taps from the first that leaves an image of w x h, as the
// package imagecorruptions does: small images then become darker.
func (m comet) within(w, h int) comet {
	for i := range m.k {
		if abs(m.dx[i]) >= w || abs(m.dy[i]) >= h {
			return comet{m.k[:i], m.dx[:i], m.dy[:i]}
		}
	}
	return m
}

func abs(i int) int { return max(i, -i) }

// margins are the pixels that the taps reach left and right of an image.
func (m comet) margins() (left, right int) {
	for _, dx := range m.dx {
		left, right = max(left, -dx), max(right, dx)
	}
	return left, right
}

// blur calls row with every blurred row of h rows of w pixels of c interleaved
// channels, whose edges are replicated. src has the margins on each row; the
// numbers given to row are valid during the call.
func (m comet) blur(src []float64, w, h, c int, row func(y int, sums []float64)) {
	left, right := m.margins()
	stride := (w + left + right) * c
	at := make([]int32, len(m.k))
	sums := borrowFloats(w * c)
	defer floatPool.Put(sums)
	for y := range h {
		for i := range at {
			at[i] = int32(edgeNearest.index(y+m.dy[i], h)*stride + (left+m.dx[i])*c)
		}
		fastest.taps(*sums, src, at, m.k)
		row(y, *sums)
	}
}

// quantum is a grey level as ImageMagick makes it of v, an exact level: through
// 16 bits, where a level is 257, rounded there and rounded down after.
func quantum(v float64) byte {
	return byte(min(uint32(int32(257*v+0.5))/257, 255))
}
