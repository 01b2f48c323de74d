//go:build cgo && !nojpegturbo

package imaging

/*
#cgo pkg-config: libjpeg
#include "jpeg_turbo.h"
*/
import "C"

import (
	"errors"
	"unsafe"
)

// JPEGDecoder names the JPEG decoder of this build.
func JPEGDecoder() string { return "libjpeg-turbo " + C.GoString(C.quba_jpeg_version()) }

// decodeJPEG decodes through libjpeg-turbo with the settings of Pillow: the
// accurate integer DCT and fancy upsampling. C sees Go memory only during the
// two calls and keeps no pointer to it.
func decodeJPEG(data []byte, opt Options) (*Image, string, error) {
	var r C.quba_jpeg_result
	in, size := (*C.uchar)(unsafe.Pointer(unsafe.SliceData(data))), C.size_t(len(data))
	if err := jpegError(C.quba_jpeg_header(in, size, &r), &r); err != nil {
		return nil, "", err
	}
	w, h := int(r.width), int(r.height)
	if err := opt.check(w, h); err != nil {
		return nil, "", err
	}
	m := opt.picture(w, h)
	out := (*C.uchar)(unsafe.Pointer(unsafe.SliceData(m.Pix)))
	if err := jpegError(C.quba_jpeg_decode(in, size, out, &r), &r); err != nil {
		return nil, "", err
	}
	return m, C.GoString(&r.message[0]), nil
}

func jpegError(status C.int, r *C.quba_jpeg_result) error {
	switch status {
	case C.QUBA_JPEG_OK:
		return nil
	case C.QUBA_JPEG_TRUNCATED:
		return ErrTruncated
	default:
		return errors.New(C.GoString(&r.message[0]))
	}
}
