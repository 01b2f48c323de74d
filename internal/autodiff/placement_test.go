package autodiff

import (
	"slices"
	"testing"
)

// TestSlicesAreJoined: cotangents of slices that do not overlap make a Concat,
// others a sum.
func TestSlicesAreJoined(t *testing.T) {
	for name, c := range map[string]struct {
		from, to [][]int64 // of each slice of a [2, 7]
		want     string
		lengths  []int64 // of the pieces
	}{
		"whole":        {[][]int64{{0, 3}, {0, 0}}, [][]int64{{2, 7}, {2, 3}}, "Concat", []int64{3, 4}},
		"gaps":         {[][]int64{{0, 4}, {0, 1}}, [][]int64{{2, 6}, {2, 2}}, "Concat", []int64{1, 1, 2, 2, 1}},
		"overlap":      {[][]int64{{0, 0}, {0, 2}}, [][]int64{{2, 3}, {2, 7}}, "Add", []int64{7, 7}},
		"other axis":   {[][]int64{{0, 0}, {1, 0}}, [][]int64{{2, 3}, {2, 7}}, "Add", []int64{7, 7}},
		"two axes":     {[][]int64{{0, 0}, {1, 3}}, [][]int64{{2, 3}, {2, 7}}, "Add", []int64{7, 7}},
		"whole, twice": {[][]int64{{0, 0}, {0, 0}}, [][]int64{{2, 7}, {2, 7}}, "Add", []int64{7, 7}},
	} {
		b := testBuilder(map[string][]int64{"x": {2, 7}})
		for i, from := range c.from {
			to := c.to[i]
			g := b.constant(randomTensor(uint64(i), to[0]-from[0], to[1]-from[1]))
			if err := b.add("x", b.pad(g, from, []int64{2 - to[0], 7 - to[1]})); err != nil {
				t.Fatal(err)
			}
		}
		total := b.total("x")
		last := b.nodes[len(b.nodes)-1]
		var lengths []int64
		for _, piece := range last.Input {
			lengths = append(lengths, b.shapes[piece][1])
		}
		if last.OpType != c.want || last.Output[0] != total || !slices.Equal(lengths, c.lengths) {
			t.Errorf("%s: %s of lengths %v, want %s of %v", name, last.OpType, lengths, c.want, c.lengths)
		}
	}
}
