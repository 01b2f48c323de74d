package uncertainty

import (
	"fmt"
	"math"
	"testing"

	"pgregory.net/rapid"
)

func imagesOf(n int) *images {
	s := newImages(0, "sha256:test")
	for i := range n {
		s.at(fmt.Sprintf("image-%d", i), i-1)
	}
	s.rank()
	return s
}

// TestPoissonWeights compares the weights of many draws with the probabilities
// of a Poisson variable of mean 1.
func TestPoissonWeights(t *testing.T) {
	set := imagesOf(500)
	d := newDraw([]*images{set})
	var seen [maxWeight + 1]float64
	const draws = 2000
	for b := range draws {
		d.poisson(streamsOf([]*images{set}, 1), b)
		for _, w := range d[0].each {
			seen[w]++
		}
	}
	n, probability := float64(draws*set.len()), math.Exp(-1)
	for k := range 7 {
		if se := math.Sqrt(n * probability * (1 - probability)); math.Abs(seen[k]-n*probability) > 4.5*se {
			t.Errorf("weight %d: %v times, expected %v ± %v", k, seen[k], n*probability, se)
		}
		probability /= float64(k + 1)
	}
}

// TestWeightsOfImagesAndDrawsAreUncorrelated looks for structure that the
// counter generator could leave between neighbours.
func TestWeightsOfImagesAndDrawsAreUncorrelated(t *testing.T) {
	set := imagesOf(1000)
	const draws = 500
	columns := make([][]uint8, draws)
	for b := range columns {
		d := newDraw([]*images{set})
		d.poisson(streamsOf([]*images{set}, 9), b)
		columns[b] = d[0].each
	}
	acrossDraws, acrossImages, n := 0.0, 0.0, 0.0
	for b := 1; b < draws; b++ {
		for i := 1; i < set.len(); i++ {
			x := float64(columns[b][i]) - 1
			acrossDraws += x * (float64(columns[b-1][i]) - 1)
			acrossImages += x * (float64(columns[b][i-1]) - 1)
			n++
		}
	}
	// Products of independent weights of variance 1 have variance 1.
	for name, sum := range map[string]float64{"draws": acrossDraws, "images": acrossImages} {
		if z := sum / math.Sqrt(n); math.Abs(z) > 4.5 {
			t.Errorf("neighbouring %s: z = %v", name, z)
		}
	}
}

func TestPoissonOfEnds(t *testing.T) {
	if poissonOf(0) != 0 || poissonOf(math.MaxUint64) != maxWeight {
		t.Errorf("got %d and %d", poissonOf(0), poissonOf(math.MaxUint64))
	}
	for k := 1; k < maxWeight; k++ {
		if poissonBelow[k] < poissonBelow[k-1] {
			t.Errorf("P(X <= %d) is below P(X <= %d)", k, k-1)
		}
	}
}

// TestSlicedSums: counting bits of 64 images at a time is adding up weights.
func TestSlicedSums(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		each := rapid.SliceOfN(rapid.Uint8Range(0, maxWeight), 1, 300).Draw(t, "weights")
		w := newWeights(len(each))
		w.fill(func(i int) uint8 { return each[i] })
		var in bitset
		want, total := int64(0), int64(0)
		for i, weight := range each {
			total += int64(weight)
			if rapid.Bool().Draw(t, "in") {
				in.add(i)
				want += int64(weight)
			}
			if in.has(i) != (len(in) > i/64 && in[i/64]&(1<<(i%64)) != 0) {
				t.Fatalf("image %d", i)
			}
		}
		if got := w.sum(in); got != want || w.total != total {
			t.Fatalf("got %d of %d, want %d of %d", got, w.total, want, total)
		}
	})
}

// TestLeaveOutTakesEachImageOnce: the groups are a partition in equal parts.
func TestLeaveOutTakesEachImageOnce(t *testing.T) {
	set := imagesOf(103)
	d := newDraw([]*images{set})
	out := make([]int, set.len())
	for group := range 10 {
		d.leaveOut([]*images{set}, group, 10)
		if missing := int64(set.len()) - d[0].total; missing < 10 || missing > 11 {
			t.Errorf("group %d has %d images", group, missing)
		}
		for i, w := range d[0].each {
			out[i] += 1 - int(w)
		}
	}
	for i, n := range out {
		if n != 1 {
			t.Errorf("image %d is left out %d times", i, n)
		}
	}
}

// TestRowsOfTheSameImageAddUp: a cell that has an image twice counts it twice,
// whatever the order.
func TestRowsOfTheSameImageAddUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		set := imagesOf(20)
		type row struct {
			at  int
			hit bool
		}
		rows := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) row {
			return row{rapid.IntRange(0, 19).Draw(t, "image"), rapid.Bool().Draw(t, "hit")}
		}), 1, 60).Draw(t, "rows")
		var forward, backward tally
		for i, r := range rows {
			forward.add(image{set, r.at}, r.hit)
			last := rows[len(rows)-1-i]
			backward.add(image{set, last.at}, last.hit)
		}
		d := newDraw([]*images{set})
		d.poisson(streamsOf([]*images{set}, 5), 0)
		var want counts
		for _, r := range rows {
			want.n += int64(d[0].each[r.at])
			if r.hit {
				want.hits += int64(d[0].each[r.at])
			}
		}
		if forward.count(d) != want || backward.count(d) != want {
			t.Fatalf("got %v and %v, want %v", forward.count(d), backward.count(d), want)
		}
	})
}

func TestImagesAreFoundInAnyOrder(t *testing.T) {
	set := imagesOf(5)
	for _, i := range []int{3, 4, 0, 2} {
		if got := set.at(fmt.Sprintf("image-%d", i), 2); got != i {
			t.Errorf("image-%d is at %d", i, got)
		}
	}
	if got := set.at("other", 4); got != 5 || set.len() != 6 {
		t.Errorf("a new image is at %d of %d", got, set.len())
	}
}
