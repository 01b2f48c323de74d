package stages_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"go.uber.org/goleak"

	"quba/internal/onnxfile"
	"quba/internal/onnxfile/onnxtest"
	"quba/internal/ort"
	"quba/internal/ort/orttest"
	"quba/pipeline"
	"quba/pipeline/record"
	"quba/stages"
)

func TestMain(m *testing.M) {
	if ort.ProbeMain() {
		return
	}
	goleak.VerifyTestMain(m)
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func pointer[T any](v T) *T { return &v }

// plainConfig says everything about an onnxtest.Classifier but its file.
func plainConfig() stages.OnnxConfig {
	return stages.OnnxConfig{
		Batch: 4, ClassOrder: "none", Input: stages.OnnxInput{Color: "RGB"},
		Preprocess: stages.OnnxPreprocess{
			ResizeExact: pointer(8), NoCrop: true, Interpolation: "bilinear", Scale: "1/255",
			Mean: &[3]float64{0.4, 0.5, 0.6}, Std: &[3]float64{0.2, 0.3, 0.4},
		},
		Probe: stages.OnnxProbe{Timeout: time.Minute, MemoryMB: 4096},
	}
}

// open opens a model with records that are checked for leaks.
func open(t testing.TB, config stages.OnnxConfig) (*stages.Onnx, error) {
	t.Helper()
	mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
	model := stages.NewOnnx(config)
	model.Mem = mem
	err := model.Open(context.Background(), &pipeline.Run{Library: orttest.Library(t)})
	t.Cleanup(func() {
		check(t, model.Close())
		mem.AssertSize(t, 0)
	})
	return model, err
}

// colour is a sample of one colour.
func colour(id string, size int, r, g, b byte) pipeline.Sample {
	image := &pipeline.Image{W: size, H: size, Pix: make([]byte, 3*size*size)}
	for i := 0; i < len(image.Pix); i += 3 {
		image.Pix[i], image.Pix[i+1], image.Pix[i+2] = r, g, b
	}
	return pipeline.Sample{ID: id, Image: image, Label: 3, Cue: record.NoClass, Model: "m", Pipeline: "p"}
}

func infer(t testing.TB, model *stages.Onnx, batch []pipeline.Sample, probs bool) arrow.Record {
	t.Helper()
	rec, err := model.Infer(context.Background(), batch, probs)
	check(t, err)
	t.Cleanup(rec.Release)
	return rec
}

// softmaxOf computes what the classifier gives for one colour by its
// definition, in float64.
func softmaxOf(c onnxtest.Classifier, input [3]float64, classes, first int) []float64 {
	out := make([]float64, classes)
	sum := 0.0
	for k := range out {
		logit := float64(c.Bias(k + first))
		for channel, v := range input {
			logit += v * float64(c.Weight(channel, k+first))
		}
		out[k] = math.Exp(logit)
		sum += out[k]
	}
	for k := range out {
		out[k] /= sum
	}
	return out
}

func TestOnnxInfer(t *testing.T) {
	pixels := [3]float64{51, 102, 204}
	normal := [3]float64{(51.0/255 - 0.4) / 0.2, (102.0/255 - 0.5) / 0.3, (204.0/255 - 0.6) / 0.4}
	tests := []struct {
		name       string
		classifier onnxtest.Classifier
		change     func(*stages.OnnxConfig)
		input      [3]float64
		first      int // output of the first class
		tolerance  float64
	}{
		{"float32 NCHW logits", onnxtest.Classifier{}, nil, normal, 0, 1e-6},
		{"NHWC", onnxtest.Classifier{NHWC: true}, nil, normal, 0, 1e-6},
		{"BGR", onnxtest.Classifier{}, func(c *stages.OnnxConfig) { c.Input.Color = "BGR" }, [3]float64{normal[2], normal[1], normal[0]}, 0, 1e-6},
		{"BGR NHWC", onnxtest.Classifier{NHWC: true}, func(c *stages.OnnxConfig) { c.Input.Color = "BGR" }, [3]float64{normal[2], normal[1], normal[0]}, 0, 1e-6},
		{"probabilities", onnxtest.Classifier{Softmax: true}, nil, normal, 0, 1e-6},
		{"float16", onnxtest.Classifier{Input: onnxfile.Float16, Output: onnxfile.Float16}, nil, normal, 0, 1e-4},
		{"float16 probabilities", onnxtest.Classifier{Input: onnxfile.Float16, Output: onnxfile.Float16, Softmax: true}, nil, normal, 0, 1e-4},
		{"fixed batch of 1", onnxtest.Classifier{Batch: 1}, nil, normal, 0, 1e-6},
		{"fixed batch of 3", onnxtest.Classifier{Batch: 3}, nil, normal, 0, 1e-6},
		{"background logits", onnxtest.Classifier{Classes: 1001}, background, normal, 1, 1e-6},
		{"background probabilities", onnxtest.Classifier{Classes: 1001, Softmax: true}, background, normal, 1, 1e-6},
		{"unscaled", onnxtest.Classifier{Scale: 0.01}, func(c *stages.OnnxConfig) {
			c.Preprocess.Scale, c.Preprocess.Mean, c.Preprocess.Std = "none", &[3]float64{}, &[3]float64{1, 1, 1}
		}, pixels, 0, 1e-6},
		{"uint8", onnxtest.Classifier{Input: onnxfile.Uint8, Scale: 0.01}, func(c *stages.OnnxConfig) {
			c.Preprocess.Scale, c.Preprocess.Mean, c.Preprocess.Std = "none", &[3]float64{}, &[3]float64{1, 1, 1}
		}, pixels, 0, 1e-6},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			config := plainConfig()
			config.Path = test.classifier.Model().Write(t, "m.onnx")
			if test.change != nil {
				test.change(&config)
			}
			model, err := open(t, config)
			check(t, err)
			info, err := model.Describe(context.Background())
			check(t, err)
			if info.Classes != 1000 {
				t.Errorf("classes %d, want 1000", info.Classes)
			}
			batch := []pipeline.Sample{colour("a", 8, 0, 0, 0), colour("b", 8, 51, 102, 204), colour("c", 8, 255, 255, 255)}
			rec := infer(t, model, batch, true)
			compareRow(t, rec, 1, softmaxOf(test.classifier, test.input, 1000, test.first), test.tolerance)
		})
	}
}

func background(c *stages.OnnxConfig) { c.ClassOrder = "imagenet_background" }

func compareRow(t *testing.T, rec arrow.Record, row int, want []float64, tolerance float64) {
	t.Helper()
	view, err := record.NewView(rec)
	check(t, err)
	got := view.Probabilities(row)
	if len(got) != len(want) {
		t.Fatalf("%d probabilities, want %d", len(got), len(want))
	}
	worst := 0.0
	for k := range want {
		worst = max(worst, math.Abs(float64(got[k])-want[k]))
	}
	if worst > tolerance {
		t.Errorf("probabilities differ by %g, allowed %g", worst, tolerance)
	}
	best := 0
	for k := range want {
		if want[k] > want[best] {
			best = k
		}
	}
	if tolerance <= 1e-6 && int(view.Top1(row)) != best {
		t.Errorf("top-1 %d, want %d", view.Top1(row), best)
	}
	if view.ID(row) != "b" || view.Model(row) != "m" || view.Label(row) != 3 {
		t.Errorf("row is %s, %s, label %d", view.ID(row), view.Model(row), view.Label(row))
	}
}

func TestOnnxBatchSize(t *testing.T) {
	tests := []struct{ graph, config, want int }{
		{0, 8, 8}, {0, 1, 2}, {1, 8, 8}, {1, 1, 1}, {5, 8, 5},
	}
	for _, test := range tests {
		config := plainConfig()
		config.Path = onnxtest.Classifier{Batch: test.graph, Classes: 4}.Model().Write(t, "m.onnx")
		config.Batch = test.config
		info, err := stages.NewOnnx(config).Describe(context.Background())
		check(t, err)
		if info.BatchSize != test.want {
			t.Errorf("graph %d, config %d: batch size %d, want %d", test.graph, test.config, info.BatchSize, test.want)
		}
	}
}

// TestOnnxBatchesDoNotMatter sends the same samples in batches of different
// lengths: padding makes the results the same to the last bit.
func TestOnnxBatchesDoNotMatter(t *testing.T) {
	config := plainConfig()
	config.Path = onnxtest.Classifier{}.Model().Write(t, "m.onnx")
	model, err := open(t, config)
	check(t, err)
	var samples []pipeline.Sample
	for i := range 4 {
		samples = append(samples, colour(fmt.Sprint(i), 8, byte(40*i), byte(200-30*i), byte(7*i)))
	}
	whole, err := record.NewView(infer(t, model, samples, true))
	check(t, err)
	for i := range samples {
		for n := 1; n <= 2 && i+n <= len(samples); n++ {
			part, err := record.NewView(infer(t, model, samples[i:i+n], true))
			check(t, err)
			if !slices.Equal(part.Probabilities(0), whole.Probabilities(i)) {
				t.Errorf("sample %d differs in a batch of %d", i, n)
			}
		}
	}
	if whole := infer(t, model, samples, false); whole.Column(14).NullN() != 4 {
		t.Error("probabilities must be null when nobody asks for them")
	}
}

func TestOnnxIsConcurrent(t *testing.T) {
	config := plainConfig()
	config.Path = onnxtest.Classifier{}.Model().Write(t, "m.onnx")
	model, err := open(t, config)
	check(t, err)
	batch := func(w int) []pipeline.Sample {
		return []pipeline.Sample{colour("b", 8, byte(w*30), 0, 0), colour("c", 8, 0, byte(w*20), 0)}
	}
	var want [4]float32
	for w := range want {
		view, err := record.NewView(infer(t, model, batch(w), false))
		check(t, err)
		want[w] = view.Loss(0)
	}
	var workers sync.WaitGroup
	for w := range want {
		workers.Go(func() {
			for range 30 {
				rec, err := model.Infer(context.Background(), batch(w), false)
				if err != nil {
					t.Error(err)
					return
				}
				view, err := record.NewView(rec)
				if err != nil || view.Loss(0) != want[w] {
					t.Errorf("worker %d: loss %v, want %v, %v", w, view.Loss(0), want[w], err)
				}
				rec.Release()
			}
		})
	}
	workers.Wait()
}

// littleMemory wants a batch of 201 MB: more than what C's allocator may have
// reserved before the limit is set, 64 MiB for each thread, can hold.
func littleMemory(config *stages.OnnxConfig) {
	config.Preprocess.ResizeExact = pointer(2048)
	config.Probe.MemoryMB = 1
}

func TestOnnxOutputContract(t *testing.T) {
	tests := []struct {
		name       string
		classifier onnxtest.Classifier
		change     func(*stages.OnnxConfig)
		want       string
	}{
		{"logits declared, probabilities found", onnxtest.Classifier{Softmax: true}, func(c *stages.OnnxConfig) { c.Output = "logits" }, "config says that the outputs are logits, but they are probabilities"},
		{"probabilities declared, logits found", onnxtest.Classifier{}, func(c *stages.OnnxConfig) { c.Output = "probabilities" }, "says that the outputs are probabilities"},
		{"too few classes", onnxtest.Classifier{Classes: 999}, func(c *stages.OnnxConfig) { c.ClassOrder = "imagenet" }, "means 1000 classes, the output has 999"},
		{"background class", onnxtest.Classifier{Classes: 1001}, func(c *stages.OnnxConfig) { c.ClassOrder = "imagenet" }, "it is imagenet_background"},
		{"no background class", onnxtest.Classifier{}, background, "means 1001 classes"},
		{"nan", onnxtest.Classifier{NaN: true}, nil, "NaN or infinite"},
		{"wrong size", onnxtest.Classifier{Size: 9}, nil, "gives images of 8x8"},
		{"little memory", onnxtest.Classifier{Size: 2048}, littleMemory, "raise probe.memory_mb"},
		{"little time", onnxtest.Classifier{}, func(c *stages.OnnxConfig) { c.Probe.Timeout = time.Microsecond }, "raise probe.timeout"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			config := plainConfig()
			config.Path = test.classifier.Model().Write(t, "m.onnx")
			if test.change != nil {
				test.change(&config)
			}
			_, err := open(t, config)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

// squareRoots has two outputs, both the square root of the mean pixel less
// 0.1: a number for all images but dark ones.
func squareRoots() onnxtest.Model {
	third := float32(1.0 / 3)
	model := onnxtest.Classifier{Classes: 2, NaN: true}.Model()
	model.Graph.Tensors = []onnxtest.Tensor{
		onnxtest.Floats("weight", onnxfile.Float32, []int64{3, 2}, []float32{third, third, third, third, third, third}),
		onnxtest.Floats("bias", onnxfile.Float32, []int64{2}, []float32{-0.1, -0.1}),
	}
	return model
}

func TestOnnxRefusesSamples(t *testing.T) {
	config := plainConfig()
	config.Preprocess.Mean, config.Preprocess.Std = &[3]float64{}, &[3]float64{1, 1, 1}
	config.Path = squareRoots().Write(t, "m.onnx")
	model, err := open(t, config)
	check(t, err)
	bright := colour("bright.png", 8, 200, 200, 200)
	tests := map[string]struct {
		sample pipeline.Sample
		want   string
	}{
		"wrong size": {colour("big.png", 9, 0, 0, 0), "big.png: the image must be 8x8, as the model's preprocessing makes it, is 9x9"},
		"no image":   {pipeline.Sample{ID: "none.png"}, "none.png: the image must be 8x8"},
		"nan":        {colour("dark.png", 8, 0, 0, 0), "output 0 is NaN"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err = model.Infer(context.Background(), []pipeline.Sample{bright, test.sample}, true)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
	var rows pipeline.UnusableRows
	dark := tests["nan"].sample
	if _, err = model.Infer(context.Background(), []pipeline.Sample{dark, bright, bright}, false); !errors.As(err, &rows) || len(rows) != 1 || rows[0] == nil {
		t.Errorf("got %v, want the first row to be unusable", err)
	}
	if rec := infer(t, model, []pipeline.Sample{bright}, true); rec.NumRows() != 1 {
		t.Errorf("%d rows after errors, want 1: what a failed batch had made must be gone", rec.NumRows())
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err = model.Infer(ctx, []pipeline.Sample{bright}, true); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the context's error", err)
	}
}

func TestOnnxBeforeOpen(t *testing.T) {
	model := stages.NewOnnx(plainConfig())
	if _, err := model.Infer(context.Background(), []pipeline.Sample{colour("a", 8, 0, 0, 0)}, true); err == nil {
		t.Error("Infer before Open must be an error")
	}
	check(t, model.Close())
}

func TestOnnxExternalData(t *testing.T) {
	config := plainConfig()
	model := onnxtest.Classifier{}.Model()
	weights := model.Graph.Tensors[0].Raw
	model.Graph.Tensors[0].Raw = nil
	model.Graph.Tensors[0].External = map[string]string{"location": "weights.bin"}
	config.Path = model.Write(t, "m.onnx")
	if _, err := open(t, config); !errors.Is(err, onnxfile.ErrExternalData) {
		t.Errorf("missing data: got %v", err)
	}
	check(t, os.WriteFile(filepath.Join(filepath.Dir(config.Path), "weights.bin"), weights, 0o644))
	opened, err := open(t, config)
	check(t, err)
	info, err := opened.Describe(context.Background())
	check(t, err)
	sum := sha256.Sum256(weights)
	want := pipeline.Fact{Name: "external data weights.bin", Value: hex.EncodeToString(sum[:]), Origin: "sha256"}
	if !slices.Contains(info.Facts, want) {
		t.Errorf("facts %v, want %v among them", info.Facts, want)
	}
}

func TestOnnxConfigValidate(t *testing.T) {
	config := plainConfig()
	config.Preprocess.ResizeShorterSide = pointer(256)
	config.Preprocess.CenterCrop = pointer(8)
	config.Probe.Timeout = 0
	err := config.Validate()
	for _, want := range []string{"preprocess: must have one of", "preprocess.no_crop: must not", "probe.timeout: must be more"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}
