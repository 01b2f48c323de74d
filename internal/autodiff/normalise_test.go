package autodiff

import (
	"context"
	"encoding/binary"
	"math"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"quba/internal/onnxfile"
	"quba/internal/onnxpb"
)

type attributeProto = onnxpb.AttributeProto

func wantError(t testing.TB, err error, want string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want an error with %q", err, want)
	}
}

func halves(shape []int64, v []float32) *tensor {
	t := &tensor{kind: float16Type, shape: shape}
	for _, f := range v {
		t.data = binary.LittleEndian.AppendUint16(t.data, onnxfile.HalfFromFloat32(f))
	}
	return t
}

// TestHalfModel compares a float16 model with the float32 one of the same
// weights.
func TestHalfModel(t *testing.T) {
	initialize(t)
	weights := []float32{0.5, -1, 2, 0.25, 1.5, -0.75}
	shape, x := []int64{2, 3}, []float32{1, 2, 3, -1, 0.5, 0.25}
	single := network{
		shape: shape, constants: map[string]*tensor{"w": float32Tensor([]int64{3, 2}, weights)},
		nodes: []*nodeProto{op("MatMul", "x w", "m"), op("Tanh", "m", "y")},
	}
	half := single
	half.constants = map[string]*tensor{"w": halves([]int64{3, 2}, weights)}
	half.nodes = []*nodeProto{
		op("MatMul", "x w", "m"), op("Cast", "m", "s", attribute{"to", int64(float32Type)}),
		op("Cast", "s", "h", attribute{"to", int64(float16Type)}), op("Tanh", "h", "y"),
	}
	model := half.model()
	model.Graph.Input[0].Type.GetTensorType().ElemType = int32(float16Type)
	g, err := differentiate(context.Background(), model, half.options())
	check(t, err)
	if len(g.Notes) != 1 || !strings.Contains(g.Notes[0], "float16") {
		t.Errorf("notes %q", g.Notes)
	}
	labels := []int64{0, 1}
	got, want := evaluate(t, g, x, labels), evaluate(t, single.differentiate(t), x, labels)
	near(t, "gradient", got.gradient, want.gradient, 1e-6)
	near(t, "logits", got.logits, want.logits, 1e-6)
}

// TestConstantNodes are values of every form.
func TestConstantNodes(t *testing.T) {
	initialize(t)
	constant := func(output string, a *attributeProto) *nodeProto {
		n := op("Constant", "", output)
		n.Attribute = []*attributeProto{a}
		return n
	}
	n := network{shape: []int64{1, 4}, nodes: []*nodeProto{
		constant("t", &attributeProto{Name: "value", Type: onnxpb.AttributeProto_TENSOR, T: float32Tensor([]int64{4}, []float32{1, 2, 3, 4}).proto("")}),
		constant("f", attribute{"value_float", float32(2)}.proto()),
		constant("fs", testAttribute(attribute{"value_floats", []float32{1, -1, 1, -1}})),
		constant("i", attribute{"value_int", 1}.proto()),
		constant("is", attribute{"value_ints", []int64{2, 2}}.proto()),
		op("Mul", "x t", "a"), op("Mul", "a f", "b"), op("Mul", "b fs", "c"),
		op("Reshape", "c is", "d"), op("Gather", "d i", "e"), op("Unsqueeze", "e zero", "y"),
	}, constants: map[string]*tensor{"zero": int64Tensor([]int64{0})}}
	got := evaluate(t, n.differentiate(t), []float32{1, 1, 1, 1}, []int64{0})
	near(t, "logits", got.logits, []float32{6, -8}, 1e-6)
	p := softmaxOf([]float32{6, -8})
	near(t, "gradient", got.gradient, []float32{0, 0, float32(6 * (p[0] - 1)), float32(-8 * p[1])}, 1e-2)
}

// TestInitialisedInputs are what old exporters write.
func TestInitialisedInputs(t *testing.T) {
	initialize(t)
	n := network{
		shape: []int64{1, 2}, constants: map[string]*tensor{"w": float32Tensor([]int64{2}, []float32{1, 3})},
		nodes: []*nodeProto{op("Mul", "x w", "y")},
	}
	model := n.model()
	model.IrVersion = 3
	model.Graph.Input = append(model.Graph.Input, valueInfo("w", float32Type, []int64{2}))
	g, err := differentiate(context.Background(), model, n.options())
	check(t, err)
	near(t, "logits", evaluate(t, g, []float32{1, 1}, []int64{0}).logits, []float32{1, 3}, 0)
}

// TestDropout is the identity, whatever its ratio.
func TestDropout(t *testing.T) {
	initialize(t)
	got := slopes(t, 17, []float32{1, 2}, map[string]*tensor{"ratio": scalar(float32Type, 0.5)}, op("Dropout", "x ratio", "y"))
	for _, slope := range got {
		if math.Abs(slope-1) > 1e-6 {
			t.Errorf("got the slopes %v, want ones", got)
		}
	}
}

func TestNormaliseRefuses(t *testing.T) {
	base := network{shape: []int64{1, 2}, nodes: []*nodeProto{op("Relu", "x", "y")}}
	tests := map[string]struct {
		change func(m *onnxpb.ModelProto)
		want   string
	}{
		"functions": {func(m *onnxpb.ModelProto) { m.Functions = []*onnxpb.FunctionProto{{Domain: "own", Name: "f"}} }, "has own:f; export it again with the functions inlined"},
		"sparse weights": {func(m *onnxpb.ModelProto) {
			m.Graph.SparseInitializer = []*onnxpb.SparseTensorProto{{}}
		}, "must have dense weights"},
		"text constant": {func(m *onnxpb.ModelProto) {
			m.Graph.Node = append(m.Graph.Node, op("Constant", "", "c", attribute{"value_string", "s"}))
		}, `node "node_c": Constant must have a dense value of numbers`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			model := proto.CloneOf(base.model())
			test.change(model)
			_, err := normalise(model)
			wantError(t, err, test.want)
		})
	}
}
