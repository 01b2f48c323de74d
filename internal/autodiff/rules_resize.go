package autodiff

import (
	"fmt"
	"slices"
)

func init() {
	register("Resize", resize)
}

// resize is linear for every mode and works on one axis after the other.
func resize(b *builder, n *node, g []string) error {
	x := n.in(0)
	if err := b.onlyFirstActive(n); err != nil {
		return err
	}
	r, err := b.resizing(n)
	if err != nil {
		return err
	}
	dx := g[0]
	for i, in := range b.shapes[x] {
		if r.keeps(i, in, b.shapes[dx][i]) {
			continue
		}
		if i == 0 {
			return fmt.Errorf("the batch axis must keep its length %d, becomes %d", in, b.shapes[dx][i])
		}
		matrix, err := b.responses(dx, int64(i), in, func(units string, shape []int64) string {
			return b.resizeAxis(units, shape, i, r)
		})
		if err != nil {
			return err
		}
		dx = b.along(dx, int64(i), matrix)
	}
	return b.add(x, dx)
}

// resizing are the arguments of a Resize for all axes.
type resizing struct {
	attributes []attribute
	scales     []float32    // nil where sizes are given
	roi        [][2]float32 // start and end of each axis, nil where the whole is resized
}

// resizing reads the arguments but extrapolation_value, which is added and has
// no part in the derivative.
func (b *builder) resizing(n *node) (r resizing, err error) {
	if policy := n.text("keep_aspect_ratio_policy", "stretch"); policy != "stretch" {
		return resizing{}, fmt.Errorf("keep_aspect_ratio_policy must be stretch, is %q", policy)
	}
	coordinates := n.text("coordinate_transformation_mode", "half_pixel")
	r.attributes = []attribute{
		{"mode", n.text("mode", "nearest")},
		{"coordinate_transformation_mode", coordinates},
		{"nearest_mode", n.text("nearest_mode", "round_prefer_floor")},
		{"cubic_coeff_a", n.number("cubic_coeff_a", -0.75)},
		{"exclude_outside", n.integer("exclude_outside", 0)},
	}
	if n.integer("antialias", 0) == 1 {
		r.attributes = append(r.attributes, attribute{"antialias", 1}) // since opset 18
	}
	if r.scales, err = b.resizeScales(n); err != nil {
		return resizing{}, err
	}
	if coordinates == "tf_crop_and_resize" {
		r.roi, err = b.regionOfInterest(n)
	}
	return r, err
}

// resizeScales are the scales of all axes.
func (b *builder) resizeScales(n *node) ([]float32, error) {
	axes := b.resizedAxes(n)
	given, err := b.constantFloats(n.in(2), "the scales", len(axes))
	if given == nil || err != nil {
		return nil, err
	}
	scales := slices.Repeat([]float32{1}, len(b.shapes[n.in(0)]))
	for i, axis := range axes {
		scales[axis] = given[i]
	}
	return scales, nil
}

// regionOfInterest is what of each axis is resized.
func (b *builder) regionOfInterest(n *node) ([][2]float32, error) {
	axes := b.resizedAxes(n)
	given, err := b.constantFloats(n.in(1), "the region of interest", 2*len(axes))
	if err != nil {
		return nil, err
	}
	if given == nil {
		return nil, fmt.Errorf("tf_crop_and_resize must have a region of interest, has none")
	}
	roi := slices.Repeat([][2]float32{{0, 1}}, len(b.shapes[n.in(0)]))
	for i, axis := range axes {
		roi[axis] = [2]float32{given[i], given[len(axes)+i]}
	}
	return roi, nil
}

// resizedAxes are those that the arguments speak of.
func (b *builder) resizedAxes(n *node) []int64 {
	axes := slices.Clone(n.integers("axes"))
	if axes == nil {
		return diagonal(int64(len(b.shapes[n.in(0)])))
	}
	for i := range axes {
		axes[i] = b.axis(n.in(0), axes[i])
	}
	return axes
}

// keeps says whether an axis is left as it is.
func (r resizing) keeps(axis int, in, out int64) bool {
	if r.roi != nil && r.roi[axis] != [2]float32{0, 1} {
		return false
	}
	return in == out && (r.scales == nil || r.scales[axis] == 1)
}

// resizeAxis resizes one axis of a value to the shape as r does.
func (b *builder) resizeAxis(x string, shape []int64, axis int, r resizing) string {
	inputs := []string{x, "", "", ""}
	if r.roi != nil {
		roi := append(make([]float32, len(shape)), slices.Repeat([]float32{1}, len(shape))...)
		roi[axis], roi[len(shape)+axis] = r.roi[axis][0], r.roi[axis][1]
		inputs[1] = b.constant(float32Tensor([]int64{int64(len(roi))}, roi))
	}
	if r.scales == nil {
		inputs[3] = b.ints(shape...)
		return b.op("Resize", inputs, shape, r.attributes...)
	}
	scales := slices.Repeat([]float32{1}, len(shape))
	scales[axis] = r.scales[axis]
	inputs[2] = b.constant(float32Tensor([]int64{int64(len(scales))}, scales))
	return b.op("Resize", inputs[:3], shape, r.attributes...)
}
