package autodiff

import (
	"context"
	"errors"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"pgregory.net/rapid"

	"quba/internal/ort"
)

// realModels stay outside the repository; all have the input "input" and the
// output "logits".
const realModels = "../../../shared/models"

var imageSizes = map[string]int64{
	"efficientnet_lite0": 224, "mobilenet_v1_0.25_128": 128, "mobilenet_v2_1.0_224": 224, "squeezenet1_0_dc": 227,
}

// realModel differentiates a model; without it, the test is skipped.
func realModel(t testing.TB, name string, batch int64) (path string, g *Gradient) {
	t.Helper()
	initialize(t)
	path = filepath.Join(realModels, name+".onnx")
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		t.Skipf("no model %s", path)
	}
	size := imageSizes[name]
	g, err := Differentiate(context.Background(), path, Options{
		Input: "input", Output: "logits", Shape: []int64{batch, 3, size, size},
	})
	check(t, err)
	return path, g
}

// picture is smooth enough for a trained network to have something to say.
func picture(n int) []float32 {
	r := rand.New(rand.NewPCG(3, 4))
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(math.Sin(float64(i)/50)) + float32(r.NormFloat64())/4
	}
	return x
}

// TestRealModels compares the logits with those of the plain model, and the
// gradient with the rise of the loss.
func TestRealModels(t *testing.T) {
	for name := range imageSizes {
		t.Run(name, func(t *testing.T) {
			path, g := realModel(t, name, 2)
			x, labels := picture(int(count(g.Shape))), []int64{3, 981}
			run := open(t, g, labels)
			defer run.close(t)
			near(t, "logits", run.at(t, x).logits, plainLogits(t, path, g.Shape, x), 2e-5)
			// Other directions cross the kinks of thousands of units.
			along, size := unit(run.at(t, x).gradient)
			if got := run.slope(t, x, along, 0.02); math.Abs(got-size) > 0.1*size {
				t.Errorf("the loss rises by %g along the gradient, which has length %g", got, size)
			}
		})
	}
}

func plainLogits(t rapid.TB, path string, shape []int64, x []float32) []float32 {
	t.Helper()
	graph, err := openFile(path)
	check(t, err)
	defer func() { check(t, graph.Close()) }()
	out, err := graph.Run(context.Background(), []ort.Array{{Shape: shape, Data: x}})
	check(t, err)
	return out[0].Data.([]float32)
}

// BenchmarkRealModels times a batch of 4, the forward pass alone and with the
// gradient.
func BenchmarkRealModels(b *testing.B) {
	for name := range imageSizes {
		path, g := realModel(b, name, 4)
		x, labels := ort.Array{Shape: g.Shape, Data: picture(int(count(g.Shape)))}, ort.Array{Shape: []int64{4}, Data: []int64{1, 2, 3, 4}}
		b.Run(name+"/forward", func(b *testing.B) {
			graph, err := openFile(path)
			check(b, err)
			repeat(b, graph, x)
		})
		b.Run(name+"/gradient", func(b *testing.B) {
			graph, err := ort.OpenGraph(g.Model, ort.GraphOptions{
				Inputs: []string{g.Images, g.Labels}, Outputs: []string{g.Logits, g.Loss, g.Input},
			})
			check(b, err)
			repeat(b, graph, x, labels)
		})
	}
}

func repeat(b *testing.B, graph *ort.Graph, inputs ...ort.Array) {
	b.Helper()
	for b.Loop() {
		_, err := graph.Run(context.Background(), inputs)
		check(b, err)
	}
	check(b, graph.Close())
}

// openFile opens the model of a file as it is.
func openFile(path string) (*ort.Graph, error) {
	model, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return ort.OpenGraph(model, ort.GraphOptions{Inputs: []string{"input"}, Outputs: []string{"logits"}})
}
