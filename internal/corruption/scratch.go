package corruption

import "sync"

// floatPool and singlePool keep working memory between images, as *[]float64 and
// *[]float32.
var (
	floatPool  = sync.Pool{New: func() any { return new([]float64) }}
	singlePool = sync.Pool{New: func() any { return new([]float32) }}
)

// offsetPool keeps working memory as *[]int8.
var offsetPool = sync.Pool{New: func() any { return new([]int8) }}

// borrowFloats takes n numbers of working memory, of any value; give them back
// with floatPool.Put.
func borrowFloats(n int) *[]float64 {
	s := floatPool.Get().(*[]float64)
	if cap(*s) < n {
		*s = make([]float64, n)
	}
	*s = (*s)[:n]
	return s
}

// borrowSingles is borrowFloats for float32; give them back with singlePool.Put.
func borrowSingles(n int) *[]float32 {
	s := singlePool.Get().(*[]float32)
	if cap(*s) < n {
		*s = make([]float32, n)
	}
	*s = (*s)[:n]
	return s
}

// borrowOffsets is borrowFloats for int8; give them back with offsetPool.Put.
func borrowOffsets(n int) *[]int8 {
	s := offsetPool.Get().(*[]int8)
	if cap(*s) < n {
		*s = make([]int8, n)
	}
	*s = (*s)[:n]
	return s
}
