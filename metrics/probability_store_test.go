package metrics

import (
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

func TestStoreOfFewSamplesIsSmall(t *testing.T) {
	const classes = 1000
	var s probabilityStore
	defer s.close()
	for range 3 {
		if err := s.add(make([]float32, classes), 0); err != nil {
			t.Fatal(err)
		}
	}
	if got := 4 * cap(s.chunk); got > 64<<10 {
		t.Errorf("3 samples of %d classes take %d bytes", classes, got)
	}
	if got := s.bufferSize(classes); got != 0 {
		t.Errorf("the buffer has %d bytes, needs none", got)
	}
}

func TestStoreGivesBackWhatItTook(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		classes := rapid.IntRange(1, 5).Draw(t, "classes")
		edge := rapid.SampledFrom([]int{firstRows, 4 * firstRows, chunkRows, 2 * chunkRows}).Draw(t, "edge")
		rows := edge + rapid.IntRange(1-firstRows, 3).Draw(t, "beyond")
		random := rand.New(rand.NewPCG(1, uint64(rows)))
		var s probabilityStore
		defer s.close()
		added := make([][]float32, rows)
		for i := range added {
			added[i] = make([]float32, classes)
			for class := range classes {
				added[i][class] = random.Float32()
			}
			if err := s.add(added[i], 0); err != nil {
				t.Fatal(err)
			}
		}
		first := rapid.IntRange(0, classes-1).Draw(t, "first")
		count := rapid.IntRange(1, classes-first).Draw(t, "count")
		into := make([]float32, count*rows)
		if err := s.read(first, count, into, make([]byte, s.bufferSize(count))); err != nil {
			t.Fatal(err)
		}
		for k := range count {
			for i := range rows {
				if into[k*rows+i] != added[i][first+k] {
					t.Fatalf("class %d of row %d is %v, was %v", first+k, i, into[k*rows+i], added[i][first+k])
				}
			}
		}
	})
}
