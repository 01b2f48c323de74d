package imaging

import (
	"math/bits"
	"slices"
	"sync"
)

// spareBytes bounds the memory that waits to be used again.
const spareBytes = 16 << 20

// spare are the pixels of images that were given back, the oldest first. A
// sync.Pool would lose them at every collection.
var spare struct {
	sync.Mutex
	buffers [][]byte
	bytes   int
}

// Recycle gives the memory of an image back to Apply. Nothing may use the image
// afterwards, nor another Image with the same Pix. It is never needed; it
// spares the collector most of its work where images come one after the other.
func Recycle(m *Image) {
	pix := m.Pix[:0]
	m.Pix = nil
	spare.Lock()
	defer spare.Unlock()
	spare.buffers = append(spare.buffers, pix)
	spare.bytes += cap(pix)
	drop := 0
	for ; spare.bytes > spareBytes; drop++ {
		spare.bytes -= cap(spare.buffers[drop])
	}
	spare.buffers = slices.Delete(spare.buffers, 0, drop)
}

// reused is New, but for pixels that may be anything: the caller writes all
// of them.
func reused(w, h int) *Image {
	size := 3 * w * h
	pix := takeSpare(size)
	if pix == nil {
		pix = make([]byte, roundedSize(size))
	}
	return &Image{W: w, H: h, Pix: pix[:size]}
}

// takeSpare returns the newest buffer that holds n bytes and wastes at most a
// quarter of them, or nil: many images may wait for a model.
func takeSpare(n int) []byte {
	spare.Lock()
	defer spare.Unlock()
	for i, pix := range slices.Backward(spare.buffers) {
		if n <= cap(pix) && cap(pix) <= n+n/4 {
			spare.buffers = slices.Delete(spare.buffers, i, i+1)
			spare.bytes -= cap(pix)
			return pix
		}
	}
	return nil
}

// roundedSize rounds n up to a size that many images share: four sizes for
// each power of two, so that at most a fifth is left unused.
func roundedSize(n int) int {
	exponent := max(bits.Len(uint(n-1)), 3)
	step := 1 << (exponent - 3)
	return (n + step - 1) / step * step
}
