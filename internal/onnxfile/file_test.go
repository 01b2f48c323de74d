package onnxfile_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"quba/internal/onnxfile"
	"quba/internal/onnxfile/onnxtest"
)

func TestReadClassifier(t *testing.T) {
	model := onnxtest.Classifier{Classes: 10, Softmax: true, Metadata: map[string]string{"task": "classify"}}.Model()
	path := model.Write(t, "m.onnx")
	got, err := onnxfile.Read(path)
	if err != nil {
		t.Fatal(err)
	}
	want := &onnxfile.File{
		Path: path, SHA256: got.SHA256, IRVersion: 8,
		Opsets: map[string]int64{"": 13, "com.microsoft": 1},
		Inputs: []onnxfile.Value{{
			Name: "input", Type: onnxfile.Float32,
			Dims: []onnxfile.Dim{{Name: "N"}, {Size: 3}, {Size: 8}, {Size: 8}},
		}},
		Outputs: []onnxfile.Value{{
			Name: "output", Type: onnxfile.Float32, Producer: "Softmax",
			Dims: []onnxfile.Dim{{Name: "N"}, {Size: 10}},
		}},
		Metadata:   map[string]string{"task": "classify"},
		Parameters: 3*10 + 10,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if len(got.SHA256) != 64 {
		t.Errorf("sha256 %q", got.SHA256)
	}
}

func TestParameters(t *testing.T) {
	f32 := onnxfile.Float32
	tensor := func(name string, n int64) onnxtest.Tensor {
		return onnxtest.Floats(name, f32, []int64{n}, make([]float32, n))
	}
	branch := onnxtest.Graph{Tensors: []onnxtest.Tensor{tensor("inner", 100)}}
	tests := []struct {
		name  string
		graph onnxtest.Graph
		want  int64
	}{
		{"integers are not trained", onnxtest.Graph{Tensors: []onnxtest.Tensor{tensor("w", 20), onnxtest.Int64s("shape", 1, 2, 3)}}, 20},
		{"a scalar is one", onnxtest.Graph{Tensors: []onnxtest.Tensor{onnxtest.Floats("s", f32, nil, []float32{1})}}, 1},
		{"running statistics are not trained", onnxtest.Graph{
			Tensors: []onnxtest.Tensor{tensor("gamma", 5), tensor("beta", 5), tensor("mean", 5), tensor("var", 5)},
			Nodes:   []onnxtest.Node{{Op: "BatchNormalization", In: []string{"x", "gamma", "beta", "mean", "var"}, Out: []string{"y"}}},
		}, 10},
		{"large constants are weights", onnxtest.Graph{Nodes: []onnxtest.Node{
			{Op: "Constant", Out: []string{"w"}, Attributes: map[string]any{"value": tensor("", 17)}},
			{Op: "Constant", Out: []string{"eps"}, Attributes: map[string]any{"value": tensor("", 16)}},
		}}, 17},
		{"subgraphs count", onnxtest.Graph{
			Tensors: []onnxtest.Tensor{tensor("w", 20)},
			Nodes:   []onnxtest.Node{{Op: "If", Attributes: map[string]any{"then_branch": branch, "else_branch": branch}}},
		}, 220},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := onnxfile.Parse(onnxtest.Model{Graph: test.graph}.Bytes())
			if err != nil {
				t.Fatal(err)
			}
			if got.Parameters != test.want {
				t.Errorf("parameters %d, want %d", got.Parameters, test.want)
			}
		})
	}
}

func TestInitialisersAreNoInputs(t *testing.T) {
	model := onnxtest.Classifier{}.Model()
	model.Graph.Inputs = append(model.Graph.Inputs, onnxtest.Value{Name: "weight", Type: onnxfile.Float32, Dims: []any{3, 1000}})
	got, err := onnxfile.Parse(model.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Inputs) != 1 || got.Inputs[0].Name != "input" {
		t.Errorf("inputs %v, want only input", got.Inputs)
	}
}

func TestParseRefuses(t *testing.T) {
	nested := onnxtest.Graph{}
	for range 40 {
		nested = onnxtest.Graph{Nodes: []onnxtest.Node{{Op: "If", Attributes: map[string]any{"then_branch": nested}}}}
	}
	huge := onnxtest.Tensor{Name: "w", Type: onnxfile.Float32, Dims: []int64{1 << 40, 1 << 40}}
	tests := map[string]struct {
		data []byte
		want string
	}{
		"empty":       {nil, "it has no graph"},
		"html":        {[]byte("<!DOCTYPE html><html>"), "not an ONNX model"},
		"truncated":   {onnxtest.Classifier{}.Model().Bytes()[:500], "broken or cut short"},
		"deep":        {onnxtest.Model{Graph: nested}.Bytes(), "nested more than"},
		"overflow":    {onnxtest.Model{Graph: onnxtest.Graph{Tensors: []onnxtest.Tensor{huge}}}.Bytes(), "more than 2^63 elements"},
		"negative":    {onnxtest.Model{Graph: onnxtest.Graph{Tensors: []onnxtest.Tensor{{Name: "w", Dims: []int64{-1}}}}}.Bytes(), "must not be negative"},
		"bad offset":  {external(map[string]string{"location": "w", "offset": "x"}), "whole number"},
		"second main": {append(onnxtest.Model{}.Bytes(), onnxtest.Model{}.Bytes()...), "two graphs"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := onnxfile.Parse(test.data)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

func external(reference map[string]string) []byte {
	return onnxtest.Model{Graph: onnxtest.Graph{Tensors: []onnxtest.Tensor{
		{Name: "w", Type: onnxfile.Float32, Dims: []int64{2}, External: reference},
	}}}.Bytes()
}

func TestCheckExternalData(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "secret.bin")
	write(t, outside, 8)
	tests := []struct {
		name      string
		reference map[string]string
		prepare   func(t *testing.T, dir string)
		want      string // "" accepts
	}{
		{"beside", map[string]string{"location": "w.bin", "offset": "0", "length": "8"}, data, ""},
		{"below", map[string]string{"location": "sub/w.bin"}, data, ""},
		{"parent", map[string]string{"location": "../w.bin"}, data, "relative path inside"},
		{"parent in the middle", map[string]string{"location": "sub/../../w.bin"}, data, "relative path inside"},
		{"absolute", map[string]string{"location": outside}, data, "relative path inside"},
		{"empty", map[string]string{}, data, "relative path inside"},
		{"missing", map[string]string{"location": "none.bin"}, data, "no such file"},
		{"folder", map[string]string{"location": "sub"}, data, "regular file"},
		{"too short", map[string]string{"location": "w.bin", "offset": "4", "length": "8"}, data, "within the file"},
		{"offset overflow", map[string]string{"location": "w.bin", "offset": "9223372036854775807", "length": "9223372036854775807"}, data, "within the file"},
		{"symbolic link", map[string]string{"location": "link.bin"}, func(t *testing.T, dir string) {
			check(t, os.Symlink(outside, filepath.Join(dir, "link.bin")))
		}, "symbolic link"},
		{"linked folder", map[string]string{"location": "linked/secret.bin"}, func(t *testing.T, dir string) {
			check(t, os.Symlink(filepath.Dir(outside), filepath.Join(dir, "linked")))
		}, "symbolic link"},
		{"hard link", map[string]string{"location": "hard.bin"}, func(t *testing.T, dir string) {
			if err := os.Link(outside, filepath.Join(dir, "hard.bin")); err != nil {
				t.Skip("no hard links here: ", err)
			}
		}, "hard link"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			test.prepare(t, dir)
			path := filepath.Join(dir, "m.onnx")
			check(t, os.WriteFile(path, external(test.reference), 0o644))
			file, err := onnxfile.Read(path)
			check(t, err)
			err = file.CheckExternalData()
			if test.want == "" {
				check(t, err)
				return
			}
			if !errors.Is(err, onnxfile.ErrExternalData) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

func data(t *testing.T, dir string) {
	check(t, os.Mkdir(filepath.Join(dir, "sub"), 0o755))
	write(t, filepath.Join(dir, "w.bin"), 8)
	write(t, filepath.Join(dir, "sub", "w.bin"), 8)
}

func write(t *testing.T, path string, n int) {
	t.Helper()
	check(t, os.WriteFile(path, make([]byte, n), 0o644))
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestSharedModels compares with the counts that the side-cars give for the
// weights stored in the graph.
func TestSharedModels(t *testing.T) {
	paths, _ := filepath.Glob("../../../shared/models/*.onnx")
	if len(paths) == 0 {
		t.Skip("the third-party models of ../shared/models are not here")
	}
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			var card struct {
				SHA256  string `json:"sha256"`
				Weights int64  `json:"onnx_weights"`
			}
			text, err := os.ReadFile(strings.TrimSuffix(path, ".onnx") + ".json")
			check(t, err)
			check(t, json.Unmarshal(text, &card))
			got, err := onnxfile.Read(path)
			check(t, err)
			if got.Parameters != card.Weights || got.SHA256 != card.SHA256 {
				t.Errorf("parameters %d, sha256 %s; want %d, %s", got.Parameters, got.SHA256, card.Weights, card.SHA256)
			}
		})
	}
}

// TestParseDamaged flips bytes of a sound model: whatever comes out, nothing
// panics and no count is negative.
func TestParseDamaged(t *testing.T) {
	sound := onnxtest.Classifier{Classes: 4}.Model().Bytes()
	rapid.Check(t, func(t *rapid.T) {
		damaged := append([]byte(nil), sound...)
		for range rapid.IntRange(1, 8).Draw(t, "flips") {
			damaged[rapid.IntRange(0, len(damaged)-1).Draw(t, "at")] = rapid.Byte().Draw(t, "byte")
		}
		file, err := onnxfile.Parse(damaged[:rapid.IntRange(0, len(damaged)).Draw(t, "length")])
		if err == nil && file.Parameters < 0 {
			t.Fatalf("parameters %d", file.Parameters)
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add(onnxtest.Classifier{Classes: 4, Softmax: true}.Model().Bytes())
	f.Add(external(map[string]string{"location": "w.bin", "length": "8"}))
	f.Add([]byte("<!DOCTYPE html>"))
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := onnxfile.Parse(data)
		if (file == nil) == (err == nil) {
			t.Fatalf("file %v, error %v", file, err)
		}
		if err == nil && file.Parameters < 0 {
			t.Fatalf("parameters %d", file.Parameters)
		}
	})
}
