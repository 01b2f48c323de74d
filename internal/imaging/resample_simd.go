//go:build cgo && (amd64 || arm64)

package imaging

/*
#include "resample_simd.h"
*/
import "C"

import (
	"sync"
	"unsafe"
)

// simdPasses are the passes in C, on so many 32-bit lanes at once. C sees Go
// memory only during a call and keeps no pointer to it.
type simdPasses struct{ lanes C.int }

var _ passes = simdPasses{}

var fastest passes = simdPasses{C.quba_resample_lanes()}

// words keeps working memory, as *[]uint32.
var words = sync.Pool{New: func() any { return new([]uint32) }}

func (p simdPasses) across(dst, src plane, rows int, t *table) {
	w := words.Get().(*[]uint32)
	defer words.Put(w)
	*w = sized(*w, int(p.lanes)*src.n/3)
	C.quba_resample_across(p.lanes, dst.samples(rows), src.samples(rows), C.size_t(rows),
		t.weightsOfC(), (*C.uint32_t)(unsafe.SliceData(*w)))
}

func (p simdPasses) down(dst, src plane, t *table) {
	lo, hi := t.span()
	C.quba_resample_down(p.lanes, dst.samples(len(t.first)), src.samples(hi-lo), C.size_t(dst.n), t.weightsOfC())
}

// samples hands the first rows of a plane to C. It panics if they are not there,
// since C does not check.
func (p plane) samples(rows int) C.quba_rows {
	_ = p.row(rows - 1)
	return C.quba_rows{(*C.uint8_t)(unsafe.SliceData(p.pix)), C.size_t(p.stride)}
}

func (t *table) weightsOfC() C.quba_weights {
	return C.quba_weights{
		first:   (*C.int32_t)(unsafe.SliceData(t.first)),
		count:   (*C.int32_t)(unsafe.SliceData(t.count)),
		k:       (*C.int32_t)(unsafe.SliceData(t.k)),
		width:   C.size_t(t.width),
		outputs: C.size_t(len(t.first)),
	}
}
