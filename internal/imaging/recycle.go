package imaging

import "sync"

// spare are the pixels of images that were given back.
var spare sync.Pool

// Recycle gives the memory of an image back to Decode. Nothing may use the
// image afterwards, nor another Image with the same Pix. It is never needed;
// it spares the collector most of its work where images come one after the
// other.
func Recycle(m *Image) {
	pix := m.Pix
	m.Pix = nil
	spare.Put(&pix)
}

// reused is New, but for pixels that may be anything: the caller writes all
// of them.
func reused(w, h int) *Image {
	pix, ok := spare.Get().(*[]byte)
	if !ok || cap(*pix) < 3*w*h {
		return New(w, h)
	}
	return &Image{W: w, H: h, Pix: (*pix)[:3*w*h]}
}
