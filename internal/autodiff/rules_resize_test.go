package autodiff

import (
	"fmt"
	"testing"
)

func TestResizeAdjoint(t *testing.T) {
	initialize(t)
	for _, mode := range []string{"nearest", "linear", "cubic"} {
		for _, coordinates := range []string{"half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric"} {
			for _, size := range [][]int64{{9, 5}, {4, 11}, {3, 1}, {6, 7}} {
				attributes := []attribute{{"mode", mode}, {"coordinate_transformation_mode", coordinates}}
				t.Run(fmt.Sprint(mode, coordinates, size), func(t *testing.T) {
					n := linearNode{
						operator: "Resize", attributes: attributes,
						inputs: []any{shape{2, 3, 6, 7}, "", "", int64Tensor(append([]int64{2, 3}, size...))},
					}
					checkAdjoint(t, n, 1)
				})
			}
		}
	}
}

func TestResizeByScalesAdjoint(t *testing.T) {
	initialize(t)
	scales := func(v ...float32) *tensor { return float32Tensor([]int64{int64(len(v))}, v) }
	for name, n := range map[string]linearNode{
		"nearest, ceil": {
			attributes: []attribute{{"nearest_mode", "ceil"}, {"coordinate_transformation_mode", "asymmetric"}},
			inputs:     []any{shape{1, 2, 5, 6}, "", scales(1, 1, 1.7, 0.6)},
		},
		"cubic outside": {
			attributes: []attribute{{"mode", "cubic"}, {"exclude_outside", 1}, {"cubic_coeff_a", float32(-0.5)}},
			inputs:     []any{shape{1, 2, 5, 6}, "", scales(1, 1, 2, 0.5)},
		},
		"antialiased": {
			opset: 18, attributes: []attribute{{"mode", "cubic"}, {"antialias", 1}},
			inputs: []any{shape{1, 2, 12, 9}, "", scales(1, 1, 0.4, 0.5)},
		},
		"some axes": {
			opset: 18, attributes: []attribute{{"mode", "linear"}, {"axes", []int64{3, 2}}},
			inputs: []any{shape{1, 2, 4, 4}, "", scales(3, 0.5)},
		},
		"symmetric": {
			opset: 19, attributes: []attribute{{"mode", "linear"}, {"coordinate_transformation_mode", "half_pixel_symmetric"}},
			inputs: []any{shape{1, 2, 5, 5}, "", scales(1, 1, 1.3, 0.7)},
		},
		"channels last": {attributes: []attribute{{"mode", "linear"}}, inputs: []any{shape{1, 4, 4, 3}, "", scales(1, 2, 1.5, 1)}},
		"volume":        {attributes: []attribute{{"mode", "linear"}}, inputs: []any{shape{1, 2, 3, 3, 4}, "", scales(1, 1, 2, 1, 0.5)}},
		"cropped": {
			attributes: []attribute{{"mode", "linear"}, {"coordinate_transformation_mode", "tf_crop_and_resize"}, {"extrapolation_value", float32(7)}},
			inputs:     []any{shape{1, 2, 5, 6}, scales(0, 0, 0.2, -0.1, 1, 1, 0.8, 0.7), scales(1, 1, 1.6, 1)},
		},
	} {
		n.operator = "Resize"
		t.Run(name, func(t *testing.T) { checkAdjoint(t, n, 1) })
	}
}

func TestResizeRefuses(t *testing.T) {
	b := testBuilder(map[string][]int64{"x": {1, 1, 4, 4}, "g": {2, 1, 4, 4}})
	for name, n := range map[string]*node{
		"batch":    testNode("Resize", []string{"x"}),
		"policy":   testNode("Resize", []string{"x"}, attribute{"keep_aspect_ratio_policy", "not_larger"}),
		"region":   testNode("Resize", []string{"x"}, attribute{"coordinate_transformation_mode", "tf_crop_and_resize"}),
		"computed": testNode("Resize", []string{"x", "", "scales"}),
	} {
		if err := resize(b, n, []string{"g"}); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}
