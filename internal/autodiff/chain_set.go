package autodiff

// chainSet is a set of chains, a bit for the number of each.
type chainSet []uint64

const wordBits = 64

func (s chainSet) has(number int) bool {
	word := number / wordBits
	return word < len(s) && s[word]>>(number%wordBits)&1 == 1
}

func (s *chainSet) add(number int) {
	word := number / wordBits
	s.grow(word + 1)
	(*s)[word] |= 1 << (number % wordBits)
}

func (s *chainSet) union(other chainSet) {
	s.grow(len(other))
	for i, word := range other {
		(*s)[i] |= word
	}
}

func (s *chainSet) grow(words int) {
	if more := words - len(*s); more > 0 {
		*s = append(*s, make(chainSet, more)...)
	}
}

// meets says whether two sets have a chain in common.
func (s chainSet) meets(other chainSet) bool {
	for i := range min(len(s), len(other)) {
		if s[i]&other[i] != 0 {
			return true
		}
	}
	return false
}
