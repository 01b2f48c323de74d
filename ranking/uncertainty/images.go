package uncertainty

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"math/bits"
	"slices"
	"strings"
)

// images are the base images of one data set, in the order in which they were
// met. Every variant of an image, in every pipeline that reads the data set and
// of every model, is the same image: it is drawn as one.
type images struct {
	set    int // place among all data sets
	digest string
	index  map[string]int
	ids    []string
	keys   []uint64 // what the draws are functions of
	ranks  []int    // places by key, which do not depend on the order of reading
}

func newImages(set int, digest string) *images {
	return &images{set: set, digest: digest, index: map[string]int{}}
}

func (s *images) len() int { return len(s.keys) }

// at finds the place of an image, a new one where it was not met before. after
// is the place that was found last: images mostly come in the same order.
func (s *images) at(id string, after int) int {
	if next := after + 1; next < len(s.ids) && s.ids[next] == id {
		return next
	}
	if i, ok := s.index[id]; ok {
		return i
	}
	id = strings.Clone(id)
	i := len(s.ids)
	s.index[id] = i
	s.ids = append(s.ids, id)
	s.keys = append(s.keys, keyOf(s.digest, id))
	return i
}

// keyOf is the same for the same image in every result.
func keyOf(digest, id string) uint64 {
	sum := sha256.Sum256([]byte(digest + "\x00" + id))
	return binary.LittleEndian.Uint64(sum[:])
}

// rank sorts the images by key once all are known.
func (s *images) rank() {
	order := make([]int, s.len())
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(s.keys[a], s.keys[b]), strings.Compare(s.ids[a], s.ids[b]))
	})
	s.ranks = make([]int, len(order))
	for rank, i := range order {
		s.ranks[i] = rank
	}
}

// planes is how many bits a weight has. A Poisson variable of mean 1 is above
// maxWeight once in 10^13 draws; it is then maxWeight.
const (
	planes    = 4
	maxWeight = 1<<planes - 1
)

// weights say how often each image of a data set counts. They are held twice:
// for sums of numbers, and sliced into bits for counts of 64 images at a time.
type weights struct {
	each   []uint8
	sliced [][planes]uint64 // bit i%64 of word i/64 is of image i
	total  int64
}

func newWeights(n int) *weights {
	return &weights{each: make([]uint8, n), sliced: make([][planes]uint64, (n+63)/64)}
}

// fill sets the weight of every image to that which of gives, 0..maxWeight.
func (w *weights) fill(of func(image int) uint8) {
	w.total = 0
	for i := range w.each {
		w.each[i] = of(i)
	}
	for word := range w.sliced {
		var ones, twos, fours, eights uint64
		for bit, weight := range w.each[64*word : min(64*word+64, len(w.each))] {
			w.total += int64(weight)
			ones |= uint64(weight&1) << bit
			twos |= uint64(weight>>1&1) << bit
			fours |= uint64(weight>>2&1) << bit
			eights |= uint64(weight>>3) << bit
		}
		w.sliced[word] = [planes]uint64{ones, twos, fours, eights}
	}
}

// sum adds the weights of the images in the set.
func (w *weights) sum(in bitset) int64 {
	var counts [planes]int
	for word, members := range in {
		slice := &w.sliced[word]
		counts[0] += bits.OnesCount64(members & slice[0])
		counts[1] += bits.OnesCount64(members & slice[1])
		counts[2] += bits.OnesCount64(members & slice[2])
		// Weights above 7 are too rare to pay for.
		if slice[3] != 0 {
			counts[3] += bits.OnesCount64(members & slice[3])
		}
	}
	return int64(counts[0] + counts[1]<<1 + counts[2]<<2 + counts[3]<<3)
}

// bitset is a set of images.
type bitset []uint64

func (b bitset) has(i int) bool { return i/64 < len(b) && b[i/64]>>(i%64)&1 == 1 }

func (b *bitset) add(i int) {
	for i/64 >= len(*b) {
		*b = append(*b, 0)
	}
	(*b)[i/64] |= 1 << (i % 64)
}

// draw is one set of weights for every data set.
type draw []*weights

func newDraw(sets []*images) draw {
	d := make(draw, len(sets))
	for i, s := range sets {
		d[i] = newWeights(s.len())
	}
	return d
}

// once counts every image once: the sample as it is.
func (d draw) once() {
	for _, w := range d {
		w.fill(func(int) uint8 { return 1 })
	}
}

// poisson fills in draw number b of the bootstrap: independent Poisson weights
// of mean 1, the limit of the multinomial bootstrap (Hanley and MacGibbon 2006;
// Chamandy et al. 2012). A weight is a function of seed, draw and image alone,
// so the models share the draws, parts of the sample can be merged, and their
// order does not matter.
func (d draw) poisson(streams [][]uint64, b int) {
	for i, of := range streams {
		d[i].fill(func(image int) uint8 { return poissonOf(random(of[image], b)) })
	}
}

// leaveOut counts the images once but for those of a group, which are every
// groups-th by key.
func (d draw) leaveOut(sets []*images, group, groups int) {
	for i, s := range sets {
		d[i].fill(func(image int) uint8 {
			if s.ranks[image]%groups == group {
				return 0
			}
			return 1
		})
	}
}

// streamsOf seeds a stream of random numbers for each image of each data set.
func streamsOf(sets []*images, seed uint64) [][]uint64 {
	streams := make([][]uint64, len(sets))
	for i, s := range sets {
		streams[i] = make([]uint64, s.len())
		for image, key := range s.keys {
			streams[i][image] = mix(key ^ mix(seed+goldenGamma))
		}
	}
	return streams
}

// random is number b of a SplitMix64 stream (Steele, Lea and Flood, Fast
// Splittable Pseudorandom Number Generators, 2014), made without those before.
func random(stream uint64, b int) uint64 { return mix(stream + uint64(b+1)*goldenGamma) }

const goldenGamma = 0x9e3779b97f4a7c15

// mix is the finaliser of SplitMix64.
func mix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// poissonBelow[k] is 2^64 times the probability that a Poisson variable of mean
// 1 is at most k.
var poissonBelow = func() (below [maxWeight]uint64) {
	const scale = 1 << 63
	mass, sum := 1/2.718281828459045235, 0.0
	for k := range below {
		sum += mass
		mass /= float64(k + 1)
		below[k] = uint64(min(sum*scale, scale-1)) << 1
	}
	return below
}()

// poissonOf turns uniform bits into a Poisson variable by inversion.
func poissonOf(u uint64) uint8 {
	k := uint8(0)
	for k < maxWeight && u >= poissonBelow[k] {
		k++
	}
	return k
}
