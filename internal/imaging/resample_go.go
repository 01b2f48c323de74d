package imaging

import "sync"

// goPasses are the passes in Go. A lane pair is two samples in one int64:
// a + b<<32. A sum of lane pairs times fixed-point weights is the pair of the
// two sums modulo 2^64, and each sum fits 32 bits (255 times the weights'
// absolute sum stays below 2^31), so that both come out exactly from half the
// multiplications.
type goPasses struct{}

var _ passes = goPasses{}

// half is added to a sum before its fraction bits are cut off, halfPair to both
// sums of a lane pair.
const (
	half     = 1 << (precisionBits - 1)
	halfPair = half | half<<32
)

// triple is one pixel of two rows: R, G and B, each a lane pair.
type triple [3]int64

// laneRows is the working memory of goPasses.
type laneRows struct {
	pixels []triple  // two source rows
	ring   [][]int64 // source rows of the vertical pass, neighbours in pairs
	store  []int64   // backs ring
	sums   []int64   // one output row
	taps   [][]int64 // the ring rows of one output row
}

var lanes = sync.Pool{New: func() any { return new(laneRows) }}

func (goPasses) across(dst, src plane, rows int, t *table) {
	l := lanes.Get().(*laneRows)
	defer lanes.Put(l)
	for y := 0; y < rows; y += 2 {
		other := min(y+1, rows-1)
		l.horizontal(dst.row(y), dst.row(other), src.row(y), src.row(other), t)
	}
}

func (goPasses) down(dst, src plane, t *table) {
	l := lanes.Get().(*laneRows)
	defer lanes.Put(l)
	l.reserve(dst.n, t.width)
	lo, _ := t.span()
	next := lo
	for i := range t.first {
		first, k := t.weights(i)
		for next = max(next, first); next < first+len(k); next++ {
			pairNeighbours(l.ring[next%len(l.ring)], src.row(next-lo))
		}
		l.taps = l.taps[:0]
		for j := range k {
			l.taps = append(l.taps, l.ring[(first+j)%len(l.ring)])
		}
		vertical(dst.row(i), l.sums, l.taps, k)
	}
}

// reserve sizes the ring for rows of n bytes.
func (l *laneRows) reserve(n, rows int) {
	pairs := (n + 1) / 2
	l.sums = sized(l.sums, pairs)
	l.store = sized(l.store, pairs*rows)
	l.ring = l.ring[:0]
	for r := range rows {
		l.ring = append(l.ring, l.store[r*pairs:(r+1)*pairs])
	}
}

// horizontal resamples the rows a and b into da and db.
func (l *laneRows) horizontal(da, db, a, b []byte, t *table) {
	lo, hi := t.span()
	l.pixels = sized(l.pixels, hi-lo)
	pairRows(l.pixels, a, b)
	for x := range t.first {
		first, k := t.weights(x)
		p := l.pixels[first-lo:][:len(k)]
		var r, g, bl int64 = halfPair, halfPair, halfPair
		for j, w := range k {
			q, c := &p[j], int64(w)
			r += q[0] * c
			g += q[1] * c
			bl += q[2] * c
		}
		qa, qb := da[3*x:3*x+3:3*x+3], db[3*x:3*x+3:3*x+3]
		qa[0], qb[0] = split(r)
		qa[1], qb[1] = split(g)
		qa[2], qb[2] = split(bl)
	}
}

// vertical weighs the rows of taps, neighbours in pairs, into dst.
func vertical(dst []byte, sums []int64, taps [][]int64, k []int32) {
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
		row, c := taps[0][:len(sums)], int64(k[0])
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

func add4(sums []int64, taps [][]int64, k []int32) {
	n := len(sums)
	r0, r1, r2, r3 := taps[0][:n], taps[1][:n], taps[2][:n], taps[3][:n]
	k0, k1, k2, k3 := int64(k[0]), int64(k[1]), int64(k[2]), int64(k[3])
	for i := range sums {
		sums[i] += r0[i]*k0 + r1[i]*k1 + r2[i]*k2 + r3[i]*k3
	}
}

func add2(sums []int64, taps [][]int64, k []int32) {
	n := len(sums)
	r0, r1, k0, k1 := taps[0][:n], taps[1][:n], int64(k[0]), int64(k[1])
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
