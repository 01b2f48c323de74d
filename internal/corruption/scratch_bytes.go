package corruption

import "sync"

// bytePool keeps working memory as *[]byte.
var bytePool = sync.Pool{New: func() any { return new([]byte) }}

// borrowBytes is borrowFloats for bytes; give them back with bytePool.Put.
func borrowBytes(n int) *[]byte {
	s := bytePool.Get().(*[]byte)
	if cap(*s) < n {
		*s = make([]byte, n)
	}
	*s = (*s)[:n]
	return s
}
