package imaging

import (
	"slices"
	"sync"
)

// bandBytes is about how much of the picture between the two passes is held at
// once: little enough to stay in a processor's cache.
const bandBytes = 1 << 17

// passes are the inner loops of a resize. Both write len(t.first) outputs from
// a src that begins with the first position that t needs, and round to 8 bits.
type passes interface {
	// across resamples rows of RGB pixels along x.
	across(dst, src plane, rows int, t *table)
	// down resamples columns of samples.
	down(dst, src plane, t *table)
}

// bands keeps the rows between the passes, as *[]byte, for the next resize.
var bands = sync.Pool{New: func() any { return new([]byte) }}

// sized returns a slice of n elements, s itself where it has the room. The
// elements are anything.
func sized[T any](s []T, n int) []T {
	return slices.Grow(s[:0], n)[:n]
}

// plane is a view of RGB rows: row y is the n bytes from y*stride.
type plane struct {
	pix       []byte
	stride, n int
}

func (p plane) row(y int) []byte {
	o := y * p.stride
	return p.pix[o : o+p.n : o+p.n]
}

// from returns the rows from y on.
func (p plane) from(y int) plane {
	return plane{p.pix[y*p.stride:], p.stride, p.n}
}

// columns returns the pixels [x0, x1) of each row.
func (p plane) columns(x0, x1 int) plane {
	return plane{p.pix[3*x0:], p.stride, 3 * (x1 - x0)}
}

// rect is a half-open rectangle of pixels.
type rect struct{ x0, y0, x1, y1 int }

// resample writes the pixels of win, a window of src resized to w x h, to dst,
// whose first pixel takes the window's first. Samples are rounded to 8 bits
// between the horizontal pass, which comes first, and the vertical one.
func resample(p passes, dst plane, src *Image, w, h int, f Filter, win rect) {
	in := plane{src.Pix, 3 * src.W, 3 * src.W}
	switch {
	case w == src.W && h == src.H:
		for y := win.y0; y < win.y1; y++ {
			copy(dst.row(y-win.y0), in.row(y)[3*win.x0:3*win.x1])
		}
	case f == Nearest:
		resampleNearest(dst, in, src.W, src.H, w, h, win)
	default:
		resampleFiltered(p, dst, src, w, h, f, win)
	}
}

// resampleFiltered leaves out the pass along an axis that keeps its length.
func resampleFiltered(p passes, dst plane, src *Image, w, h int, f Filter, win rect) {
	in := plane{src.Pix, 3 * src.W, 3 * src.W}
	if w == src.W {
		down := newTable(src.H, h, win.y0, win.y1, f)
		p.down(dst, in.columns(win.x0, win.x1).from(int(down.first[0])), down)
		return
	}
	across := newTable(src.W, w, win.x0, win.x1, f)
	in = in.columns(across.span())
	if h == src.H {
		p.across(dst, in.from(win.y0), win.y1-win.y0, across)
		return
	}
	down := newTable(src.H, h, win.y0, win.y1, f)
	resampleBands(p, dst, in, across, down, max(bandBytes/dst.n, down.width))
}

// resampleBands runs both passes over as many output rows at a time as need no
// more than the given number of source rows, which suffices for one. Rows that
// two bands need move from one to the next.
func resampleBands(p passes, dst, in plane, across, down *table, rows int) {
	n := dst.n
	held := bands.Get().(*[]byte)
	defer bands.Put(held)
	*held = sized(*held, rows*n)
	band := plane{*held, n, n}
	start, end := 0, 0 // the source rows in the band
	for i := 0; i < len(down.first); {
		t := down.part(i, down.fit(i, rows))
		lo, hi := t.span()
		kept := max(end-lo, 0)
		if kept > 0 {
			copy(band.pix, band.pix[(lo-start)*n:(end-start)*n])
		}
		if lo+kept < hi {
			p.across(band.from(kept), in.from(lo+kept), hi-lo-kept, across)
		}
		p.down(dst.from(i), band, t)
		start, end = lo, hi
		i += len(t.first)
	}
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
