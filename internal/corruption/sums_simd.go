//go:build cgo && (amd64 || arm64)

package corruption

/*
#include "sums_simd.h"
*/
import "C"

import "unsafe"

// simdSums are the sums in C, on so many float64 at once. C sees Go memory only
// during a call and keeps no pointer to it.
type simdSums struct{ lanes C.int }

var _ sums = simdSums{}

var fastest sums = simdSums{C.quba_sums_lanes()}

// fits reports whether a row is long enough for the blocks of C.
func (s simdSums) fits(n int) bool { return n >= 4*int(s.lanes) }

func (s simdSums) pairs(out, src []float64, at []pair, k []float64) {
	if !s.fits(len(out)) {
		goSums{}.pairs(out, src, at, k)
		return
	}
	for _, p := range at {
		_ = src[p.a:][:len(out)]
		_ = src[p.b:][:len(out)]
	}
	C.quba_sum_pairs(s.lanes, (*C.double)(unsafe.SliceData(out)), C.size_t(len(out)),
		(*C.double)(unsafe.SliceData(src)), (*C.quba_pair)(unsafe.Pointer(unsafe.SliceData(at))),
		(*C.double)(unsafe.SliceData(k[:len(at)])), C.size_t(len(at)))
}

func (s simdSums) taps(out, src []float64, at []int32, k []float64) {
	if !s.fits(len(out)) {
		goSums{}.taps(out, src, at, k)
		return
	}
	for _, i := range at {
		_ = src[i:][:len(out)]
	}
	C.quba_sum_taps(s.lanes, (*C.double)(unsafe.SliceData(out)), C.size_t(len(out)),
		(*C.double)(unsafe.SliceData(src)), (*C.int32_t)(unsafe.SliceData(at)),
		(*C.double)(unsafe.SliceData(k[:len(at)])), C.size_t(len(at)))
}

func (s simdSums) zoom(sum, line, upper, lower []float32, part float32, z *zoomSteps) {
	if s.lanes < 4 || z.base == nil {
		goSums{}.zoom(sum, line, upper, lower, part, z)
		return
	}
	n := 3 * len(z.first)
	_, _, _ = line[n+15], upper[n-1], lower[n-1]
	_ = sum[8*len(z.base)-1]
	C.quba_zoom_add((*C.float)(unsafe.SliceData(sum)), (*C.float)(unsafe.SliceData(line)),
		(*C.float)(unsafe.SliceData(upper)), (*C.float)(unsafe.SliceData(lower)), C.float(part), C.size_t(n),
		C.quba_zoom{
			base:   (*C.int32_t)(unsafe.SliceData(z.base)),
			index:  (*C.uint8_t)(unsafe.SliceData(z.index)),
			frac:   (*C.float)(unsafe.SliceData(z.fracs)),
			groups: C.size_t(len(z.base)),
		})
}
