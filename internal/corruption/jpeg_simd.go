//go:build cgo && (amd64 || arm64)

package corruption

/*
#include "jpeg_simd.h"
*/
import "C"

import (
	"unsafe"

	"quba/internal/imaging"
)

// simdJPEG are the steps in C, on 8 numbers at once. C sees Go memory only
// during a call and keeps no pointer to it.
type simdJPEG struct{}

var _ jpegSteps = simdJPEG{}

var fastestJPEG = func() jpegSteps {
	if C.quba_dct_usable() == 0 {
		return goJPEG{}
	}
	return simdJPEG{}
}()

func (simdJPEG) encode(c *jpegCodec, src *imaging.Image) {
	planes, picture := c.c(src)
	C.quba_dct_encode(planes, picture)
	c.y.padBelow(c.h)
	c.cb.padBelow(c.ch)
	c.cr.padBelow(c.ch)
}

func (simdJPEG) quantise(p *jpegPlane, table *jpegTable) {
	C.quba_dct_quantise(bytePointer(p.pix), C.size_t(p.stride), C.size_t(p.height),
		(*C.quba_dct_table)(unsafe.Pointer(&table.lanes)))
}

func (simdJPEG) decode(dst *imaging.Image, c *jpegCodec) {
	if c.cw <= 2 {
		goJPEG{}.decode(dst, c)
		return
	}
	c.lineSums, c.line = sized(c.lineSums, c.cw+24), sized(c.line, 2*c.w+48)
	planes, picture := c.c(dst)
	C.quba_dct_decode(picture, planes, (*C.int32_t)(unsafe.SliceData(c.lineSums)),
		(*C.uint16_t)(unsafe.SliceData(c.line)))
}

// c is how C sees the planes and m, which has the codec's size.
func (c *jpegCodec) c(m *imaging.Image) (C.quba_dct_planes, C.quba_dct_picture) {
	return C.quba_dct_planes{
		y: bytePointer(c.y.pix), cb: bytePointer(c.cb.pix), cr: bytePointer(c.cr.pix),
		y_stride: C.size_t(c.y.stride), c_stride: C.size_t(c.cb.stride),
	}, C.quba_dct_picture{bytePointer(m.Pix[:3*c.w*c.h]), C.size_t(c.w), C.size_t(c.h)}
}

func bytePointer(s []byte) *C.uint8_t { return (*C.uint8_t)(unsafe.SliceData(s)) }
