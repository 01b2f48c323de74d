package ort

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"unsafe"

	onnxruntime "github.com/yalue/onnxruntime_go"
)

// GraphOptions says how a graph is opened.
type GraphOptions struct {
	// Inputs and Outputs name the tensors in the order of Run. The graph may
	// have more outputs.
	Inputs, Outputs []string
	// Plain leaves the nodes as they are: nothing is fused or folded.
	Plain bool
}

// Graph is a loaded model with any number of inputs and outputs of any shape.
// It is safe for concurrent use; a run takes one core. A Session is faster for
// one image input of fixed shape: its tensors are used again.
type Graph struct {
	session         *onnxruntime.DynamicAdvancedSession
	inputs, outputs []string
}

// OpenGraph loads a serialised ModelProto, under 2 GiB and without external
// data. Initialize must have been called. The bytes are not needed afterwards.
func OpenGraph(model []byte, o GraphOptions) (*Graph, error) {
	if len(o.Inputs) == 0 || len(o.Outputs) == 0 {
		return nil, errors.New("a graph must have inputs and outputs")
	}
	options, err := sessionOptions(1)
	if err != nil {
		return nil, err
	}
	defer options.Destroy()
	if o.Plain {
		if err := options.SetGraphOptimizationLevel(onnxruntime.GraphOptimizationLevelDisableAll); err != nil {
			return nil, err
		}
	}
	session, err := onnxruntime.NewDynamicAdvancedSessionWithONNXData(model, o.Inputs, o.Outputs, options)
	if err != nil {
		return nil, fmt.Errorf("onnxruntime refuses the graph: %s", reason(err))
	}
	return &Graph{session: session, inputs: o.Inputs, outputs: o.Outputs}, nil
}

// Close frees the model; no run may be going on.
func (g *Graph) Close() error { return g.session.Destroy() }

// Array is a tensor in Go memory, in C order.
type Array struct {
	Shape []int64
	// Data is []float32, []float64, []int64, []int32, []int16, []int8, []uint16,
	// []uint8, []bool, or Halves for the bits of float16 numbers.
	Data any
}

// Halves are float16 numbers, by their bits.
type Halves []uint16

// Run computes all outputs. It ends early when ctx is done, with its error.
// The inputs must not be changed meanwhile. Every tensor needs at least one
// dimension, and outputs cannot be float16: onnxruntime_go can make neither
// scalars nor halves.
func (g *Graph) Run(ctx context.Context, inputs []Array) ([]Array, error) {
	if len(inputs) != len(g.inputs) {
		return nil, fmt.Errorf("there must be a tensor for each of the inputs %q, got %d", g.inputs, len(inputs))
	}
	options, err := onnxruntime.NewRunOptions()
	if err != nil {
		return nil, err
	}
	defer options.Destroy()
	values, err := g.values(inputs)
	if err != nil {
		return nil, err
	}
	defer destroy(values)
	made := make([]onnxruntime.Value, len(g.outputs))
	err = run(ctx, g.session, values, made, options)
	// The tensors hold bare pointers into the memory of the inputs.
	runtime.KeepAlive(inputs)
	if err != nil {
		// A tensor that onnxruntime_go failed to make cannot be destroyed.
		return nil, err
	}
	defer destroy(made)
	return g.arrays(made)
}

func (g *Graph) values(inputs []Array) ([]onnxruntime.Value, error) {
	values := make([]onnxruntime.Value, len(inputs))
	for i, a := range inputs {
		var err error
		if values[i], err = a.value(); err != nil {
			destroy(values)
			return nil, fmt.Errorf("input %q: %w", g.inputs[i], err)
		}
	}
	return values, nil
}

// value wraps the array without copying it.
func (a Array) value() (onnxruntime.Value, error) {
	shape := onnxruntime.NewShape(a.Shape...)
	switch data := a.Data.(type) {
	case []float32:
		return wrapped(onnxruntime.NewTensor(shape, data))
	case []float64:
		return wrapped(onnxruntime.NewTensor(shape, data))
	case []int64:
		return wrapped(onnxruntime.NewTensor(shape, data))
	case []int32:
		return wrapped(onnxruntime.NewTensor(shape, data))
	case []int16:
		return wrapped(onnxruntime.NewTensor(shape, data))
	case []int8:
		return wrapped(onnxruntime.NewTensor(shape, data))
	case []uint16:
		return wrapped(onnxruntime.NewTensor(shape, data))
	case []uint8:
		return wrapped(onnxruntime.NewTensor(shape, data))
	case []bool:
		return wrapped(onnxruntime.NewTensor(shape, data))
	case Halves:
		bytes := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(data))), 2*len(data))
		return wrapped(onnxruntime.NewCustomDataTensor(shape, bytes, onnxruntime.TensorElementDataTypeFloat16))
	}
	return nil, fmt.Errorf("elements must be float32, float64, float16, int64, int32, int16, int8, uint16, uint8 or bool, are %T", a.Data)
}

// wrapped keeps a nil tensor from becoming a Value that is not nil.
func wrapped[T onnxruntime.Value](tensor T, err error) (onnxruntime.Value, error) {
	if err != nil {
		return nil, err
	}
	return tensor, nil
}

func (g *Graph) arrays(values []onnxruntime.Value) ([]Array, error) {
	arrays := make([]Array, len(values))
	for i, v := range values {
		data := elementsOf(v)
		if data == nil {
			return nil, fmt.Errorf("output %q: elements must be float32, float64, int64, int32, int16, int8, uint16, uint8 or bool, are in %T", g.outputs[i], v)
		}
		arrays[i] = Array{Shape: v.GetShape(), Data: data}
	}
	return arrays, nil
}

// elementsOf is the Go slice of a tensor, which outlives it.
func elementsOf(v onnxruntime.Value) any {
	switch t := v.(type) {
	case *onnxruntime.Tensor[float32]:
		return t.GetData()
	case *onnxruntime.Tensor[float64]:
		return t.GetData()
	case *onnxruntime.Tensor[int64]:
		return t.GetData()
	case *onnxruntime.Tensor[int32]:
		return t.GetData()
	case *onnxruntime.Tensor[int16]:
		return t.GetData()
	case *onnxruntime.Tensor[int8]:
		return t.GetData()
	case *onnxruntime.Tensor[uint16]:
		return t.GetData()
	case *onnxruntime.Tensor[uint8]:
		return t.GetData()
	case *onnxruntime.Tensor[bool]:
		return t.GetData()
	}
	return nil
}

// destroy frees tensors; those that were not made are nil.
func destroy(values []onnxruntime.Value) {
	for _, v := range values {
		if v != nil {
			_ = v.Destroy() // never fails for a tensor
		}
	}
}
