package autodiff

import (
	"fmt"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	"quba/internal/ort"
)

// TestUpgrade runs models before and after: onnxruntime knows the old opsets.
func TestUpgrade(t *testing.T) {
	initialize(t)
	shape := []int64{2, 4, 3, 5}
	floats := func(name string, v ...float32) map[string]*tensor {
		return map[string]*tensor{name: float32Tensor([]int64{int64(len(v))}, v)}
	}
	channels := floats("c", 1, 2, 3, 4)
	tests := []struct {
		opset     int64
		constants map[string]*tensor
		nodes     []*nodeProto
	}{
		{9, nil, []*nodeProto{op("Slice", "x", "y", attribute{"starts", []int64{1, -4}}, attribute{"ends", []int64{4, 5}}, attribute{"axes", []int64{1, 3}})}},
		{9, nil, []*nodeProto{op("Slice", "x", "y", attribute{"starts", []int64{1, 1}}, attribute{"ends", []int64{2, 3}})}},
		{7, nil, []*nodeProto{op("Upsample", "x", "y", attribute{"scales", []float32{1, 1, 2, 3}})}},
		{9, floats("s", 1, 1, 2, 1.6), []*nodeProto{op("Upsample", "x s", "y", attribute{"mode", "linear"})}},
		{10, floats("s", 1, 1, 2, 3), []*nodeProto{op("Resize", "x s", "y")}},
		{10, floats("s", 1, 1, 0.67, 0.5), []*nodeProto{op("Resize", "x s", "y")}},
		{9, nil, []*nodeProto{op("Pad", "x", "y", attribute{"pads", []int64{0, 0, 1, 2, 0, 0, 3, 0}}, attribute{"value", float32(0.5)})}},
		{9, nil, []*nodeProto{op("Pad", "x", "y", attribute{"pads", []int64{0, 0, 1, 2, 0, 0, 0, 1}}, attribute{"mode", "reflect"})}},
		{9, nil, []*nodeProto{op("Clip", "x", "y", attribute{"min", float32(-0.5)}, attribute{"max", float32(1)})}},
		{9, nil, []*nodeProto{op("Clip", "x", "y", attribute{"max", float32(0.2)})}},
		{9, map[string]*tensor{"i": {kind: int64Type, shape: []int64{1, 1, 1, 1}, data: int64Tensor([]int64{2}).data}, "u": float32Tensor([]int64{1, 1, 1, 1}, []float32{9})}, []*nodeProto{op("Scatter", "x i u", "y", attribute{"axis", 1})}},
		{10, nil, []*nodeProto{op("Dropout", "x", "y", attribute{"ratio", float32(0.4)})}},
		{11, nil, []*nodeProto{op("Unsqueeze", "x", "u", attribute{"axes", []int64{1, -1}}), op("Squeeze", "u", "y", attribute{"axes", []int64{1}})}},
		{11, nil, []*nodeProto{op("Unsqueeze", "x", "u", attribute{"axes", []int64{0, 3}}), op("Squeeze", "u", "y")}},
		{11, nil, []*nodeProto{op("ReduceSum", "x", "y", attribute{"axes", []int64{-1, 1}}, attribute{"keepdims", 0})}},
		{11, nil, []*nodeProto{op("ReduceMean", "x", "y", attribute{"axes", []int64{2}})}},
		{11, nil, []*nodeProto{{OpType: "Split", Input: []string{"x"}, Output: []string{"a", "y"}, Attribute: attributes(attribute{"axis", 3}, attribute{"split", []int64{2, 3}})}}},
		{11, nil, []*nodeProto{{OpType: "Split", Input: []string{"x"}, Output: []string{"a", "y"}, Attribute: attributes(attribute{"axis", 1})}}},
		{11, nil, []*nodeProto{op("Softmax", "x", "y")}},
		{11, nil, []*nodeProto{op("Softmax", "x", "y", attribute{"axis", -1})}},
		{11, nil, []*nodeProto{op("LogSoftmax", "x", "y", attribute{"axis", 2})}},
		{11, nil, []*nodeProto{op("Hardmax", "x", "y", attribute{"axis", 0})}},
		{8, channels, []*nodeProto{op("BatchNormalization", "x c c c c", "y", attribute{"spatial", 1})}},
	}
	unused := map[string]bool{}
	for operator := range changes {
		unused[operator] = true
	}
	for _, test := range tests {
		t.Run(fmt.Sprintf("%s of opset %d", test.nodes[0].OpType, test.opset), func(t *testing.T) {
			n := network{opset: test.opset, shape: shape, nodes: test.nodes, constants: test.constants}
			for _, node := range n.nodes {
				delete(unused, node.OpType)
			}
			x := ort.Array{Shape: shape, Data: normal(1, count(shape))}
			old := n.model()
			renewed := proto.CloneOf(old)
			check(t, upgrade(renewed))
			if opset, err := opsetOf(renewed); err != nil || opset.Version != gradientOpset {
				t.Fatalf("opset %v, %v", opset, err)
			}
			before, after := runModel(t, old, x), runModel(t, renewed, x)
			if !slices.Equal(before.Shape, after.Shape) {
				t.Fatalf("shape %v becomes %v", before.Shape, after.Shape)
			}
			near(t, "output", after.Data.([]float32), before.Data.([]float32), 1e-6)
		})
	}
	if len(unused) > 0 {
		t.Errorf("no test for %v", unused)
	}
}

// attributes of a node of several outputs.
func attributes(list ...attribute) []*attributeProto {
	return op("", "", "", list...).Attribute
}

func TestUpgradeRefuses(t *testing.T) {
	tests := map[string]struct {
		model network
		want  string
	}{
		"old opset":  {network{opset: 6, shape: []int64{1}}, "must have opset 7 or later, has 6; export it again"},
		"no spatial": {network{opset: 8, shape: []int64{1}, nodes: []*nodeProto{op("BatchNormalization", "x s b m v", "y", attribute{"spatial", 0})}}, `node "node_y" (BatchNormalization): must have one mean for each channel`},
		"no scales":  {network{opset: 10, shape: []int64{1}, nodes: []*nodeProto{op("Resize", "x", "y")}}, "must have an image and scales"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { wantError(t, upgrade(test.model.model()), test.want) })
	}
	model := network{shape: []int64{1}}.model()
	model.OpsetImport = nil
	wantError(t, upgrade(model), "must say which opset")
}

// TestNewerOpsetStays leaves a model of a later opset as it is.
func TestNewerOpsetStays(t *testing.T) {
	model := network{opset: 21, shape: []int64{2}, nodes: []*nodeProto{op("Softmax", "x", "y")}}.model()
	before := proto.CloneOf(model)
	check(t, upgrade(model))
	if !proto.Equal(before, model) {
		t.Errorf("got %v, want %v", model, before)
	}
}
