package autodiff

import (
	"encoding/binary"
	"fmt"
	"math"

	"quba/internal/onnxfile"
	"quba/internal/onnxpb"
)

// elementSizes are in bytes. Types that are not here, such as strings and
// packed 4-bit numbers, cannot be on the way from the input to the output.
var elementSizes = map[elementType]int64{
	float32Type: 4, float64Type: 8, float16Type: 2, int32Type: 4, int64Type: 8, boolean: 1,
	int16Type: 2, int8Type: 1, uint16Type: 2, uint8Type: 1,
	elementType(onnxpb.TensorProto_UINT32):   4,
	elementType(onnxpb.TensorProto_UINT64):   8,
	elementType(onnxpb.TensorProto_BFLOAT16): 2,
}

// fromProto reads a tensor, whichever of ONNX's fields its elements lie in.
// It shares the bytes of raw_data.
func fromProto(p *onnxpb.TensorProto) (*tensor, error) {
	t := &tensor{kind: elementType(p.DataType), shape: p.Dims, data: p.RawData}
	size, known := elementSizes[t.kind]
	if !known {
		return nil, fmt.Errorf("tensor %q: elements must be numbers or truth values of at least a byte, are %s", p.Name, onnxpb.TensorProto_DataType(p.DataType))
	}
	if len(p.RawData) == 0 {
		t.data = typedBytes(p, size)
	}
	bytes, err := byteCount(p.Dims, size)
	if err != nil {
		return nil, fmt.Errorf("tensor %q: %w", p.Name, err)
	}
	if bytes != int64(len(t.data)) {
		return nil, fmt.Errorf("tensor %q: shape %v of %s must have %d bytes, has %d", p.Name, p.Dims, onnxpb.TensorProto_DataType(p.DataType), bytes, len(t.data))
	}
	return t, nil
}

// byteCount bounds the product, so that it cannot overflow.
func byteCount(dims []int64, size int64) (int64, error) {
	n := size
	for _, d := range dims {
		if d < 0 || d > 0 && n > maxModelSize/d {
			return 0, fmt.Errorf("shape %v must be under 2 GiB", dims)
		}
		n *= d
	}
	return n, nil
}

// typedBytes lays the elements of the typed fields out as raw_data; size is
// that of one element.
func typedBytes(p *onnxpb.TensorProto, size int64) []byte {
	var data []byte
	for _, v := range p.FloatData {
		data = binary.LittleEndian.AppendUint32(data, math.Float32bits(v))
	}
	for _, v := range p.DoubleData {
		data = binary.LittleEndian.AppendUint64(data, math.Float64bits(v))
	}
	for _, v := range p.Int32Data {
		data = appendLow(data, uint64(uint32(v)), size)
	}
	for _, v := range p.Int64Data {
		data = binary.LittleEndian.AppendUint64(data, uint64(v))
	}
	for _, v := range p.Uint64Data {
		data = appendLow(data, v, size)
	}
	return data
}

// appendLow appends the low bytes of a number.
func appendLow(data []byte, v uint64, size int64) []byte {
	return append(data, binary.LittleEndian.AppendUint64(nil, v)[:size]...)
}

// proto is the tensor as an initialiser.
func (t *tensor) proto(name string) *onnxpb.TensorProto {
	return &onnxpb.TensorProto{Name: name, DataType: int32(t.kind), Dims: t.shape, RawData: t.data}
}

// widened is the float32 tensor of the same numbers as a float16 one.
func (t *tensor) widened() *tensor {
	v := make([]float32, len(t.data)/2)
	for i := range v {
		v[i] = onnxfile.HalfToFloat32(binary.LittleEndian.Uint16(t.data[2*i:]))
	}
	return float32Tensor(t.shape, v)
}

// number is the one element of a floating-point or whole-number tensor.
func (t *tensor) number() (v float64, ok bool) {
	if count(t.shape) != 1 {
		return 0, false
	}
	switch t.kind {
	case float32Type:
		return float64(t.float32s()[0]), true
	case float64Type:
		return math.Float64frombits(binary.LittleEndian.Uint64(t.data)), true
	case int32Type, int64Type:
		whole, err := t.int64s()
		return float64(whole[0]), err == nil
	}
	return 0, false
}
