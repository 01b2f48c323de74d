package imaging

import (
	"slices"
	"sync"
)

// A lane pair is two samples in one int64: a + b<<32. A sum of lane pairs times
// fixed-point weights is the pair of the two sums modulo 2^64, and each sum
// fits 32 bits (255 times the weights' absolute sum stays below 2^31), so that
// both come out exactly from half the multiplications.

// halfPair starts the sums of both lanes at half.
const halfPair = half | half<<32

// triple is one pixel of two rows: R, G and B, each a lane pair.
type triple [3]int64

// scratch is the working memory of one resize. Only as many rows are held as
// one output row needs.
type scratch struct {
	pixels []triple  // two source rows
	bytes  []byte    // two rows after the horizontal pass
	ring   [][]int64 // rows after the horizontal pass, neighbours in pairs
	store  []int64   // backs ring
	sums   []int64   // one output row
	taps   [][]int64 // the ring rows of one output row
}

var scratches = sync.Pool{New: func() any { return new(scratch) }}

// plane is a view of RGB rows: row y is the n bytes from y*stride.
type plane struct {
	pix       []byte
	stride, n int
}

func (p plane) row(y int) []byte {
	o := y * p.stride
	return p.pix[o : o+p.n : o+p.n]
}

// rect is a half-open rectangle of pixels.
type rect struct{ x0, y0, x1, y1 int }

// resample writes the pixels of win, a window of src resized to w x h, to dst,
// whose first pixel takes the window's first. Samples are rounded to 8 bits
// between the horizontal pass, which comes first, and the vertical one.
func resample(dst plane, src *Image, w, h int, f Filter, win rect) {
	in := plane{src.Pix, 3 * src.W, 3 * src.W}
	switch {
	case w == src.W && h == src.H:
		for y := win.y0; y < win.y1; y++ {
			copy(dst.row(y-win.y0), in.row(y)[3*win.x0:3*win.x1])
		}
	case f == Nearest:
		resampleNearest(dst, in, src.W, src.H, w, h, win)
	case h == src.H:
		resampleRows(dst, in, newTable(src.W, w, win.x0, win.x1, f), win.y0, win.y1)
	default:
		var across *table
		if w != src.W {
			across = newTable(src.W, w, win.x0, win.x1, f)
		}
		resampleBoth(dst, in, across, newTable(src.H, h, win.y0, win.y1, f), win)
	}
}

// resampleRows runs the horizontal pass alone over the rows [y0, y1).
func resampleRows(dst, src plane, across *table, y0, y1 int) {
	s := scratches.Get().(*scratch)
	defer scratches.Put(s)
	for y := y0; y < y1; y += 2 {
		other := min(y+1, y1-1)
		s.horizontal(dst.row(y-y0), dst.row(other-y0), src.row(y), src.row(other), across)
	}
}

// resampleBoth runs the horizontal pass, unless across is nil, and the vertical
// one. Rows pass through a ring that holds what one output row needs.
func resampleBoth(dst, src plane, across, down *table, win rect) {
	s := scratches.Get().(*scratch)
	defer scratches.Put(s)
	s.reserve(dst.n, down.width+2)
	next, end := down.span()
	for i := range win.y1 - win.y0 {
		first, k := down.weights(i)
		for ; next < first+len(k); next += 2 {
			s.fill(src, across, next, min(next+1, end-1), win)
		}
		s.taps = s.taps[:0]
		for j := range k {
			s.taps = append(s.taps, s.ring[(first+j)%len(s.ring)])
		}
		vertical(dst.row(i), s.sums, s.taps, k)
	}
}

// reserve sizes the ring for rows of n bytes.
func (s *scratch) reserve(n, rows int) {
	pairs := (n + 1) / 2
	s.bytes = slices.Grow(s.bytes[:0], 2*n)[:2*n]
	s.sums = slices.Grow(s.sums[:0], pairs)[:pairs]
	s.store = slices.Grow(s.store[:0], pairs*rows)[:pairs*rows]
	s.ring = s.ring[:0]
	for r := range rows {
		s.ring = append(s.ring, s.store[r*pairs:(r+1)*pairs])
	}
}

// fill puts the source rows y and other into the ring.
func (s *scratch) fill(src plane, across *table, y, other int, win rect) {
	a, b := src.row(y), src.row(other)
	if across == nil {
		a, b = a[3*win.x0:3*win.x1], b[3*win.x0:3*win.x1]
	} else {
		n := len(s.bytes) / 2
		ra, rb := s.bytes[:n], s.bytes[n:]
		s.horizontal(ra, rb, a, b, across)
		a, b = ra, rb
	}
	pairNeighbours(s.ring[y%len(s.ring)], a)
	pairNeighbours(s.ring[other%len(s.ring)], b)
}

// horizontal resamples the rows a and b into da and db, 3 bytes a pixel.
func (s *scratch) horizontal(da, db, a, b []byte, across *table) {
	lo, hi := across.span()
	s.pixels = slices.Grow(s.pixels[:0], hi-lo)[:hi-lo]
	pairRows(s.pixels, a[3*lo:3*hi], b[3*lo:3*hi])
	for x := range across.first {
		first, k := across.weights(x)
		p := s.pixels[first-lo:][:len(k)]
		var r, g, bl int64 = halfPair, halfPair, halfPair
		for j, c := range k {
			t := &p[j]
			r += t[0] * c
			g += t[1] * c
			bl += t[2] * c
		}
		qa, qb := da[3*x:3*x+3:3*x+3], db[3*x:3*x+3:3*x+3]
		qa[0], qb[0] = split(r)
		qa[1], qb[1] = split(g)
		qa[2], qb[2] = split(bl)
	}
}

// vertical weighs the rows of taps, neighbours in pairs, into dst.
func vertical(dst []byte, sums []int64, taps [][]int64, k []int64) {
	for i := range sums {
		sums[i] = halfPair
	}
	for len(k) >= 4 {
		add4(sums, taps, k)
		taps, k = taps[4:], k[4:]
	}
	for len(k) >= 2 {
		add2(sums, taps, k)
		taps, k = taps[2:], k[2:]
	}
	if len(k) == 1 {
		row, c := taps[0][:len(sums)], k[0]
		for i := range sums {
			sums[i] += row[i] * c
		}
	}
	n := len(dst) / 2
	pairs := sums[:n]
	for i, v := range pairs {
		q := dst[2*i : 2*i+2 : 2*i+2]
		q[0], q[1] = split(v)
	}
	if len(dst)%2 == 1 {
		dst[len(dst)-1], _ = split(sums[n])
	}
}

func add4(sums []int64, taps [][]int64, k []int64) {
	n := len(sums)
	r0, r1, r2, r3 := taps[0][:n], taps[1][:n], taps[2][:n], taps[3][:n]
	k0, k1, k2, k3 := k[0], k[1], k[2], k[3]
	for i := range sums {
		sums[i] += r0[i]*k0 + r1[i]*k1 + r2[i]*k2 + r3[i]*k3
	}
}

func add2(sums []int64, taps [][]int64, k []int64) {
	n := len(sums)
	r0, r1, k0, k1 := taps[0][:n], taps[1][:n], k[0], k[1]
	for i := range sums {
		sums[i] += r0[i]*k0 + r1[i]*k1
	}
}

// pairRows pairs the samples of the row a with those of the row b.
func pairRows(dst []triple, a, b []byte) {
	for i := range dst {
		pa, pb := a[3*i:3*i+3:3*i+3], b[3*i:3*i+3:3*i+3]
		dst[i] = triple{
			int64(pa[0]) | int64(pb[0])<<32,
			int64(pa[1]) | int64(pb[1])<<32,
			int64(pa[2]) | int64(pb[2])<<32,
		}
	}
}

// pairNeighbours pairs each sample of a row with the next; the last of an odd
// number stands alone.
func pairNeighbours(dst []int64, row []byte) {
	n := len(row) / 2
	pairs := dst[:n]
	for i := range pairs {
		q := row[2*i : 2*i+2 : 2*i+2]
		pairs[i] = int64(q[0]) | int64(q[1])<<32
	}
	if len(row)%2 == 1 {
		dst[n] = int64(row[len(row)-1])
	}
}

// split rounds both lanes of a sum to samples.
func split(v int64) (a, b byte) {
	lo := int32(v)
	return clip(lo), clip(int32((v - int64(lo)) >> 32))
}

// clip cuts the fraction bits off and limits the rest to 0..255.
func clip(v int32) byte {
	v >>= precisionBits
	if uint32(v) <= 255 {
		return byte(v)
	}
	if v < 0 {
		return 0
	}
	return 255
}

// resampleNearest takes the source pixel under each output pixel's centre. The
// positions are accumulated, as Pillow's affine scaling does, because that
// decides ties.
func resampleNearest(dst, src plane, srcW, srcH, w, h int, win rect) {
	xs := nearestPositions(srcW, w, win.x0, win.x1)
	for j, y := range nearestPositions(srcH, h, win.y0, win.y1) {
		from, to := src.row(y), dst.row(j)
		for i, x := range xs {
			copy(to[3*i:3*i+3], from[3*x:3*x+3])
		}
	}
}

func nearestPositions(in, out, lo, hi int) []int {
	scale := float64(in) / float64(out)
	at := float64(scale * 0.5)
	for range lo {
		at += scale
	}
	pos := make([]int, hi-lo)
	for i := range pos {
		pos[i] = min(int(at), in-1)
		at += scale
	}
	return pos
}
