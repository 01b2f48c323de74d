package autodiff

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestConvAdjoint(t *testing.T) {
	initialize(t)
	rapid.Check(t, func(t *rapid.T) {
		w, attributes := drawWindow(t, rapid.IntRange(1, 3).Draw(t, "axes"), anyPadding)
		group := rapid.Int64Range(1, 3).Draw(t, "group")
		perGroup := rapid.Int64Range(1, 2).Draw(t, "channels")
		outputs := group * rapid.Int64Range(1, 2).Draw(t, "outputs")
		in := shape{rapid.Int64Range(1, 2).Draw(t, "batch"), group * perGroup}
		for i := range w.kernel {
			in = append(in, max(w.extent(i)-w.before[i]-w.after[i], 1)+rapid.Int64Range(0, 4).Draw(t, "more"))
		}
		attributes = append(attributes, attribute{"group", group})
		weights := randomTensor(1, append([]int64{outputs, perGroup}, w.kernel...)...)
		checkAdjoint(t, linearNode{operator: "Conv", attributes: attributes, inputs: []any{in, weights, randomTensor(2, outputs)}}, rapid.Uint64().Draw(t, "seed"))
	})
}

func TestConvTransposeAdjoint(t *testing.T) {
	initialize(t)
	rapid.Check(t, func(t *rapid.T) {
		w, attributes := drawWindow(t, rapid.IntRange(1, 2).Draw(t, "axes"), anyPadding)
		group := rapid.Int64Range(1, 2).Draw(t, "group")
		inputs := group * rapid.Int64Range(1, 2).Draw(t, "inputs")
		in := shape{rapid.Int64Range(1, 2).Draw(t, "batch"), inputs}
		padding := make([]int64, len(w.kernel))
		for i := range w.kernel {
			in = append(in, 2+w.before[i]+w.after[i]+rapid.Int64Range(0, 3).Draw(t, "more"))
			padding[i] = rapid.Int64Range(0, w.stride[i]-1).Draw(t, "output_padding")
		}
		attributes = append(attributes, attribute{"group", group}, attribute{"output_padding", padding})
		weights := randomTensor(1, append([]int64{inputs, rapid.Int64Range(1, 2).Draw(t, "outputs")}, w.kernel...)...)
		checkAdjoint(t, linearNode{operator: "ConvTranspose", attributes: attributes, inputs: []any{in, weights}}, rapid.Uint64().Draw(t, "seed"))
	})
}

func TestConvTransposeOfGivenShapeAdjoint(t *testing.T) {
	initialize(t)
	for _, mode := range []string{"NOTSET", "SAME_UPPER", "SAME_LOWER"} {
		checkAdjoint(t, linearNode{
			operator:   "ConvTranspose",
			attributes: []attribute{{"auto_pad", mode}, {"output_shape", []int64{8, 9}}, {"strides", []int64{2, 2}}},
			inputs:     []any{shape{1, 2, 4, 4}, randomTensor(1, 2, 3, 3, 4)},
		}, 1)
	}
}

func TestConvRefusesComputedWeights(t *testing.T) {
	b := testBuilder(nil)
	b.active["w"] = true
	n := testNode("Conv", []string{"x", "w"})
	err := conv(b, n, []string{"g"})
	if err == nil || !strings.Contains(err.Error(), `"w"`) {
		t.Errorf("weights that depend on the image: %v", err)
	}
}

// drawWindow draws a small window and the attributes that say so. Instead of
// the padding they may have auto_pad, which onnxruntime takes only without
// dilation and for pooling only with windows that leave no gaps. most limits
// the padding for a kernel.
func drawWindow(t *rapid.T, axes int, most func(kernel int64) int64) (window, []attribute) {
	mode := rapid.SampledFrom([]string{"NOTSET", "NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"}).Draw(t, "auto_pad")
	strided := rapid.Bool().Draw(t, "strided")
	w := window{stride: orOnes(nil, axes), dilation: orOnes(nil, axes), before: make([]int64, axes), after: make([]int64, axes)}
	for i := range axes {
		k := rapid.Int64Range(1, 4).Draw(t, "kernel")
		w.kernel = append(w.kernel, k)
		if strided {
			w.stride[i] = rapid.Int64Range(1, k).Draw(t, "stride")
		}
		if mode == "NOTSET" {
			w.stride[i] *= rapid.Int64Range(1, 2).Draw(t, "gaps")
			w.dilation[i] = rapid.Int64Range(1, 2).Draw(t, "dilation")
			w.before[i] = rapid.Int64Range(0, most(k)).Draw(t, "before")
			w.after[i] = rapid.Int64Range(0, most(k)).Draw(t, "after")
		}
	}
	attributes := []attribute{{"kernel_shape", w.kernel}, {"strides", w.stride}, {"auto_pad", mode}}
	if mode != "NOTSET" {
		return w, attributes
	}
	return w, append(attributes, attribute{"dilations", w.dilation}, attribute{"pads", slices.Concat(w.before, w.after)})
}

// anyPadding may be more than the kernel.
func anyPadding(int64) int64 { return 4 }
