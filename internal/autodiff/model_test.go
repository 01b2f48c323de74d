package autodiff

import (
	"context"
	"encoding/binary"
	"errors"
	"math"
	"os"
	"path/filepath"
	"testing"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"quba/internal/onnxfile"
	"quba/internal/onnxpb"
)

// externalModel writes a model whose weights lie in a file, at an offset.
func externalModel(t *testing.T, location string) (path string, n network) {
	n = network{
		shape: []int64{1, 3}, constants: map[string]*tensor{"w": float32Tensor([]int64{3}, []float32{1, 2, 3})},
		nodes: []*nodeProto{op("Mul", "x w", "y")},
	}
	model := n.model()
	w := model.Graph.Initializer[0]
	dir := t.TempDir()
	check(t, os.WriteFile(filepath.Join(dir, "weights"), append(make([]byte, 64), w.RawData...), 0o644))
	w.RawData, w.DataLocation = nil, onnxpb.TensorProto_EXTERNAL
	w.ExternalData = []*onnxpb.StringStringEntryProto{{Key: "location", Value: location}, {Key: "offset", Value: "64"}, {Key: "length", Value: "12"}}
	data, err := proto.Marshal(model)
	check(t, err)
	path = filepath.Join(dir, "m.onnx")
	check(t, os.WriteFile(path, data, 0o644))
	return path, n
}

// TestExternalData puts weights from beside the model into the gradient.
func TestExternalData(t *testing.T) {
	initialize(t)
	path, n := externalModel(t, "weights")
	g, err := Differentiate(context.Background(), path, n.options())
	check(t, err)
	near(t, "logits", evaluate(t, g, []float32{1, 1, 1}, []int64{0}).logits, []float32{1, 2, 3}, 0)
}

func TestExternalDataElsewhere(t *testing.T) {
	for _, location := range []string{"../weights", "/etc/hostname", "missing"} {
		path, n := externalModel(t, location)
		if _, err := Differentiate(context.Background(), path, n.options()); !errors.Is(err, onnxfile.ErrExternalData) {
			t.Errorf("%s: got %v, want ErrExternalData", location, err)
		}
	}
}

func TestModelIsNotOne(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.onnx")
	check(t, os.WriteFile(path, []byte{0x3a, 0xff}, 0o644))
	_, err := Differentiate(context.Background(), path, Options{})
	wantError(t, err, path)
}

// TestTypedFields reads the elements from wherever ONNX lets them lie.
func TestTypedFields(t *testing.T) {
	tests := map[string]*onnxpb.TensorProto{
		"float":   {DataType: int32(float32Type), FloatData: []float32{1, -2}},
		"double":  {DataType: int32(float64Type), DoubleData: []float64{1, -2}},
		"int64":   {DataType: int32(int64Type), Int64Data: []int64{1, -2}},
		"int32":   {DataType: int32(int32Type), Int32Data: []int32{1, -2}},
		"float16": {DataType: int32(float16Type), Int32Data: []int32{int32(onnxfile.HalfFromFloat32(1)), int32(onnxfile.HalfFromFloat32(-2))}},
	}
	for name, p := range tests {
		t.Run(name, func(t *testing.T) {
			p.Dims = []int64{2}
			got, err := fromProto(p)
			check(t, err)
			if got.kind == float16Type {
				got = got.widened()
			}
			for i, want := range []float64{1, -2} {
				one := &tensor{kind: got.kind, data: got.data[i*len(got.data)/2 : (i+1)*len(got.data)/2]}
				if v, ok := one.number(); !ok || v != want {
					t.Errorf("element %d is %v, want %v", i, v, want)
				}
			}
		})
	}
}

func TestFromProtoRefuses(t *testing.T) {
	tests := map[string]struct {
		p    *onnxpb.TensorProto
		want string
	}{
		"too few bytes": {&onnxpb.TensorProto{Name: "w", DataType: 1, Dims: []int64{3}, RawData: make([]byte, 8)}, `tensor "w": shape [3] of FLOAT must have 12 bytes, has 8`},
		"text":          {&onnxpb.TensorProto{DataType: int32(onnxpb.TensorProto_STRING), Dims: []int64{1}}, "must be numbers or truth values of at least a byte, are STRING"},
		"overflow":      {&onnxpb.TensorProto{DataType: 1, Dims: []int64{math.MaxInt64, math.MaxInt64}}, "must be under 2 GiB"},
		"negative":      {&onnxpb.TensorProto{DataType: 1, Dims: []int64{-1}}, "must be under 2 GiB"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := fromProto(test.p)
			wantError(t, err, test.want)
		})
	}
}

// TestTensorRoundTrip writes and reads any float32 tensor.
func TestTensorRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.SliceOf(rapid.Float32()).Draw(t, "v")
		made := float32Tensor([]int64{int64(len(v))}, v)
		got, err := fromProto(made.proto("w"))
		check(t, err)
		for i, f := range got.float32s() {
			if math.Float32bits(f) != math.Float32bits(v[i]) || binary.LittleEndian.Uint32(made.data[4*i:]) != math.Float32bits(v[i]) {
				t.Fatalf("element %d is %v, want %v", i, f, v[i])
			}
		}
	})
}
