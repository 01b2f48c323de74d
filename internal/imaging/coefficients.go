package imaging

import "math"

// precisionBits is the number of fraction bits of a coefficient: 32 less 8 for
// the sample, 1 for negative sums and 1 for sums above one.
const precisionBits = 32 - 8 - 2

// half is added to a sum before its fraction bits are cut off.
const half = 1 << (precisionBits - 1)

// table holds the weights of one axis of a resize, for a range of outputs.
type table struct {
	first []int   // the first source position of each output
	count []int   // the number of source positions of each output
	width int     // the room for weights per output; count never exceeds it
	k     []int64 // the weights, in units of 2^-precisionBits
}

// weights returns the source positions and their weights of output i.
func (t *table) weights(i int) (first int, k []int64) {
	o := i * t.width
	return t.first[i], t.k[o : o+t.count[i]]
}

// span returns the source positions [lo, hi) that any output needs.
func (t *table) span() (lo, hi int) {
	last := len(t.first) - 1
	return t.first[0], t.first[last] + t.count[last]
}

// newTable computes the weights of the outputs [lo, hi) when in samples become
// out. The kernel is stretched by in/out when the image shrinks, and the
// weights are normalised before they are rounded: Pillow, Resample.c.
func newTable(in, out, lo, hi int, f Filter) *table {
	kern := kernels[f]
	scale := float64(in) / float64(out)
	stretch := max(scale, 1)
	support := float64(kern.support * stretch)
	n := hi - lo
	t := &table{first: make([]int, n), count: make([]int, n), width: 2*int(math.Ceil(support)) + 1}
	t.k = make([]int64, n*t.width)
	raw := make([]float64, t.width)
	for i := range n {
		centre := float64((float64(lo+i) + 0.5) * scale)
		first := max(0, int(centre-support+0.5))
		count := min(in, int(centre+support+0.5)) - first
		t.first[i], t.count[i] = first, count
		evaluate(raw[:count], kern, first, centre, 1/stretch)
		fix(t.k[i*t.width:], raw[:count])
	}
	return t
}

// evaluate fills w with the normalised kernel around centre.
func evaluate(w []float64, kern kernel, first int, centre, shrink float64) {
	sum := 0.0
	for j := range w {
		w[j] = kern.at(float64((float64(first+j) - centre + 0.5) * shrink))
		sum += w[j]
	}
	if sum == 0 {
		return
	}
	for j := range w {
		w[j] /= sum
	}
}

// fix rounds weights to fixed point, halves away from zero.
func fix(dst []int64, w []float64) {
	for j, v := range w {
		v = float64(v * (1 << precisionBits))
		if v < 0 {
			dst[j] = int64(v - 0.5)
			continue
		}
		dst[j] = int64(v + 0.5)
	}
}
