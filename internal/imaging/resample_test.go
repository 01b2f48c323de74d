package imaging

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// plainAcross and plainDown are the passes as their formula has them.
func plainAcross(src *Image, t *table) *Image {
	dst := New(len(t.first), src.H)
	for y := range dst.H {
		for i := range 3 * dst.W {
			first, k := t.weights(i / 3)
			sum := int64(1) << 21
			for j, c := range k {
				sum += int64(c) * int64(src.Pix[3*(y*src.W+first+j)+i%3])
			}
			dst.Pix[3*y*dst.W+i] = byte(min(max(sum>>22, 0), 255))
		}
	}
	return dst
}

func plainDown(src *Image, t *table) *Image {
	dst := New(src.W, len(t.first))
	for y := range dst.H {
		first, k := t.weights(y)
		for i := range 3 * dst.W {
			sum := int64(1) << 21
			for j, c := range k {
				sum += int64(c) * int64(src.Pix[3*(first+j)*src.W+i])
			}
			dst.Pix[3*y*dst.W+i] = byte(min(max(sum>>22, 0), 255))
		}
	}
	return dst
}

func drawTable(t *rapid.T, in int, name string) *table {
	out := drawSize(t, name+" out")
	lo := rapid.IntRange(0, out-1).Draw(t, name+" lo")
	f := Filter(rapid.IntRange(int(Box), int(Lanczos)).Draw(t, name+" filter"))
	return newTable(in, out, lo, rapid.IntRange(lo+1, out).Draw(t, name+" hi"), f)
}

// drawExtremes draws an image, often of only black and white, whose sums
// overshoot the most.
func drawExtremes(t *rapid.T) *Image {
	m := drawImage(t)
	if rapid.Bool().Draw(t, "extremes") {
		for i, v := range m.Pix {
			m.Pix[i] = 255 * (v & 1)
		}
	}
	return m
}

// guarded is a plane amid bytes that no pass may write.
type guarded struct {
	all []byte
	plane
	rows int
}

const guard = 0xa5

func newGuarded(t *rapid.T, n, rows int) guarded {
	const margin = 64
	stride := n + rapid.IntRange(0, 5).Draw(t, "gap")
	all := bytes.Repeat([]byte{guard}, 2*margin+stride*rows)
	return guarded{all, plane{all[margin : margin+stride*(rows-1)+n], stride, n}, rows}
}

// requireHolds fails unless the plane holds want and nothing else was written.
func (g guarded) requireHolds(t *rapid.T, want *Image) {
	for y := range g.rows {
		row := g.row(y)
		if !bytes.Equal(row, want.Pix[y*g.n:(y+1)*g.n]) {
			t.Fatalf("row %d of %dx%d differs", y, want.W, want.H)
		}
		copy(row, bytes.Repeat([]byte{guard}, len(row)))
	}
	if bytes.Count(g.all, []byte{guard}) != len(g.all) {
		t.Fatal("bytes outside the rows were written")
	}
}

// exactly copies rows to a slice that ends with their last byte, for the
// address sanitizer (go test -asan) to see what reads past it.
func exactly(p plane, rows int) plane {
	pix := make([]byte, p.stride*(rows-1)+p.n)
	copy(pix, p.pix)
	return plane{pix, p.stride, p.n}
}

func TestAcrossEqualsItsFormula(t *testing.T) {
	for name, p := range everyPasses() {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				src := drawExtremes(t)
				across := drawTable(t, src.W, "x")
				dst := newGuarded(t, 3*len(across.first), src.H)
				in := plane{src.Pix, 3 * src.W, 3 * src.W}.columns(across.span())
				p.across(dst.plane, exactly(in, src.H), src.H, across)
				dst.requireHolds(t, plainAcross(src, across))
			})
		})
	}
}

func TestDownEqualsItsFormula(t *testing.T) {
	for name, p := range everyPasses() {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				src := drawExtremes(t)
				down := drawTable(t, src.H, "y")
				dst := newGuarded(t, 3*src.W, len(down.first))
				lo, hi := down.span()
				in := plane{src.Pix, 3 * src.W, 3 * src.W}.from(lo)
				p.down(dst.plane, exactly(in, hi-lo), down)
				dst.requireHolds(t, plainDown(src, down))
			})
		})
	}
}

// TestBandsMakeTheWhole has bands of every height, one output's need at least.
func TestBandsMakeTheWhole(t *testing.T) {
	for name, p := range everyPasses() {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				src := drawImage(t)
				across, down := drawTable(t, src.W, "x"), drawTable(t, src.H, "y")
				dst := newGuarded(t, 3*len(across.first), len(down.first))
				in := plane{src.Pix, 3 * src.W, 3 * src.W}.columns(across.span())
				rows := down.width + rapid.IntRange(0, 20).Draw(t, "spare rows")
				resampleBands(p, dst.plane, in, across, down, rows)
				dst.requireHolds(t, plainDown(plainAcross(src, across), down))
			})
		})
	}
}

// TestFilterOvershootIsClipped makes sure that the properties above meet sums
// below 0 and above 255.
func TestFilterOvershootIsClipped(t *testing.T) {
	edge := New(8, 1)
	copy(edge.Pix[12:], bytes.Repeat([]byte{255}, 12))
	for name, p := range everyPasses() {
		dst := New(16, 1)
		resample(p, plane{dst.Pix, 48, 48}, edge, 16, 1, Lanczos, rect{0, 0, 16, 1})
		if dst.Pix[18] != 0 || dst.Pix[27] != 255 {
			t.Errorf("%s: beside an edge %d and %d, want 0 and 255", name, dst.Pix[18], dst.Pix[27])
		}
	}
}

func BenchmarkPasses(b *testing.B) {
	src := photo()
	win := rect{58, 16, 282, 240}
	dst := New(224, 224)
	all := everyPasses()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		p := all[name]
		for _, f := range []Filter{Bilinear, Bicubic, Lanczos} {
			b.Run(fmt.Sprintf("%s/%s-256-crop-224", name, f), func(b *testing.B) {
				for b.Loop() {
					resample(p, plane{dst.Pix, 672, 672}, src, 341, 256, f, win)
				}
			})
		}
	}
}
