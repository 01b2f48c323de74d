package corruption

import (
	"math"
	"sync"
)

// zoomAxis enlarges one axis of an image about its middle: output i lies
// between the pixels first[i] and first[i]+step[i], frac[i] of the way.
type zoomAxis struct {
	first, step []int32
	frac        []float64
}

// newZoomAxis enlarges the middle n/z of n pixels by z, corners on corners as
// scipy.ndimage.zoom does, which makes n pixels or one or two more. centred
// drops half of these before the first.
func newZoomAxis(n int, z float64, centred bool) zoomAxis {
	length, all := zoomLengths(n, z)
	skipped := 0
	if centred {
		skipped = (all - n) / 2
	}
	return zoomPart(n, length, all, skipped, n)
}

// zoomLengths are the pixels that are enlarged and those that they make.
func zoomLengths(n int, z float64) (from, to int) {
	from = int(math.Ceil(float64(n) / z))
	return from, int(math.RoundToEven(float64(from) * z))
}

// zoomPart makes count outputs, after the skipped ones, of the enlargement of
// the middle length of n pixels to all.
func zoomPart(n, length, all, skipped, count int) zoomAxis {
	top := (n - length) / 2
	a := zoomAxis{make([]int32, count), make([]int32, count), make([]float64, count)}
	scale := 1.0
	if all > 1 {
		scale = float64(length-1) / float64(all-1)
	}
	for i := range count {
		c := float64(i+skipped) * scale
		low := max(min(int(c), length-2), 0)
		a.first[i] = int32(top + low)
		if length > 1 {
			a.step[i] = 1
			a.frac[i] = c - float64(low)
		}
	}
	return a
}

// zoomPlane enlarges a plane with rows of stride numbers. dst has a row for each
// output of down and a column for each of across.
func zoomPlane(dst, src []float64, stride int, down, across *zoomAxis) {
	w := len(across.first)
	line := borrowFloats(stride)
	defer floatPool.Put(line)
	for y, first := range down.first {
		upper, lower := src[int(first)*stride:], src[int(first+down.step[y])*stride:]
		mix(*line, upper, lower, down.frac[y])
		row := dst[y*w : (y+1)*w]
		for x, i := range across.first {
			f := across.frac[x]
			row[x] = (*line)[i]*(1-f) + (*line)[i+across.step[x]]*f
		}
	}
}

func mix(dst, a, b []float64, f float64) {
	a, b = a[:len(dst)], b[:len(dst)]
	for i := range dst {
		dst[i] = a[i]*(1-f) + b[i]*f
	}
}

// zoomKey names the tables of one axis of length n of a severity of zoom_blur.
type zoomKey struct {
	n, severity int
	centred     bool
}

// zoomTables keeps the tables of the sizes seen last.
var zoomTables = struct {
	sync.Mutex
	of map[zoomKey][]zoomSteps
}{of: map[zoomKey][]zoomSteps{}}

// maxZoomTables bounds the memory of zoomTables: at 224 pixels a table of all
// factors is about 80 kB.
const maxZoomTables = 32

// zoomTablesOf returns the axis for each factor, made once per size.
func zoomTablesOf(key zoomKey, factors []float64) []zoomSteps {
	zoomTables.Lock()
	defer zoomTables.Unlock()
	if t, ok := zoomTables.of[key]; ok {
		return t
	}
	if len(zoomTables.of) >= maxZoomTables {
		clear(zoomTables.of)
	}
	t := make([]zoomSteps, len(factors))
	for i, z := range factors {
		t[i] = newZoomSteps(newZoomAxis(key.n, z, key.centred))
	}
	zoomTables.of[key] = t
	return t
}
