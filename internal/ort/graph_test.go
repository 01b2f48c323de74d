package ort_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"quba/internal/onnxfile"
	"quba/internal/onnxfile/onnxtest"
	"quba/internal/ort"
)

// copies is a graph of one Identity for each element type, and a Cast of the
// float16 input, which cannot be an output.
func copies() onnxtest.Model {
	var g onnxtest.Graph
	for i, typ := range []onnxfile.ElementType{onnxfile.Float32, onnxfile.Float64, 7, 6, 9, onnxfile.Uint8, 5, 3, 4, onnxfile.Float16} {
		in, out := fmt.Sprint("in", i), fmt.Sprint("out", i)
		node := onnxtest.Node{Op: "Identity", In: []string{in}, Out: []string{out}}
		result := typ
		if typ == onnxfile.Float16 {
			result = onnxfile.Float32
			node.Op, node.Attributes = "Cast", map[string]any{"to": int64(result)}
		}
		g.Inputs = append(g.Inputs, onnxtest.Value{Name: in, Type: typ, Dims: []any{"n"}})
		g.Outputs = append(g.Outputs, onnxtest.Value{Name: out, Type: result})
		g.Nodes = append(g.Nodes, node)
	}
	return onnxtest.Model{Graph: g}
}

var everyType = []any{
	[]float32{1, -2.5},
	[]float64{1e-300, 2},
	[]int64{-1 << 62, 3},
	[]int32{-7, 8},
	[]bool{true, false},
	[]uint8{0, 255},
	[]int16{-300, 2},
	[]int8{-128, 127},
	[]uint16{0, 65535},
	ort.Halves{onnxfile.HalfFromFloat32(0.5), onnxfile.HalfFromFloat32(-3)},
}

func openCopies(t *testing.T) *ort.Graph {
	t.Helper()
	initialize(t)
	var o ort.GraphOptions
	for i := range everyType {
		o.Inputs, o.Outputs = append(o.Inputs, fmt.Sprint("in", i)), append(o.Outputs, fmt.Sprint("out", i))
	}
	graph, err := ort.OpenGraph(copies().Bytes(), o)
	check(t, err)
	t.Cleanup(func() { check(t, graph.Close()) })
	return graph
}

func arrays(data []any) []ort.Array {
	made := make([]ort.Array, len(data))
	for i, d := range data {
		made[i] = ort.Array{Shape: []int64{2}, Data: d}
	}
	return made
}

// TestGraphTypes sends every element type through a graph.
func TestGraphTypes(t *testing.T) {
	graph := openCopies(t)
	got, err := graph.Run(context.Background(), arrays(everyType))
	check(t, err)
	want := append(everyType[:9:9], []float32{0.5, -3})
	for i := range want {
		if !reflect.DeepEqual(got[i], ort.Array{Shape: []int64{2}, Data: want[i]}) {
			t.Errorf("output %d is %v, want %v", i, got[i], want[i])
		}
	}
}

// TestGraphRunsSideBySide also lets the collector run while onnxruntime reads
// the inputs.
func TestGraphRunsSideBySide(t *testing.T) {
	graph := openCopies(t)
	var workers sync.WaitGroup
	for w := range 4 {
		workers.Go(func() {
			for round := range 50 {
				inputs := append([]any{}, everyType...)
				inputs[0] = []float32{float32(w), float32(round)}
				got, err := graph.Run(context.Background(), arrays(inputs))
				if err != nil || !reflect.DeepEqual(got[0].Data, inputs[0]) {
					t.Errorf("got %v, %v; want %v", got, err, inputs[0])
					return
				}
			}
		})
	}
	workers.Wait()
}

// TestPlainGraph takes the inputs in another order, and leaves the nodes as they
// are.
func TestPlainGraph(t *testing.T) {
	initialize(t)
	graph, err := ort.OpenGraph(difference().Bytes(), ort.GraphOptions{Inputs: []string{"b", "a"}, Outputs: []string{"output"}, Plain: true})
	check(t, err)
	defer func() { check(t, graph.Close()) }()
	got, err := graph.Run(context.Background(), []ort.Array{
		{Shape: []int64{1, 1, 1, 3}, Data: []float32{1, 2, 3}}, {Shape: []int64{1, 3, 1, 1}, Data: []float32{10, 20, 30}},
	})
	check(t, err)
	if fmt.Sprint(got[0]) != "{[1 3 1 1] [8 18 28]}" {
		t.Errorf("got %v", got[0])
	}
}

func TestGraphRefuses(t *testing.T) {
	graph := openCopies(t)
	tests := map[string]struct {
		inputs []ort.Array
		want   string
	}{
		"too few":     {arrays(everyType)[:3], "a tensor for each of the inputs"},
		"wrong type":  {append(arrays(everyType)[:9:9], ort.Array{Shape: []int64{2}, Data: []string{"a", "b"}}), `input "in9": elements must be float32, float64, float16, int64, int32, int16, int8, uint16, uint8 or bool, are []string`},
		"wrong size":  {append(arrays(everyType)[:9:9], ort.Array{Shape: []int64{3}, Data: ort.Halves{1}}), `input "in9"`},
		"short slice": {append([]ort.Array{{Shape: []int64{3}, Data: []float32{1}}}, arrays(everyType)[1:]...), `input "in0"`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if _, err := graph.Run(context.Background(), test.inputs); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
	if _, err := ort.OpenGraph(copies().Bytes(), ort.GraphOptions{}); err == nil {
		t.Error("a graph without inputs was opened")
	}
	if _, err := ort.OpenGraph([]byte("no model"), ort.GraphOptions{Inputs: []string{"x"}, Outputs: []string{"y"}}); err == nil || !strings.Contains(err.Error(), "onnxruntime refuses the graph") {
		t.Errorf("got %v", err)
	}
}

func TestGraphIsCanceled(t *testing.T) {
	initialize(t)
	graph, err := ort.OpenGraph(endless().Bytes(), ort.GraphOptions{Inputs: []string{"input"}, Outputs: []string{"output"}})
	check(t, err)
	defer func() { check(t, graph.Close()) }()
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	_, err = graph.Run(ctx, []ort.Array{{Shape: []int64{1, 3, 8, 8}, Data: make([]float32, 192)}})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want that the time is over", err)
	}
}
