package autodiff

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"quba/internal/ort"
)

// exportsVariable names a folder that bench/export_models.py wrote.
const exportsVariable = "QUBA_EXPORTED_MODELS"

// export is an entry of the folder's index.json.
type export struct {
	Model, Exporter string

	Smooth bool
	Shape  []int64
	Error  string // the exporter's: there is no file then
	folder string
}

func (e export) name() string { return e.Model + "." + e.Exporter }

// onnx is the exported model.
func (e export) onnx() string { return e.file(e.Exporter + ".onnx") }

// file is where the exported model or what belongs to it lies.
func (e export) file(what string) string { return filepath.Join(e.folder, e.Model+"."+what) }

// exports are those that could be exported.
func exports(t testing.TB) []export {
	t.Helper()
	folder := os.Getenv(exportsVariable)
	if folder == "" {
		t.Skipf("%s is not set; make bench-gradients does it", exportsVariable)
	}
	data, err := os.ReadFile(filepath.Join(folder, "index.json"))
	check(t, err)
	var all, written []export
	check(t, json.Unmarshal(data, &all))
	for _, e := range all {
		if e.Error != "" {
			t.Logf("%-28s not exported: %s", e.name(), e.Error)
			continue
		}
		e.folder = folder
		written = append(written, e)
	}
	return written
}

func (e export) differentiate() (*Gradient, error) {
	return Differentiate(context.Background(), e.onnx(), Options{Input: "input", Output: "logits", Shape: e.Shape})
}

// TestExports compares the gradients of whole networks with PyTorch's. A
// rounding error puts some units of a network with kinks on their other side,
// in PyTorch as here, so the signs are counted.
func TestExports(t *testing.T) {
	written := exports(t)
	initialize(t)
	t.Logf("%-28s %9s %9s %9s %8s %8s %8s", "", "logits", "L2", "L2 torch", "=float64", "=float32", "torch")
	for _, e := range written {
		t.Run(e.name(), func(t *testing.T) { e.compare(t) })
	}
}

func (e export) compare(t *testing.T) {
	g, err := e.differentiate()
	check(t, err)
	got := evaluate(t, g, readFloats(t, e.file("images")), readInts(t, e.file("labels")))
	single, double := readFloats(t, e.file("gradient32")), readDoubles(t, e.file("gradient64"))
	if !slices.ContainsFunc(double, func(d float64) bool { return d != 0 }) {
		t.Fatal("PyTorch's gradient is zero: there is nothing to compare")
	}
	logits := near(t, "logits", got.logits, readFloats(t, e.file("logits")), 1e-4)
	agreed := sameSigns(got.gradient, double)
	t.Logf("%-28s %9.1e %9.1e %9.1e %8.5f %8.5f %8.5f", e.name(), logits,
		distance(got.gradient, double), distance(single, double),
		agreed, sameSigns(got.gradient, single), sameSigns(single, double))
	least := 0.99
	if e.Smooth {
		least = 0.9999
	}
	if agreed < least {
		t.Errorf("%.5f of the signs agree with float64, must be %g", agreed, least)
	}
}

func readDoubles(t testing.TB, path string) []float64 {
	t.Helper()
	bits := readInts(t, path)
	v := make([]float64, len(bits))
	for i, b := range bits {
		v[i] = math.Float64frombits(uint64(b))
	}
	return v
}

// sameSigns is the share of elements with the same sign, of which 0 is one.
func sameSigns[T float32 | float64](got []float32, want []T) float64 {
	same := 0
	for i, w := range want {
		if (got[i] > 0) == (w > 0) && (got[i] < 0) == (w < 0) {
			same++
		}
	}
	return float64(same) / float64(len(want))
}

// distance is that in the Euclidean norm, relative to the norm of want.
func distance(got []float32, want []float64) float64 {
	var difference, norm float64
	for i, w := range want {
		difference += (float64(got[i]) - w) * (float64(got[i]) - w)
		norm += w * w
	}
	return math.Sqrt(difference / norm)
}

// BenchmarkExports times the forward pass of each model and the pass with the
// gradient, on one core and on two: as in a run, each core has a batch of its
// own then, and the time is that for one batch.
func BenchmarkExports(b *testing.B) {
	written := exports(b)
	initialize(b)
	for _, e := range written {
		for _, cores := range []int{1, 2} {
			b.Run(fmt.Sprintf("%s/forward/%d", e.name(), cores), func(b *testing.B) { e.forward(b, cores) })
			b.Run(fmt.Sprintf("%s/gradient/%d", e.name(), cores), func(b *testing.B) { e.gradient(b, cores) })
		}
	}
}

func (e export) forward(b *testing.B, cores int) {
	graph, err := openFile(e.onnx())
	check(b, err)
	images := ort.Array{Shape: e.Shape, Data: readFloats(b, e.file("images"))}
	timed(b, cores, func() error {
		_, err := graph.Run(context.Background(), []ort.Array{images})
		return err
	})
	check(b, graph.Close())
}

// gradient takes two images of the batch after the other, as attacks do with
// images of this size, unless the model takes a whole batch only.
func (e export) gradient(b *testing.B, cores int) {
	batch := e.Shape[0]
	e.Shape = slices.Concat([]int64{2 - batch%2}, e.Shape[1:])
	g, err := e.differentiate()
	check(b, err)
	graph, err := ort.OpenGraph(g.Model, ort.GraphOptions{
		Inputs: []string{g.Images, g.Labels}, Outputs: []string{g.Logits, g.Loss, g.Input},
	})
	check(b, err)
	var parts [][]ort.Array
	images, labels := readFloats(b, e.file("images")), readInts(b, e.file("labels"))
	size := len(images) / int(batch)
	for first := 0; first < int(batch); first += g.Batch {
		end := first + g.Batch
		parts = append(parts, []ort.Array{
			{Shape: g.Shape, Data: images[first*size : end*size]}, {Shape: []int64{int64(g.Batch)}, Data: labels[first:end]},
		})
	}
	timed(b, cores, func() error {
		for _, part := range parts {
			if _, err := graph.Run(context.Background(), part); err != nil {
				return err
			}
		}
		return nil
	})
	check(b, graph.Close())
}

// timed leaves the first run out, which fills onnxruntime's arena. It reports
// the fastest run, too: what others do on the machine only makes runs longer.
func timed(b *testing.B, cores int, run func() error) {
	check(b, atOnce(cores, run))
	fastest := time.Duration(math.MaxInt64)
	for b.Loop() {
		start := time.Now()
		err := atOnce(cores, run)
		fastest = min(fastest, time.Since(start)/time.Duration(cores))
		check(b, err)
	}
	b.ReportMetric(float64(fastest.Nanoseconds()), "fastest-ns")
}

// atOnce calls f on so many goroutines.
func atOnce(goroutines int, f func() error) error {
	errs := make([]error, goroutines)
	var calls sync.WaitGroup
	for i := range errs {
		calls.Go(func() { errs[i] = f() })
	}
	calls.Wait()
	return errors.Join(errs...)
}
