package corruption

import "fmt"

// recorded plays back draws that were made once. Every kind has its own
// queue; one that runs dry panics, since the corruption then asked for more
// than the reference did.
type recorded struct {
	normals, uniforms []float64
	angles            []float64
	ints              []int
	offsets           []int8
	counts            []uint16
	salt              []uint8
}

var _ Draws = (*recorded)(nil)

// take moves the first n of *queue to the caller.
func take[T any](queue *[]T, n int, what string) []T {
	if n > len(*queue) {
		panic(fmt.Sprintf("%d more recorded %s asked for, %d left", n, what, len(*queue)))
	}
	head := (*queue)[:n]
	*queue = (*queue)[n:]
	return head
}

func (r *recorded) Normals(dst []float64) { copy(dst, take(&r.normals, len(dst), "normals")) }

func (r *recorded) Uniforms(dst []float64) { copy(dst, take(&r.uniforms, len(dst), "uniforms")) }

func (r *recorded) Angle(lo, hi float64) float64 {
	angle := take(&r.angles, 1, "angles")[0]
	if angle < lo || angle >= hi {
		panic(fmt.Sprintf("recorded angle %v is outside [%v, %v)", angle, lo, hi))
	}
	return angle
}

func (r *recorded) IntN(n int) int {
	i := take(&r.ints, 1, "ints")[0]
	if i < 0 || i >= n {
		panic(fmt.Sprintf("recorded int %d is outside 0..%d", i, n-1))
	}
	return i
}

func (r *recorded) Offsets(dst []int8, d int) {
	copy(dst, take(&r.offsets, len(dst), "offsets"))
	for _, o := range dst {
		if int(o) < -d || int(o) >= d {
			panic(fmt.Sprintf("recorded offset %d is outside %d..%d", o, -d, d-1))
		}
	}
}

func (r *recorded) Counts(dst []uint16, rates []float64) {
	copy(dst, take(&r.counts, len(rates), "counts"))
}

func (r *recorded) Salt(dst []uint8, _ float64) { copy(dst, take(&r.salt, len(dst), "salt")) }

// left is the number of draws that nobody asked for.
func (r *recorded) left() int {
	return len(r.normals) + len(r.uniforms) + len(r.angles) + len(r.ints) +
		len(r.offsets) + len(r.counts) + len(r.salt)
}
