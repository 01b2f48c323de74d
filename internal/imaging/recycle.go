package imaging

import (
	"math/bits"
	"sync"
)

// spare are the pixels of images that were given back, by the class of their
// capacity.
var spare [4 * bits.UintSize]sync.Pool

// Recycle gives the memory of an image back to Decode and Apply. Nothing may
// use the image afterwards, nor another Image with the same Pix. It is never
// needed; it spares the collector most of its work where images come one after
// the other.
func Recycle(m *Image) {
	pix := m.Pix
	m.Pix = nil
	if class, size := sizeClass(cap(pix)); size == cap(pix) {
		spare[class].Put(&pix)
	}
}

// reused is New, but for pixels that may be anything: the caller writes all
// of them.
func reused(w, h int) *Image {
	class, size := sizeClass(3 * w * h)
	pix, ok := spare[class].Get().(*[]byte)
	if !ok {
		fresh := make([]byte, size)
		pix = &fresh
	}
	return &Image{W: w, H: h, Pix: (*pix)[:3*w*h]}
}

// sizeClass rounds n up to a size that many images share: four sizes for each
// power of two, so that at most a fifth is left unused.
func sizeClass(n int) (class, size int) {
	exponent := max(bits.Len(uint(n-1)), 3)
	step := 1 << (exponent - 3)
	quarters := (n + step - 1) / step
	return 4*exponent + quarters - 5, quarters * step
}
