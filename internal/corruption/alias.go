package corruption

import "sync"

// words is a generator that can hand out raw random words. Only real draws
// have it: with it, noise takes the value of a sample from a table instead of
// computing it from a normal or Poisson number.
type words interface{ Uint64() uint64 }

var _ words = random{}

// splitMix is the generator SplitMix64 (Steele, Lea and Flood 2014), used
// where hundreds of thousands of words are needed for one image.
type splitMix uint64

func (s *splitMix) next() uint64 {
	*s += 0x9e3779b97f4a7c15
	z := uint64(*s)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// aliasTables has, for each of the 256 values of a sample, the distribution of
// its noisy value as a table of Walker's alias method (Vose 1991). A uniform
// column is kept with the probability in the upper 24 bits of its entry, and
// otherwise replaced by the entry's lower 8 bits. Probabilities are exact to
// 2^-24.
type aliasTables [256][256]uint32

// newAliasTables builds the tables. distribution adds the probabilities of
// the noisy values of v to p, which is zero.
func newAliasTables(distribution func(p *[256]float64, v int)) *aliasTables {
	t := new(aliasTables)
	for v := range t {
		var p [256]float64
		distribution(&p, v)
		t[v] = newAlias(&p)
	}
	return t
}

func newAlias(p *[256]float64) (table [256]uint32) {
	total := 0.0
	for _, v := range p {
		total += v
	}
	var scaled [256]float64
	var small, large []int
	for i, v := range p {
		table[i] = uint32(i)
		if scaled[i] = v / total * 256; scaled[i] < 1 {
			small = append(small, i)
		} else {
			large = append(large, i)
		}
	}
	for len(small) > 0 && len(large) > 0 {
		low, high := small[len(small)-1], large[len(large)-1]
		small = small[:len(small)-1]
		table[low] = uint32(scaled[low]*(1<<24))<<8 | uint32(high)
		if scaled[high] -= 1 - scaled[low]; scaled[high] < 1 {
			large = large[:len(large)-1]
			small = append(small, high)
		}
	}
	return table
}

// apply draws a noisy value for every sample of src.
func (t *aliasTables) apply(dst, src []byte, g words) {
	s := splitMix(g.Uint64())
	dst = dst[:len(src)]
	for i := 1; i < len(src); i += 2 {
		word := s.next()
		dst[i-1] = t.pick(src[i-1], uint32(word))
		dst[i] = t.pick(src[i], uint32(word>>32))
	}
	if last := len(src) - 1; last%2 == 0 {
		dst[last] = t.pick(src[last], uint32(s.next()))
	}
}

// pick is without branches, which no processor could predict.
func (t *aliasTables) pick(v byte, word uint32) byte {
	entry := t[v][byte(word)]
	keep := byte(int32(word>>8-entry>>8) >> 31)
	return byte(entry) ^ (byte(entry)^byte(word))&keep
}

// noiseTables are made on first use, one for each severity.
type noiseTables struct {
	once   [MaxSeverity]sync.Once
	tables [MaxSeverity]*aliasTables
}

func (n *noiseTables) get(severity int, distribution func(p *[256]float64, v int)) *aliasTables {
	i := severity - 1
	n.once[i].Do(func() { n.tables[i] = newAliasTables(distribution) })
	return n.tables[i]
}
