package autodiff

import (
	"fmt"
	"slices"
)

func init() {
	register("Slice", slice)
	register("Gather", gather)
	register("Pad", pad)
}

// slice takes elements along each axis.
func slice(b *builder, n *node, g []string) error {
	x := n.in(0)
	taken, err := b.sliced(n)
	if err != nil {
		return err
	}
	dx, err := b.untake(g[0], taken, b.shapes[x])
	if err != nil {
		return err
	}
	return b.add(x, dx)
}

// sliced are the elements that a Slice takes along each axis, nil for all.
func (b *builder) sliced(n *node) ([][]int64, error) {
	var lists [4][]int64 // starts, ends, axes, steps
	for i, what := range []string{"the starts", "the ends", "the axes", "the steps"} {
		if n.in(1+i) == "" {
			continue
		}
		v, err := b.constantInts(n.in(1+i), what)
		if err != nil {
			return nil, err
		}
		lists[i] = v
	}
	starts, ends, axes, steps := lists[0], lists[1], lists[2], lists[3]
	if axes == nil {
		axes = diagonal(int64(len(starts)))
	}
	steps = orOnes(steps, len(starts))
	taken := make([][]int64, len(b.shapes[n.in(0)]))
	for i, a := range axes {
		axis := b.axis(n.in(0), a)
		taken[axis] = sliceRange(starts[i], ends[i], steps[i], b.shapes[n.in(0)][axis])
	}
	return taken, nil
}

// sliceRange are the elements start:end:step of an axis, as in Python.
func sliceRange(start, end, step, length int64) []int64 {
	low, high := int64(0), length // the bounds of start and end
	if step < 0 {
		low, high = -1, length-1
	}
	if start < 0 {
		start += length
	}
	if end < 0 {
		end += length
	}
	start, end = min(max(start, low), high), min(max(end, low), high)
	step = min(max(step, -length), length) // it must not overflow
	taken := []int64{}
	for i := start; (step > 0 && i < end) || (step < 0 && i > end); i += step {
		taken = append(taken, i)
	}
	return taken
}

// gather takes elements of an axis, which become the axes of the indices.
func gather(b *builder, n *node, g []string) error {
	x := n.in(0)
	indices, err := b.constantInts(n.in(1), "the indices")
	if err != nil {
		return err
	}
	shape, axis := b.shapes[x], b.axis(x, n.integer("axis", 0))
	taken := make([][]int64, len(shape))
	for _, i := range indices {
		if i < 0 {
			i += shape[axis]
		}
		taken[axis] = append(taken[axis], i)
	}
	flat := slices.Clone(shape)
	flat[axis] = int64(len(indices))
	dx, err := b.untake(b.reshape(g[0], flat), taken, shape)
	if err != nil {
		return err
	}
	return b.add(x, dx)
}

// pad takes elements of the image again, or adds a constant around it.
func pad(b *builder, n *node, g []string) error {
	x := n.in(0)
	if err := b.onlyFirstActive(n); err != nil {
		return err
	}
	before, after, err := b.padding(n)
	if err != nil {
		return err
	}
	mode := n.text("mode", "constant")
	if mode == "constant" {
		for i := range before {
			before[i], after[i] = -before[i], -after[i]
		}
		return b.add(x, b.pad(g[0], before, after))
	}
	taken := make([][]int64, len(before))
	for i, length := range b.shapes[x] {
		for at := -before[i]; at < length+after[i]; at++ {
			from, err := paddedFrom(mode, at, length)
			if err != nil {
				return err
			}
			taken[i] = append(taken[i], from)
		}
	}
	dx, err := b.untake(g[0], taken, b.shapes[x])
	if err != nil {
		return err
	}
	return b.add(x, dx)
}

// padding is how many elements a Pad adds before and after each axis.
func (b *builder) padding(n *node) (before, after []int64, err error) {
	pads, err := b.constantInts(n.in(1), "the pads")
	if err != nil {
		return nil, nil, err
	}
	axes := diagonal(int64(len(b.shapes[n.in(0)])))
	before, after = make([]int64, len(axes)), make([]int64, len(axes))
	if n.in(3) != "" {
		if axes, err = b.constantInts(n.in(3), "the axes"); err != nil {
			return nil, nil, err
		}
	}
	if len(pads) != 2*len(axes) {
		return nil, nil, fmt.Errorf("the pads must have two values for each of the %d axes, are %v", len(axes), pads)
	}
	for i, a := range axes {
		axis := b.axis(n.in(0), a)
		before[axis], after[axis] = pads[i], pads[len(axes)+i]
	}
	return before, after, nil
}

// paddedFrom is the element of an axis that stands at a position of the padded
// axis, counted from the first element.
func paddedFrom(mode string, at, length int64) (int64, error) {
	switch mode {
	case "edge":
		return min(max(at, 0), length-1), nil
	case "wrap":
		return modulo(at, length), nil
	case "reflect":
		period := max(2*(length-1), 1)
		at = modulo(at, period)
		return min(at, period-at), nil
	}
	return 0, fmt.Errorf("mode must be constant, reflect, edge or wrap, is %q", mode)
}

func modulo(a, n int64) int64 { return ((a % n) + n) % n }

// untake is the vector-Jacobian product of taking elements along each axis of
// a value of the shape; nil takes all. Axes with gaps or repetitions go first,
// while the cotangent is small.
func (b *builder) untake(g string, taken [][]int64, shape []int64) (string, error) {
	before, after := make([]int64, len(shape)), make([]int64, len(shape))
	for axis, elements := range taken {
		if elements == nil {
			continue
		}
		if from, ok := run(elements); ok {
			before[axis], after[axis] = from, shape[axis]-from-int64(len(elements))
			continue
		}
		scattered, err := b.untakeAxis(g, int64(axis), elements, shape[axis])
		if err != nil {
			return "", err
		}
		g = scattered
	}
	return b.pad(g, before, after), nil
}

// run is the first of elements that follow each other.
func run(elements []int64) (int64, bool) {
	for i, e := range elements {
		if e != elements[0]+int64(i) {
			return 0, false
		}
	}
	return elements[0], true
}

// untakeAxis picks for each element of the axis its place in g, or a zero that
// is put at g's end. Where an element was taken several times, a product with a
// matrix of zeros and ones adds up.
func (b *builder) untakeAxis(g string, axis int64, elements []int64, length int64) (string, error) {
	place := slices.Repeat([]int64{int64(len(elements))}, int(length))
	missing, twice := length, false
	for i, e := range elements {
		if place[e] != int64(len(elements)) {
			twice = true
			continue
		}
		place[e] = int64(i)
		missing--
	}
	if twice {
		if err := checkMatrix(length, int64(len(elements))); err != nil {
			return "", err
		}
		transposed := b.choice(b.types[g], elements, length, []int64{length, int64(len(elements))})
		return b.along(g, axis, transposed), nil
	}
	if missing > 0 {
		after := make([]int64, len(b.shapes[g]))
		after[axis] = 1
		g = b.pad(g, make([]int64, len(after)), after)
	}
	shape := slices.Clone(b.shapes[g])
	shape[axis] = length
	return b.op("Gather", []string{g, b.ints(place...)}, shape, attribute{"axis", axis}), nil
}
