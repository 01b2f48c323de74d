//go:build cgo && (amd64 || arm64)

package corruption

/*
#include "warp_simd.h"
*/
import "C"

import "unsafe"

// warpRow samples a picture where all four neighbours lie in it; see
// warpRowGo. C sees Go memory only during the call and keeps no pointer to it.
func warpRow(out, from []float32, w, h int, xs, ys []float64) {
	_, _, _ = out[3*len(xs)], from[3*w*h], ys[:len(xs)]
	C.quba_warp_row((*C.float)(unsafe.SliceData(out)), (*C.float)(unsafe.SliceData(from)), C.long(w), C.long(h),
		(*C.double)(unsafe.SliceData(xs)), (*C.double)(unsafe.SliceData(ys)), C.size_t(len(xs)))
}
