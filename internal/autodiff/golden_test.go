package autodiff

import (
	"cmp"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"quba/internal/ort"
	"quba/internal/ort/orttest"
)

// goldens were made by PyTorch; they stay outside the repository.
const goldens = "../../../shared/golden/gradients"

type goldenCase struct {
	Name, Input, Output, Error string

	Shape     []int64  `json:"x_shape"`
	Covers    []string `json:"covers"`
	Tolerance float64  `json:"rtol_of_absmax"`
	Whole     bool     `json:"whole"`
}

func goldenCases(t testing.TB) []goldenCase {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(goldens, "manifest.json"))
	if errors.Is(err, fs.ErrNotExist) {
		t.Skipf("no golden gradients in %s", goldens)
	}
	check(t, err)
	var manifest struct{ Cases []goldenCase }
	check(t, json.Unmarshal(data, &manifest))
	return manifest.Cases
}

func check(t rapid.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func initialize(t testing.TB) {
	t.Helper()
	_, _, err := ort.Initialize(orttest.Library(t))
	check(t, err)
}

// TestGolden compares every gradient with PyTorch's in float64.
func TestGolden(t *testing.T) {
	initialize(t)
	worst := map[string]float64{}
	for _, c := range goldenCases(t) {
		t.Run(c.Name, func(t *testing.T) {
			if c.Error != "" {
				refused(t, c)
				return
			}
			worst[c.Name] = c.check(t)
		})
	}
	for _, name := range slices.SortedFunc(maps.Keys(worst), func(a, b string) int { return cmp.Compare(worst[b], worst[a]) }) {
		t.Logf("%-32s %.1e of the largest gradient", name, worst[name])
	}
}

// check returns the largest error as a fraction of the largest gradient.
func (c goldenCase) check(t *testing.T) float64 {
	dir := filepath.Join(goldens, c.Name)
	g, err := Differentiate(context.Background(), filepath.Join(dir, "model.onnx"), Options{Input: c.Input, Output: c.Output, Shape: c.Shape})
	check(t, err)
	labels := readInts(t, filepath.Join(dir, "labels.bin"))
	got := evaluate(t, g, readFloats(t, filepath.Join(dir, "x.bin")), labels)
	near(t, "logits", got.logits, readFloats(t, filepath.Join(dir, "logits.bin")), c.Tolerance)
	near(t, "loss", got.loss, readFloats(t, filepath.Join(dir, "loss.bin")), c.Tolerance)
	return near(t, "gradient", got.gradient, readFloats(t, filepath.Join(dir, "dx.bin")), c.Tolerance)
}

func refused(t *testing.T, c goldenCase) {
	path := filepath.Join(goldens, c.Name, "model.onnx")
	_, err := Differentiate(context.Background(), path, Options{Input: c.Input, Output: c.Output, Shape: c.Shape})
	var missing *UnsupportedError
	if !errors.As(err, &missing) {
		t.Fatalf("got %v, want an UnsupportedError", err)
	}
	want := map[string]string{
		"err_hardmax":     `no gradient rule for operator Hardmax (node "my_hardmax"`,
		"err_argmax_only": `does not depend differentiably on the input "x"`,
		"err_topk":        `no gradient rule for operator TopK (node "my_topk"`,
		"err_contrib_op":  `no gradient rule for operator com.microsoft:BiasGelu (node "bg"`,
	}[c.Name]
	if text := err.Error(); want == "" || !strings.Contains(text, want) || !strings.Contains(text, path) || !strings.Contains(text, `"square"`) {
		t.Errorf("got %v, want the model, %s and the remedy", err, want)
	}
}

// result is what one run of a gradient gives.
type result struct{ logits, loss, gradient []float32 }

func evaluate(t rapid.TB, g *Gradient, x []float32, labels []int64) result {
	t.Helper()
	run := open(t, g, labels)
	defer run.close(t)
	return run.at(t, x)
}

// running is an opened gradient with labels.
type running struct {
	*Gradient
	graph  *ort.Graph
	labels ort.Array
}

func open(t rapid.TB, g *Gradient, labels []int64) running {
	t.Helper()
	graph, err := ort.OpenGraph(g.Model, ort.GraphOptions{
		Inputs: []string{g.Images, g.Labels}, Outputs: []string{g.Logits, g.Loss, g.Input},
	})
	check(t, err)
	return running{g, graph, ort.Array{Shape: []int64{int64(g.Batch)}, Data: labels}}
}

func (r running) at(t rapid.TB, x []float32) result {
	t.Helper()
	out, err := r.graph.Run(context.Background(), []ort.Array{{Shape: r.Shape, Data: x}, r.labels})
	check(t, err)
	return result{out[0].Data.([]float32), out[1].Data.([]float32), out[2].Data.([]float32)}
}

func (r running) close(t rapid.TB) {
	t.Helper()
	check(t, r.graph.Close())
}

// near returns the largest error as a fraction of the largest value wanted.
func near(t rapid.TB, what string, got, want []float32, tolerance float64) float64 {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d numbers, want %d", what, len(got), len(want))
	}
	var largest, worst float64
	for i := range want {
		largest = max(largest, math.Abs(float64(want[i])))
		difference := math.Abs(float64(got[i]) - float64(want[i]))
		if math.IsNaN(difference) {
			t.Fatalf("%s: element %d is %v, want %v", what, i, got[i], want[i])
		}
		worst = max(worst, difference)
	}
	if worst > tolerance*largest+1e-7 {
		t.Errorf("%s: off by %g, must be within %g of %g", what, worst, tolerance, largest)
	}
	return worst / max(largest, math.SmallestNonzeroFloat64)
}

func readFloats(t rapid.TB, path string) []float32 {
	t.Helper()
	data, err := os.ReadFile(path)
	check(t, err)
	v := make([]float32, len(data)/4)
	_, err = binary.Decode(data, binary.LittleEndian, v)
	check(t, err)
	return v
}

func readInts(t rapid.TB, path string) []int64 {
	t.Helper()
	data, err := os.ReadFile(path)
	check(t, err)
	v := make([]int64, len(data)/8)
	_, err = binary.Decode(data, binary.LittleEndian, v)
	check(t, err)
	return v
}
