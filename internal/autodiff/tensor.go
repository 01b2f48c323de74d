package autodiff

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"

	"quba/internal/onnxpb"
)

// elementType is TensorProto.DataType.
type elementType int32

const (
	float32Type = elementType(onnxpb.TensorProto_FLOAT)
	float64Type = elementType(onnxpb.TensorProto_DOUBLE)
	float16Type = elementType(onnxpb.TensorProto_FLOAT16)
	int32Type   = elementType(onnxpb.TensorProto_INT32)
	int64Type   = elementType(onnxpb.TensorProto_INT64)
	int16Type   = elementType(onnxpb.TensorProto_INT16)
	int8Type    = elementType(onnxpb.TensorProto_INT8)
	uint16Type  = elementType(onnxpb.TensorProto_UINT16)
	uint8Type   = elementType(onnxpb.TensorProto_UINT8)
	boolean     = elementType(onnxpb.TensorProto_BOOL)
)

// tensor is a constant: its elements lie in data as ONNX's raw_data does,
// little-endian and in C order.
type tensor struct {
	kind  elementType
	shape []int64
	data  []byte
}

// key is equal for equal tensors; large ones are told apart by identity.
func (t *tensor) key() string {
	const small = 4096
	if len(t.data) > small {
		return fmt.Sprintf("%p", t)
	}
	return fmt.Sprintf("%d %v %x", t.kind, t.shape, t.data)
}

func scalar(kind elementType, v float64) *tensor {
	t := &tensor{kind: kind}
	switch kind {
	case float32Type:
		t.data = binary.LittleEndian.AppendUint32(nil, math.Float32bits(float32(v)))
	case float64Type:
		t.data = binary.LittleEndian.AppendUint64(nil, math.Float64bits(v))
	case int64Type:
		t.data = binary.LittleEndian.AppendUint64(nil, uint64(int64(v)))
	default:
		panic("autodiff: scalar of type " + strings.ToLower(onnxpb.TensorProto_DataType(kind).String()))
	}
	return t
}

func int64Tensor(v []int64) *tensor {
	t := &tensor{kind: int64Type, shape: []int64{int64(len(v))}}
	for _, n := range v {
		t.data = binary.LittleEndian.AppendUint64(t.data, uint64(n))
	}
	return t
}

// float32Tensor makes a constant of the shape.
func float32Tensor(shape []int64, v []float32) *tensor {
	t := &tensor{kind: float32Type, shape: shape, data: make([]byte, 0, 4*len(v))}
	for _, f := range v {
		t.data = binary.LittleEndian.AppendUint32(t.data, math.Float32bits(f))
	}
	return t
}

// float32s are the elements of a float32 tensor.
func (t *tensor) float32s() []float32 {
	v := make([]float32, len(t.data)/4)
	for i := range v {
		v[i] = math.Float32frombits(binary.LittleEndian.Uint32(t.data[4*i:]))
	}
	return v
}

// int64s are the elements of a tensor of int64 or int32.
func (t *tensor) int64s() ([]int64, error) {
	switch t.kind {
	case int64Type:
		v := make([]int64, len(t.data)/8)
		for i := range v {
			v[i] = int64(binary.LittleEndian.Uint64(t.data[8*i:]))
		}
		return v, nil
	case int32Type:
		v := make([]int64, len(t.data)/4)
		for i := range v {
			v[i] = int64(int32(binary.LittleEndian.Uint32(t.data[4*i:])))
		}
		return v, nil
	}
	return nil, fmt.Errorf("must hold whole numbers, holds %s", onnxpb.TensorProto_DataType(t.kind))
}
