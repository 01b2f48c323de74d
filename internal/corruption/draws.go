package corruption

import (
	"math"
	"math/rand/v2"
)

// Draws are the random numbers of one corruption of one image. The reference
// code has no canonical sequence; tests inject recorded draws, and everything
// else takes them from a generator that depends on the seed and the sample.
type Draws interface {
	// Normals fills dst with standard normals.
	Normals(dst []float64)
	// Uniforms fills dst with uniform numbers in [0, 1).
	Uniforms(dst []float64)
	// Angle is uniform in [lo, hi), in degrees.
	Angle(lo, hi float64) float64
	// IntN is uniform in 0..n-1.
	IntN(n int) int
	// Offsets fills dst with whole numbers uniform in -d..d-1.
	Offsets(dst []int8, d int)
	// Counts fills dst with Poisson numbers of the given rates.
	Counts(dst []uint16, rates []float64)
	// Salt fills dst: 0 keep, with probability 1-p; 1 salt and 2 pepper, with
	// p/2 each.
	Salt(dst []uint8, p float64)
}

// random draws from a seeded generator.
type random struct{ *rand.Rand }

// NewDraws takes draws from r, which must be the sample's own.
func NewDraws(r *rand.Rand) Draws { return random{r} }

func (r random) Normals(dst []float64) {
	for i := range dst {
		dst[i] = r.NormFloat64()
	}
}

func (r random) Uniforms(dst []float64) {
	for i := range dst {
		dst[i] = r.Float64()
	}
}

func (r random) Angle(lo, hi float64) float64 { return lo + (hi-lo)*r.Float64() }

// Offsets takes 16 bits for each number, and drops those that would favour some
// of them (Lemire, ACM TOMACS 2019). Where d is a power of 2 fewer bits do.
func (r random) Offsets(dst []int8, d int) {
	n := uint32(2 * d)
	if d&(d-1) == 0 {
		r.masked(dst, d)
		return
	}
	unfair := 65536 % n
	for i := 0; i < len(dst); {
		for bits, left := r.Uint64(), 4; left > 0 && i < len(dst); left-- {
			scaled := uint32(uint16(bits)) * n
			bits >>= 16
			if scaled&0xffff < unfair {
				continue
			}
			dst[i] = int8(int(scaled>>16) - d)
			i++
		}
	}
}

// masked is Offsets for a power of 2 of at most 64: 8 bits for each number.
func (r random) masked(dst []int8, d int) {
	mask, low := uint64(2*d-1), int8(d)
	for len(dst) > 0 {
		bits, eight := r.Uint64(), dst[:min(8, len(dst))]
		for i := range eight {
			eight[i] = int8(bits&mask) - low
			bits >>= 8
		}
		dst = dst[len(eight):]
	}
}

func (r random) Counts(dst []uint16, rates []float64) {
	for i, rate := range rates {
		dst[i] = r.poisson(rate)
	}
}

// poisson multiplies uniforms until their product falls below exp(-rate)
// (Knuth); rates here are at most 60.
func (r random) poisson(rate float64) uint16 {
	limit, product, n := math.Exp(-rate), r.Float64(), uint16(0)
	for product > limit {
		product *= r.Float64()
		n++
	}
	return n
}

func (r random) Salt(dst []uint8, p float64) {
	for i := range dst {
		dst[i] = 0
		if u := r.Float64(); u < p/2 {
			dst[i] = 1
		} else if u < p {
			dst[i] = 2
		}
	}
}
