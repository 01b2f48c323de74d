package imaging

import "math"

// precisionBits is the number of fraction bits of a coefficient: 32 less 8 for
// the sample, 1 for negative sums and 1 for sums above one.
const precisionBits = 32 - 8 - 2

// table holds the weights of one axis of a resize, for a range of outputs.
// first and first+count never decrease.
type table struct {
	first []int32 // the first source position of each output
	count []int32 // the number of source positions of each output
	width int     // the room for weights per output; count never exceeds it
	k     []int32 // the weights, in units of 2^-precisionBits
}

// weights returns the source positions and their weights of output i.
func (t *table) weights(i int) (first int, k []int32) {
	o := i * t.width
	return int(t.first[i]), t.k[o : o+int(t.count[i])]
}

// span returns the source positions [lo, hi) that any output needs.
func (t *table) span() (lo, hi int) {
	last := len(t.first) - 1
	return int(t.first[0]), int(t.first[last] + t.count[last])
}

// part returns the weights of the outputs [lo, hi).
func (t *table) part(lo, hi int) *table {
	return &table{t.first[lo:hi], t.count[lo:hi], t.width, t.k[lo*t.width : hi*t.width]}
}

// fit returns the end of the outputs from lo on, lo at least, that need no more
// than n source positions.
func (t *table) fit(lo, n int) int {
	hi := lo + 1
	for hi < len(t.first) && int(t.first[hi]+t.count[hi]-t.first[lo]) <= n {
		hi++
	}
	return hi
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
	t := &table{first: make([]int32, n), count: make([]int32, n), width: 2*int(math.Ceil(support)) + 1}
	t.k = make([]int32, n*t.width)
	raw := make([]float64, t.width)
	for i := range n {
		centre := float64((float64(lo+i) + 0.5) * scale)
		first := max(0, int(centre-support+0.5))
		count := min(in, int(centre+support+0.5)) - first
		t.first[i], t.count[i] = int32(first), int32(count)
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
func fix(dst []int32, w []float64) {
	for j, v := range w {
		v = float64(v * (1 << precisionBits))
		if v < 0 {
			dst[j] = int32(v - 0.5)
			continue
		}
		dst[j] = int32(v + 0.5)
	}
}
