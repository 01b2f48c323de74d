package metrics

import "math"

// probabilitySorter sorts values of [0, 1]. Their bits grow with them and fit
// into 30, so three passes of ten bits sort them, about ten times as fast as
// comparing.
type probabilitySorter struct {
	from, to []uint32
	sorted   []float32
}

const (
	digitBits = 10
	digits    = 3
)

func newProbabilitySorter(size int) *probabilitySorter {
	return &probabilitySorter{from: make([]uint32, size), to: make([]uint32, size), sorted: make([]float32, size)}
}

// positive returns the values above 0 in rising order. The result is valid
// until the next call.
func (s *probabilitySorter) positive(values []float32) []float32 {
	from, n := s.from, 0
	for _, v := range values {
		if v > 0 {
			from[n] = math.Float32bits(v)
			n++
		}
	}
	from, to := from[:n], s.to[:n]
	for digit := range digits {
		sortByDigit(from, to, digit*digitBits)
		from, to = to, from
	}
	sorted := s.sorted[:n]
	for i, bits := range from {
		sorted[i] = math.Float32frombits(bits)
	}
	return sorted
}

// sortByDigit writes from into to, ordered by the ten bits above shift and
// else in the order they had.
func sortByDigit(from, to []uint32, shift int) {
	const mask = 1<<digitBits - 1
	var starts [1 << digitBits]int
	for _, v := range from {
		starts[v>>shift&mask]++
	}
	sum := 0
	for d, count := range starts {
		starts[d] = sum
		sum += count
	}
	for _, v := range from {
		d := v >> shift & mask
		to[starts[d]] = v
		starts[d]++
	}
}
