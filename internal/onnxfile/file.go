// Package onnxfile reads what must be known about an ONNX model before it is
// trusted to onnxruntime: inputs, outputs, metadata, parameter count and the
// external files it refers to. It reads the protobuf wire format itself and
// never executes anything.
package onnxfile

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"os"
)

// maxFileSize is protobuf's own limit for one message.
const maxFileSize = math.MaxInt32

// File is what an .onnx file says about itself. It holds no tensor data.
type File struct {
	// Path and SHA256 (hex) are set by Read alone.
	Path   string
	SHA256 string

	IRVersion int64
	// Opsets maps operator domains to versions; the ONNX domain is "".
	Opsets map[string]int64
	// Inputs leaves out the inputs that are initialisers with a name.
	Inputs  []Value
	Outputs []Value
	// Metadata is metadata_props; of repeated keys the last one counts.
	Metadata map[string]string
	// Parameters counts the elements of floating-point initialisers and large
	// constants of all graphs and functions, without the running statistics
	// of batch normalisation, which are not trained.
	Parameters int64
	// External lists the data files outside the model, in order of appearance.
	External []External
}

// Value is an input or output of the graph.
type Value struct {
	Name string
	Type ElementType
	// Dims is nil when the shape is not stated.
	Dims []Dim
	// Producer is, for an output, the operator that makes its numbers, seen
	// through operators that only reshape, rename or cast; "" when unknown.
	Producer string
}

// Dim is one dimension: a positive Size, or a Name, or neither.
type Dim struct {
	Size int64
	Name string
}

// Fixed says whether the size is known.
func (d Dim) Fixed() bool { return d.Size > 0 }

func (d Dim) String() string {
	switch {
	case d.Fixed():
		return fmt.Sprint(d.Size)
	case d.Name != "":
		return d.Name
	}
	return "?"
}

// External is a part of a file beside the model that holds a tensor. Length
// is 0 when it is not stated.
type External struct {
	Tensor         string
	Location       string
	Offset, Length int64
}

// ElementType is a tensor element type, with the numbers of ONNX.
type ElementType int32

const (
	Undefined ElementType = 0
	Float32   ElementType = 1
	Uint8     ElementType = 2
	Float16   ElementType = 10
	Float64   ElementType = 11
	BFloat16  ElementType = 16
)

var elementNames = map[ElementType]string{
	Undefined: "undefined", Float32: "float32", Uint8: "uint8", 3: "int8", 4: "uint16", 5: "int16",
	6: "int32", 7: "int64", 8: "string", 9: "bool", Float16: "float16", Float64: "float64",
	12: "uint32", 13: "uint64", 14: "complex64", 15: "complex128", BFloat16: "bfloat16",
	17: "float8e4m3fn", 18: "float8e4m3fnuz", 19: "float8e5m2", 20: "float8e5m2fnuz",
	21: "uint4", 22: "int4", 23: "float4e2m1",
}

func (t ElementType) String() string {
	if name, ok := elementNames[t]; ok {
		return name
	}
	return fmt.Sprintf("type %d", int32(t))
}

// floating says whether numbers of this type can be trained.
func (t ElementType) floating() bool {
	return t == Float32 || t == Float16 || t == Float64 || t == BFloat16 || (t >= 17 && t <= 20) || t == 23
}

// Read reads and hashes the file at path, which must be a regular one.
func Read(path string) (*File, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: must be a regular file", path)
	}
	if info.Size() > maxFileSize {
		return nil, fmt.Errorf("%s: must be under 2 GiB, as protobuf demands, has %d bytes; store the weights as external data", path, info.Size())
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	file, err := Parse(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	sum := sha256.Sum256(data)
	file.Path, file.SHA256 = path, hex.EncodeToString(sum[:])
	return file, nil
}

// Input finds an input by name.
func (f *File) Input(name string) (Value, bool) { return find(f.Inputs, name) }

// Output finds an output by name.
func (f *File) Output(name string) (Value, bool) { return find(f.Outputs, name) }

func find(values []Value, name string) (Value, bool) {
	for _, v := range values {
		if v.Name == name {
			return v, true
		}
	}
	return Value{}, false
}
