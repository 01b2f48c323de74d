// Package imaging turns picture files into the exact pixels that Pillow,
// torchvision and timm make of them: decoding, resizing, cropping.
//
// JPEG goes through libjpeg-turbo, which cgo finds with pkg-config (Debian
// libjpeg62-turbo-dev and pkg-config, Homebrew jpeg-turbo and pkgconf); its
// pixels are Pillow's. Where it is missing, build with -tags nojpegturbo or
// CGO_ENABLED=0: a decoder in Go then comes within 3 levels. Resizing equals
// Pillow 12.3 bit for bit, as do PNG, BMP, TIFF, GIF and WebP; its inner loops
// are in C where there is cgo on amd64 or arm64, and in Go elsewhere.
package imaging

import "fmt"

// Image is an 8-bit RGB picture. Pix holds H rows of W pixels of 3 bytes, R G
// B, without padding. An Image that was handed on is never written again.
type Image struct {
	W, H int
	Pix  []byte
}

// New returns a black image. It panics unless w and h are positive.
func New(w, h int) *Image {
	if w <= 0 || h <= 0 {
		panic(fmt.Sprintf("imaging: size %dx%d", w, h))
	}
	return &Image{W: w, H: h, Pix: make([]byte, 3*w*h)}
}

// Clone returns a copy that may be written.
func (m *Image) Clone() *Image {
	return &Image{W: m.W, H: m.H, Pix: append([]byte(nil), m.Pix...)}
}

// At returns the red, green and blue of the pixel in column x, row y.
func (m *Image) At(x, y int) (r, g, b byte) {
	i := 3 * (y*m.W + x)
	return m.Pix[i], m.Pix[i+1], m.Pix[i+2]
}
