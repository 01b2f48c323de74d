package corruption

import (
	"fmt"
	"slices"
	"sync"

	"quba/internal/imaging"
)

// StorageQuality is the JPEG quality that the published benchmark is stored
// in.
const StorageQuality = 85

var jpegQualities = [MaxSeverity]int{25, 18, 15, 10, 7}

func init() {
	register(Corruption{Name: "jpeg_compression", Order: 14, Apply: jpegCompression})
}

func jpegCompression(dst, src *imaging.Image, severity int, _ Draws, _ Options) error {
	return StoreJPEG(dst, src, jpegQualities[severity-1])
}

// StoreJPEG makes dst, of the size of src, what Pillow reads back after it
// saved src as a JPEG of the given quality, 1..100, with 4:2:0 chroma: bit for
// bit libjpeg-turbo's islow transforms and fancy upsampling. Entropy coding
// loses nothing and is left out. dst may be src.
func StoreJPEG(dst, src *imaging.Image, quality int) error {
	if quality < 1 || quality > 100 {
		return fmt.Errorf("jpeg quality must be 1..100, got %d", quality)
	}
	c := jpegCodecs.Get().(*jpegCodec)
	defer jpegCodecs.Put(c)
	c.resize(src.W, src.H)
	c.store(dst, src, quality, fastestJPEG)
	return nil
}

// jpegSteps are the parts of the round trip. All implementations give the same
// bits.
type jpegSteps interface {
	// encode fills the planes of c. Edges are padded as libjpeg does: to the
	// right before chroma is halved, below after it, but for the row that
	// makes the height even (jcprepct.c).
	encode(c *jpegCodec, src *imaging.Image)
	// quantise transforms, quantises and transforms back every block of p.
	quantise(p *jpegPlane, table *jpegTable)
	// decode makes pixels of the planes of c.
	decode(dst *imaging.Image, c *jpegCodec)
}

var jpegCodecs = sync.Pool{New: func() any { return new(jpegCodec) }}

// jpegPlane is a component in whole blocks of 8x8 samples.
type jpegPlane struct {
	pix            []uint8
	stride, height int
}

func (p *jpegPlane) resize(w, h int) {
	p.stride, p.height = (w+7)&^7, (h+7)&^7
	p.pix = sized(p.pix, p.stride*p.height)
}

func (p *jpegPlane) row(y int) []uint8 { return p.pix[y*p.stride:][:p.stride] }

// padBelow repeats the last row of h.
func (p *jpegPlane) padBelow(h int) {
	for y := h; y < p.height; y++ {
		copy(p.row(y), p.row(h-1))
	}
}

// sized returns a slice of n elements, s itself where it has the room. The
// elements are anything.
func sized[T any](s []T, n int) []T {
	return slices.Grow(s[:0], n)[:n]
}

// jpegCodec holds the planes of one picture of w x h pixels and chroma of
// cw x ch samples.
type jpegCodec struct {
	w, h, cw, ch int
	y, cb, cr    jpegPlane

	// Working memory of goJPEG: two rows of chroma of full width, Cb and Cr;
	// one row of vertically weighted chroma; one stretched to full width.
	full [2][2][]uint8
	sums [2][]int32
	wide [2][]uint8
	// The same of simdJPEG.
	lineSums []int32
	line     []uint16
}

func (c *jpegCodec) resize(w, h int) {
	c.w, c.h, c.cw, c.ch = w, h, (w+1)/2, (h+1)/2
	c.y.resize(w, h)
	c.cb.resize(c.cw, c.ch)
	c.cr.resize(c.cw, c.ch)
}

// store runs all steps.
func (c *jpegCodec) store(dst, src *imaging.Image, quality int, steps jpegSteps) {
	tables := &jpegTables[quality-1]
	steps.encode(c, src)
	steps.quantise(&c.y, tables[0])
	steps.quantise(&c.cb, tables[1])
	steps.quantise(&c.cr, tables[1])
	steps.decode(dst, c)
}
