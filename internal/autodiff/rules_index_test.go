package autodiff

import (
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestSliceAdjoint(t *testing.T) {
	initialize(t)
	rapid.Check(t, func(t *rapid.T) {
		in := shape(rapid.SliceOfN(rapid.Int64Range(1, 5), 1, 3).Draw(t, "in"))
		var starts, ends, axes, steps []int64
		for axis, length := range in {
			step := rapid.SampledFrom([]int64{-3, -2, -1, 1, 2, 3}).Draw(t, "step")
			from := rapid.Int64Range(0, length-1).Draw(t, "from")
			end := rapid.SampledFrom([]int64{math.MaxInt64, length}).Draw(t, "end")
			if step < 0 {
				end = math.MinInt64
			}
			starts, ends = append(starts, from-length*rapid.Int64Range(0, 1).Draw(t, "negative")), append(ends, end)
			axes, steps = append(axes, int64(axis-len(in))), append(steps, step)
		}
		checkAdjoint(t, linearNode{operator: "Slice", inputs: []any{
			in, int64Tensor(starts), int64Tensor(ends), int64Tensor(axes), int64Tensor(steps),
		}}, rapid.Uint64().Draw(t, "seed"))
	})
}

func TestSliceRange(t *testing.T) {
	for _, c := range []struct {
		start, end, step, length int64
		want                     []int64
	}{
		{1, 3, 1, 5, []int64{1, 2}},
		{-2, math.MaxInt64, 1, 5, []int64{3, 4}},
		{0, -1, 2, 5, []int64{0, 2}},
		{-1, math.MinInt64, -2, 5, []int64{4, 2, 0}},
		{9, 0, -1, 3, []int64{2, 1}},
		{-9, 2, 1, 3, []int64{0, 1}},
		{3, 1, 1, 5, []int64{}},
		{3, 5, math.MaxInt64, 5, []int64{3}},
		{4, -9, math.MinInt64, 5, []int64{4}},
	} {
		if got := sliceRange(c.start, c.end, c.step, c.length); !slices.Equal(got, c.want) {
			t.Errorf("[%d:%d:%d] of %d: %v, want %v", c.start, c.end, c.step, c.length, got, c.want)
		}
	}
}

func TestGatherAdjoint(t *testing.T) {
	initialize(t)
	matrix := func(v ...int64) *tensor {
		return &tensor{kind: int64Type, shape: []int64{2, 2}, data: int64Tensor(v).data}
	}
	for name, indices := range map[string]*tensor{
		"scalar":      scalar(int64Type, 2),
		"negative":    int64Tensor([]int64{-1, 0}),
		"permutation": int64Tensor([]int64{2, 0, 3, 1}),
		"repeated":    int64Tensor([]int64{1, 1, 3, 1}),
		"run":         int64Tensor([]int64{1, 2}),
		"matrix":      matrix(0, 3, 2, 3),
	} {
		for axis, in := range []shape{{4, 2, 3}, {2, 4, 3}, {2, 3, 4}} {
			t.Run(name, func(t *testing.T) {
				n := linearNode{operator: "Gather", attributes: []attribute{{"axis", axis - 3}}, inputs: []any{in, indices}}
				checkAdjoint(t, n, 1)
			})
		}
	}
}

func TestPadAdjoint(t *testing.T) {
	initialize(t)
	for _, mode := range []string{"constant", "reflect", "edge", "wrap"} {
		for _, pads := range [][]int64{{0, 0, 1, 2, 0, 0, 3, 0}, {0, 0, 2, 0, 0, 0, 2, 3}, {1, 0, 0, 0, 0, 1, 0, 2}} {
			n := linearNode{
				operator: "Pad", opset: 19, attributes: []attribute{{"mode", mode}},
				inputs: []any{shape{2, 3, 4, 5}, int64Tensor(pads)},
			}
			checkAdjoint(t, n, 1)
		}
	}
	some := []any{shape{2, 3, 4, 5}, int64Tensor([]int64{-1, 2, 2, -2}), scalar(float32Type, 3), int64Tensor([]int64{-1, 2})}
	checkAdjoint(t, linearNode{operator: "Pad", opset: 18, inputs: some}, 1)
}

func TestGatherRefusesComputedIndices(t *testing.T) {
	b := testBuilder(map[string][]int64{"x": {4}})
	err := gather(b, testNode("Gather", []string{"x", "indices"}), []string{"g"})
	if err == nil || !strings.Contains(err.Error(), "must be constant") {
		t.Errorf("indices that depend on the image: %v", err)
	}
}

func TestMatricesAreLimited(t *testing.T) {
	if err := checkMatrix(1<<14, 1<<14); err == nil {
		t.Error("a matrix of 1 GiB was accepted")
	}
	if err := checkMatrix(1<<13, 1<<13); err != nil {
		t.Error(err)
	}
}
