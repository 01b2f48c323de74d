package autodiff

import (
	"testing"

	"pgregory.net/rapid"
)

func TestMaxPoolAdjoint(t *testing.T) {
	initialize(t)
	rapid.Check(t, func(t *rapid.T) { checkPooling(t, "MaxPool", 17) })
}

func TestAveragePoolAdjoint(t *testing.T) {
	initialize(t)
	rapid.Check(t, func(t *rapid.T) { checkPooling(t, "AveragePool", 19) })
}

func checkPooling(t *rapid.T, operator string, opset int64) {
	// onnxruntime refuses windows that see padding only.
	w, attributes := drawWindow(t, rapid.IntRange(1, 3).Draw(t, "axes"), func(kernel int64) int64 { return kernel - 1 })
	in := shape{rapid.Int64Range(1, 2).Draw(t, "batch"), rapid.Int64Range(1, 2).Draw(t, "channels")}
	for i := range w.kernel {
		in = append(in, w.extent(i)+rapid.Int64Range(0, 6).Draw(t, "more"))
	}
	attributes = append(attributes, attribute{"ceil_mode", rapid.IntRange(0, 1).Draw(t, "ceil")})
	if operator == "AveragePool" {
		attributes = append(attributes, attribute{"count_include_pad", rapid.IntRange(0, 1).Draw(t, "include")})
	}
	checkAdjoint(t, linearNode{
		operator: operator, attributes: attributes, opset: opset, inputs: []any{in}, kinks: operator == "MaxPool",
	}, rapid.Uint64().Draw(t, "seed"))
}

func TestAveragePoolOverTilesAdjoint(t *testing.T) {
	initialize(t)
	for _, c := range []struct {
		in             shape
		kernel, stride []int64
	}{
		{shape{2, 3, 8, 6}, []int64{2, 2}, []int64{2, 2}},
		{shape{1, 2, 9, 7}, []int64{2, 3}, []int64{2, 3}},
		{shape{1, 2, 7, 7}, []int64{7, 7}, []int64{1, 1}},
		{shape{1, 2, 6}, []int64{3}, []int64{3}},
	} {
		n := linearNode{
			operator: "AveragePool", inputs: []any{c.in},
			attributes: []attribute{{"kernel_shape", c.kernel}, {"strides", c.stride}},
		}
		checkAdjoint(t, n, 1)
	}
}

// TestTilesNeedsNoMatrix: the common pooling of networks must stay cheap.
func TestTilesNeedsNoMatrix(t *testing.T) {
	b := testBuilder(map[string][]int64{"x": {1, 2, 8, 8}, "g": {1, 2, 4, 4}})
	n := testNode("AveragePool", []string{"x"}, attribute{"kernel_shape", []int64{2, 2}}, attribute{"strides", []int64{2, 2}})
	if err := averagePool(b, n, []string{"g"}); err != nil {
		t.Fatal(err)
	}
	for _, made := range b.nodes {
		if made.OpType == "MatMul" || made.OpType == "AveragePool" {
			t.Errorf("pooling over tiles makes a %s", made.OpType)
		}
	}
}
