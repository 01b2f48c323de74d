// Package onnxtest writes small ONNX models for tests.
package onnxtest

import (
	"encoding/binary"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"quba/internal/onnxfile"
)

// Model is a ModelProto, written with IR version 8 and opset 13.
type Model struct {
	Graph    Graph
	Metadata map[string]string
}

// Graph is a GraphProto.
type Graph struct {
	Inputs, Outputs []Value
	Nodes           []Node
	Tensors         []Tensor
}

// Value is a ValueInfoProto. A dimension is an int for a fixed size or a
// string for a symbolic one; nil Dims leave the shape out.
type Value struct {
	Name string
	Type onnxfile.ElementType
	Dims []any
}

// Node is a NodeProto. Attributes are int64, float32, string, []int64,
// Tensor or Graph.
type Node struct {
	Op, Domain string
	In, Out    []string
	Attributes map[string]any
}

// Tensor is a TensorProto: Raw bytes, or a reference to external data.
type Tensor struct {
	Name     string
	Type     onnxfile.ElementType
	Dims     []int64
	Raw      []byte
	External map[string]string
}

// Bytes serialises the model.
func (m Model) Bytes() []byte {
	var b []byte
	b = appendInt(b, 1, 8)
	b = appendMessage(b, 7, m.Graph.bytes())
	for _, domain := range []string{"", "com.microsoft"} {
		version := appendString(nil, 1, domain)
		version = appendInt(version, 2, map[string]int64{"": 13, "com.microsoft": 1}[domain])
		b = appendMessage(b, 8, version)
	}
	for _, key := range slices.Sorted(maps.Keys(m.Metadata)) {
		b = appendMessage(b, 14, entry(key, m.Metadata[key]))
	}
	return b
}

// Write stores the model in a new folder and returns its path.
func (m Model) Write(t testing.TB, name string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, m.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func (g Graph) bytes() []byte {
	var b []byte
	for _, n := range g.Nodes {
		b = appendMessage(b, 1, n.bytes())
	}
	b = appendString(b, 2, "graph")
	for _, t := range g.Tensors {
		b = appendMessage(b, 5, t.bytes())
	}
	for _, v := range g.Inputs {
		b = appendMessage(b, 11, v.bytes())
	}
	for _, v := range g.Outputs {
		b = appendMessage(b, 12, v.bytes())
	}
	return b
}

func (v Value) bytes() []byte {
	tensor := appendInt(nil, 1, int64(v.Type))
	if v.Dims != nil {
		var shape []byte
		for _, d := range v.Dims {
			var dim []byte
			switch d := d.(type) {
			case int:
				dim = appendInt(dim, 1, int64(d))
			case string:
				dim = appendString(dim, 2, d)
			}
			shape = appendMessage(shape, 1, dim)
		}
		tensor = appendMessage(tensor, 2, shape)
	}
	b := appendString(nil, 1, v.Name)
	return appendMessage(b, 2, appendMessage(nil, 1, tensor))
}

func (n Node) bytes() []byte {
	var b []byte
	for _, in := range n.In {
		b = appendString(b, 1, in)
	}
	for _, out := range n.Out {
		b = appendString(b, 2, out)
	}
	b = appendString(b, 4, n.Op)
	for _, name := range slices.Sorted(maps.Keys(n.Attributes)) {
		b = appendMessage(b, 5, attribute(name, n.Attributes[name]))
	}
	return appendString(b, 7, n.Domain)
}

// attribute writes an AttributeProto with the type number that goes with it.
func attribute(name string, value any) []byte {
	b := appendString(nil, 1, name)
	switch v := value.(type) {
	case float32:
		b = protowire.AppendTag(b, 2, protowire.Fixed32Type)
		return appendInt(protowire.AppendFixed32(b, math.Float32bits(v)), 20, 1)
	case int64:
		return appendInt(appendInt(b, 3, v), 20, 2)
	case string:
		return appendInt(appendString(b, 4, v), 20, 3)
	case Tensor:
		return appendInt(appendMessage(b, 5, v.bytes()), 20, 4)
	case Graph:
		return appendInt(appendMessage(b, 6, v.bytes()), 20, 5)
	case []int64:
		for _, i := range v {
			b = appendInt(b, 8, i)
		}
		return appendInt(b, 20, 7)
	}
	panic("onnxtest: attribute " + name + " has an unknown type")
}

func (t Tensor) bytes() []byte {
	var b []byte
	for _, d := range t.Dims {
		b = appendInt(b, 1, d)
	}
	b = appendInt(b, 2, int64(t.Type))
	b = appendString(b, 8, t.Name)
	if t.External == nil {
		return appendMessage(b, 9, t.Raw)
	}
	for _, key := range slices.Sorted(maps.Keys(t.External)) {
		b = appendMessage(b, 13, entry(key, t.External[key]))
	}
	return appendInt(b, 14, 1)
}

// Floats makes a tensor of float32 or, when typ says so, float16.
func Floats(name string, typ onnxfile.ElementType, dims []int64, values []float32) Tensor {
	var raw []byte
	for _, v := range values {
		if typ == onnxfile.Float16 {
			raw = binary.LittleEndian.AppendUint16(raw, onnxfile.HalfFromFloat32(v))
		} else {
			raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v))
		}
	}
	return Tensor{Name: name, Type: typ, Dims: dims, Raw: raw}
}

// Int64s makes a one-dimensional tensor of int64.
func Int64s(name string, values ...int64) Tensor {
	var raw []byte
	for _, v := range values {
		raw = binary.LittleEndian.AppendUint64(raw, uint64(v))
	}
	return Tensor{Name: name, Type: 7, Dims: []int64{int64(len(values))}, Raw: raw}
}

func entry(key, value string) []byte { return appendString(appendString(nil, 1, key), 2, value) }

func appendInt(b []byte, num protowire.Number, v int64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, num, protowire.VarintType), uint64(v))
}

func appendString(b []byte, num protowire.Number, s string) []byte {
	return appendMessage(b, num, []byte(s))
}

func appendMessage(b []byte, num protowire.Number, msg []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, num, protowire.BytesType), msg)
}
