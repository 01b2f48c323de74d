package ort_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"quba/internal/onnxfile"
	"quba/internal/onnxfile/onnxtest"
	"quba/internal/ort"
	"quba/internal/ort/orttest"
)

func TestMain(m *testing.M) {
	if ort.ProbeMain() {
		return
	}
	goleak.VerifyTestMain(m)
}

var options = ort.Options{Inputs: []string{"input"}, Output: "output"}

func initialize(t testing.TB) string {
	t.Helper()
	version, path, err := ort.Initialize(orttest.Library(t))
	check(t, err)
	if version == "" {
		t.Fatal("no version")
	}
	return path
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func open(t testing.TB, c onnxtest.Classifier) *ort.Session {
	t.Helper()
	initialize(t)
	session, err := ort.Open(c.Model().Write(t, "m.onnx"), options)
	check(t, err)
	t.Cleanup(func() { check(t, session.Close()) })
	return session
}

func TestInitializeAgain(t *testing.T) {
	path := initialize(t)
	_, again, err := ort.Initialize("")
	if os.Getenv(ort.LibraryVariable) == "" && (err != nil || again != path) {
		t.Errorf("second call: %q, %v; want %q", again, err, path)
	}
	if _, _, err := ort.Initialize("/nowhere/libonnxruntime.so"); !errors.Is(err, ort.ErrNoLibrary) {
		t.Errorf("another library: got %v", err)
	}
}

// TestRun compares with the definition of the classifier, for every element
// type of inputs and outputs.
func TestRun(t *testing.T) {
	const batch, classes, size = 2, 7, 4
	types := []struct {
		in, out   onnxfile.ElementType
		tolerance float64
	}{
		{onnxfile.Float32, onnxfile.Float32, 1e-5},
		{onnxfile.Uint8, onnxfile.Float32, 1e-3},
		{onnxfile.Float16, onnxfile.Float16, 2e-2},
	}
	for _, typ := range types {
		t.Run(typ.in.String()+" to "+typ.out.String(), func(t *testing.T) {
			c := onnxtest.Classifier{Classes: classes, Size: size, Input: typ.in, Output: typ.out}
			runner, err := open(t, c).NewRunner(
				[]ort.Tensor{{Type: typ.in, Shape: []int64{batch, 3, size, size}}},
				ort.Tensor{Type: typ.out, Shape: []int64{batch, classes}})
			check(t, err)
			defer func() { check(t, runner.Close()) }()
			colours := [batch][3]float64{{1, 2, 3}, {0, 5, 1}}
			fill(runner.Input(0), colours[:], size*size)
			check(t, runner.Run(context.Background()))
			for i, colour := range colours {
				for k := range classes {
					want := linear(c, colour, k)
					if got := float64(runner.Output()[i*classes+k]); math.Abs(got-want) > typ.tolerance {
						t.Errorf("row %d class %d: got %v, want %v", i, k, got, want)
					}
				}
			}
		})
	}
}

func linear(c onnxtest.Classifier, colour [3]float64, k int) float64 {
	sum := float64(c.Bias(k))
	for channel, v := range colour {
		sum += v * float64(c.Weight(channel, k))
	}
	return sum
}

func fill(dst ort.Elements, colours [][3]float64, plane int) {
	for i, colour := range colours {
		for channel, v := range colour {
			for j := range plane {
				at := (3*i+channel)*plane + j
				switch {
				case dst.Float32 != nil:
					dst.Float32[at] = float32(v)
				case dst.Uint8 != nil:
					dst.Uint8[at] = uint8(v)
				default:
					dst.Float16[at] = onnxfile.HalfFromFloat32(float32(v))
				}
			}
		}
	}
}

// TestRunnersShareASession runs goroutines with their own tensors while the
// garbage collector works: a tensor that is not kept alive would crash.
func TestRunnersShareASession(t *testing.T) {
	const classes, size = 5, 8
	c := onnxtest.Classifier{Classes: classes, Size: size}
	session := open(t, c)
	var workers sync.WaitGroup
	for w := range 4 {
		workers.Go(func() {
			runner, err := session.NewRunner(
				[]ort.Tensor{{Type: onnxfile.Float32, Shape: []int64{2, 3, size, size}}},
				ort.Tensor{Type: onnxfile.Float32, Shape: []int64{2, classes}})
			if err != nil {
				t.Error(err)
				return
			}
			defer runner.Close()
			for round := range 50 {
				colours := [][3]float64{{float64(w), float64(round), 1}, {1, 1, 1}}
				fill(runner.Input(0), colours, size*size)
				if err := runner.Run(context.Background()); err != nil {
					t.Error(err)
					return
				}
				runtime.GC()
				if got, want := float64(runner.Output()[0]), linear(c, colours[0], 0); math.Abs(got-want) > 1e-3 {
					t.Errorf("worker %d round %d: got %v, want %v", w, round, got, want)
				}
			}
		})
	}
	workers.Wait()
}

// difference is a graph of two images: the first less the mean of the second.
func difference() onnxtest.Model {
	return onnxtest.Model{Graph: onnxtest.Graph{
		Inputs: []onnxtest.Value{
			{Name: "a", Type: onnxfile.Float32, Dims: []any{1, 3, "h", "w"}},
			{Name: "b", Type: onnxfile.Float32, Dims: []any{1, "y", "x", 3}},
		},
		Outputs: []onnxtest.Value{{Name: "output", Type: onnxfile.Float32}},
		Nodes: []onnxtest.Node{
			{Op: "ReduceMean", In: []string{"b"}, Out: []string{"mean"}},
			{Op: "Sub", In: []string{"a", "mean"}, Out: []string{"output"}},
		},
	}}
}

// TestTwoInputs feeds each input by its place in Options.Inputs, whatever
// their order in the graph.
func TestTwoInputs(t *testing.T) {
	initialize(t)
	session, err := ort.Open(difference().Write(t, "m.onnx"), ort.Options{Inputs: []string{"b", "a"}, Output: "output"})
	check(t, err)
	defer session.Close()
	tensors := []ort.Tensor{
		{Type: onnxfile.Float32, Shape: []int64{1, 2, 1, 3}},
		{Type: onnxfile.Float32, Shape: []int64{1, 3, 1, 1}},
	}
	runner, err := session.NewRunner(tensors, tensors[1])
	check(t, err)
	defer func() { check(t, runner.Close()) }()
	copy(runner.Input(0).Float32, []float32{1, 2, 3, 4, 5, 9})
	copy(runner.Input(1).Float32, []float32{10, 20, 30})
	check(t, runner.Run(context.Background()))
	if got := fmt.Sprint(runner.Output()); got != "[6 16 26]" {
		t.Errorf("got %s, want [6 16 26]", got)
	}
	if _, err := session.NewRunner(tensors[:1], tensors[1]); err == nil || !strings.Contains(err.Error(), `each of the inputs ["b" "a"], got 1`) {
		t.Errorf("one tensor for two inputs: %v", err)
	}
}

func TestNewRunnerRefuses(t *testing.T) {
	session := open(t, onnxtest.Classifier{})
	in := ort.Tensor{Type: onnxfile.Float32, Shape: []int64{2, 3, 8, 8}}
	tests := map[string]struct {
		in, out ort.Tensor
		want    string
	}{
		"integer input": {ort.Tensor{Type: 7, Shape: []int64{1}}, in, `input "input": must be float32`},
		"uint8 output":  {in, ort.Tensor{Type: onnxfile.Uint8, Shape: []int64{1}}, "output: must be float32"},
		"no shape":      {in, ort.Tensor{Type: onnxfile.Float32}, "output: "},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := session.NewRunner([]ort.Tensor{test.in}, test.out)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

func TestRunIsCanceled(t *testing.T) {
	initialize(t)
	session, err := ort.Open(endless().Write(t, "m.onnx"), options)
	check(t, err)
	defer session.Close()
	runner, err := session.NewRunner(
		[]ort.Tensor{{Type: onnxfile.Float32, Shape: []int64{1, 3, 8, 8}}},
		ort.Tensor{Type: onnxfile.Float32, Shape: []int64{1, 3, 8, 8}})
	check(t, err)
	defer runner.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	start := time.Now()
	if err := runner.Run(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want the context's error", err)
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("took %s to stop", took)
	}
}

// endless adds 0 to the input without end.
func endless() onnxtest.Model {
	body := onnxtest.Graph{
		Inputs: []onnxtest.Value{
			{Name: "i", Type: 7, Dims: []any{}},
			{Name: "go", Type: 9, Dims: []any{}},
			{Name: "x", Type: onnxfile.Float32},
		},
		Outputs: []onnxtest.Value{{Name: "go_on", Type: 9, Dims: []any{}}, {Name: "y", Type: onnxfile.Float32}},
		Nodes: []onnxtest.Node{
			{Op: "Identity", In: []string{"go"}, Out: []string{"go_on"}},
			{Op: "Add", In: []string{"x", "x"}, Out: []string{"y"}},
		},
	}
	dims := []any{"N", 3, 8, 8}
	return onnxtest.Model{Graph: onnxtest.Graph{
		Inputs:  []onnxtest.Value{{Name: "input", Type: onnxfile.Float32, Dims: dims}},
		Outputs: []onnxtest.Value{{Name: "output", Type: onnxfile.Float32, Dims: dims}},
		Tensors: []onnxtest.Tensor{
			{Name: "rounds", Type: 7, Raw: []byte{255, 255, 255, 255, 255, 255, 255, 127}},
			{Name: "true", Type: 9, Raw: []byte{1}},
		},
		Nodes: []onnxtest.Node{{
			Op: "Loop", In: []string{"rounds", "true", "input"}, Out: []string{"output"},
			Attributes: map[string]any{"body": body},
		}},
	}}
}

func probeSpec(t testing.TB, model string) ort.ProbeSpec {
	return ort.ProbeSpec{
		Library: orttest.Library(t), Model: model, Options: options,
		Inputs: []ort.ProbeInput{{
			Tensor: ort.Tensor{Type: onnxfile.Float32, Shape: []int64{4, 3, 8, 8}},
			Low:    [3]float32{-2, -2, -2},
			High:   [3]float32{2, 2, 2},
		}},
		Output:      ort.Tensor{Type: onnxfile.Float32},
		MemoryBytes: 4 << 30, Timeout: 30 * time.Second,
	}
}

func TestProbe(t *testing.T) {
	tests := map[string]struct {
		classifier            onnxtest.Classifier
		finite, probabilities bool
	}{
		"logits":        {onnxtest.Classifier{}, true, false},
		"probabilities": {onnxtest.Classifier{Softmax: true}, true, true},
		"nan":           {onnxtest.Classifier{NaN: true}, false, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			result, err := ort.Probe(context.Background(), probeSpec(t, test.classifier.Model().Write(t, "m.onnx")))
			check(t, err)
			t.Logf("took %s", time.Since(start))
			if fmt.Sprint(result.Shape) != "[4 1000]" {
				t.Errorf("shape %v", result.Shape)
			}
			if result.Finite != test.finite || result.Probabilities() != test.probabilities {
				t.Errorf("got %+v, want finite %v, probabilities %v", result, test.finite, test.probabilities)
			}
		})
	}
}

// TestProbeOfTwoInputs gives both a grey image, each on its own scale.
func TestProbeOfTwoInputs(t *testing.T) {
	spec := probeSpec(t, difference().Write(t, "m.onnx"))
	spec.Options.Inputs = []string{"a", "b"}
	spec.Inputs = []ort.ProbeInput{
		{Tensor: ort.Tensor{Type: onnxfile.Float32, Shape: []int64{1, 3, 4, 5}}, High: [3]float32{8, 8, 8}},
		{Tensor: ort.Tensor{Type: onnxfile.Float32, Shape: []int64{1, 6, 7, 3}}, High: [3]float32{3, 6, 9}, ChannelsLast: true},
	}
	result, err := ort.Probe(context.Background(), spec)
	check(t, err)
	if fmt.Sprint(result.Shape) != "[1 3 4 5]" || result.Min != 1 || result.Max != 1 {
		t.Errorf("got %+v, want [1 3 4 5] of 8/2 - (3+6+9)/3/2 = 1", result)
	}
}

func TestProbeHalf(t *testing.T) {
	c := onnxtest.Classifier{Input: onnxfile.Float16, Output: onnxfile.Float16, Softmax: true}
	spec := probeSpec(t, c.Model().Write(t, "m.onnx"))
	spec.Inputs[0].Type = onnxfile.Float16
	spec.Output = ort.Tensor{Type: onnxfile.Float16, Shape: []int64{4, 1000}}
	result, err := ort.Probe(context.Background(), spec)
	check(t, err)
	if !result.Probabilities() {
		t.Errorf("got %+v, want probabilities", result)
	}
}

// bomb makes an output of 2^36 floats from a file of a few hundred bytes.
func bomb() onnxtest.Model {
	m := onnxtest.Classifier{}.Model()
	m.Graph.Outputs[0].Dims = nil
	m.Graph.Tensors = append(m.Graph.Tensors, onnxtest.Int64s("huge", 1<<18, 1<<18))
	m.Graph.Nodes = []onnxtest.Node{
		{Op: "Shape", In: []string{"input"}, Out: []string{"shape"}},
		{Op: "Slice", In: []string{"shape", "zero", "one"}, Out: []string{"n"}},
		{Op: "Mul", In: []string{"n", "huge"}, Out: []string{"size"}},
		{Op: "ConstantOfShape", In: []string{"size"}, Out: []string{"output"}},
	}
	m.Graph.Tensors = append(m.Graph.Tensors, onnxtest.Int64s("zero", 0), onnxtest.Int64s("one", 1))
	return m
}

func TestProbeHostileModels(t *testing.T) {
	foreign := onnxtest.Classifier{}.Model()
	foreign.Graph.Nodes[0].Domain = "evil.ops"
	missing := onnxtest.Classifier{}.Model()
	missing.Graph.Tensors[0].Raw = nil
	missing.Graph.Tensors[0].External = map[string]string{"location": "none.bin"}
	outside := onnxtest.Classifier{}.Model()
	outside.Graph.Tensors[0].External = map[string]string{"location": "../../etc/hostname"}
	tests := map[string]struct {
		model []byte
		want  ort.ProbeFault
	}{
		"garbage":            {[]byte("<!DOCTYPE html>"), ort.Refused},
		"empty file":         {nil, ort.Refused},
		"custom operator":    {foreign.Bytes(), ort.Refused},
		"missing data":       {missing.Bytes(), ort.Refused},
		"data in the parent": {outside.Bytes(), ort.Refused},
		"memory bomb":        {bomb().Bytes(), ort.OutOfMemory},
		"endless loop":       {endless().Bytes(), ort.TimedOut},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			path := t.TempDir() + "/m.onnx"
			check(t, os.WriteFile(path, test.model, 0o644))
			spec := probeSpec(t, path)
			spec.Timeout = 3 * time.Second
			_, err := ort.Probe(context.Background(), spec)
			var fault *ort.ProbeError
			if !errors.As(err, &fault) || fault.Fault != test.want {
				t.Fatalf("got %v, want %q", err, test.want)
			}
			t.Log(err)
		})
	}
}

func TestProbeIsCanceled(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	_, err := ort.Probe(ctx, probeSpec(t, endless().Write(t, "m.onnx")))
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want the context's error", err)
	}
}
