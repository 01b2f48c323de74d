package stages

import (
	"errors"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"quba/internal/imaging"
	"quba/internal/onnxfile"
	"quba/internal/onnxfile/onnxtest"
	"quba/internal/ort/orttest"
	"quba/pipeline"
	"quba/pipeline/pipelinetest"
)

// negative is a network that gives 255 - x for pixels of any size.
func negative() onnxtest.Graph {
	dims := []any{1, 3, "h", "w"}
	return onnxtest.Graph{
		Inputs:  []onnxtest.Value{{Name: "x", Type: onnxfile.Float32, Dims: dims}},
		Outputs: []onnxtest.Value{{Name: "y", Type: onnxfile.Float32, Dims: dims}},
		Nodes:   []onnxtest.Node{{Op: "Sub", In: []string{"white", "x"}, Out: []string{"y"}}},
		Tensors: []onnxtest.Tensor{onnxtest.Floats("white", onnxfile.Float32, []int64{1}, []float32{255})},
	}
}

// darkness is a network whose channels are sigmoid(w (r+g+b) + b) for each w
// and b.
func darkness(weights, biases []float32) onnxtest.Graph {
	n := int64(len(weights))
	var kernel []float32
	for _, w := range weights {
		kernel = append(kernel, w, w, w)
	}
	return onnxtest.Graph{
		Inputs:  []onnxtest.Value{{Name: "x", Type: onnxfile.Float32, Dims: []any{"n", 3, "h", "w"}}},
		Outputs: []onnxtest.Value{{Name: "y", Type: onnxfile.Float32}},
		Nodes: []onnxtest.Node{
			{Op: "Conv", In: []string{"x", "w", "b"}, Out: []string{"c"}},
			{Op: "Sigmoid", In: []string{"c"}, Out: []string{"y"}},
		},
		Tensors: []onnxtest.Tensor{
			onnxtest.Floats("w", onnxfile.Float32, []int64{n, 3, 1, 1}, kernel),
			onnxtest.Floats("b", onnxfile.Float32, []int64{n}, biases),
		},
	}
}

func network(t *testing.T, g onnxtest.Graph, size int) networkConfig {
	t.Helper()
	return networkConfig{
		Path: onnxtest.Model{Graph: g}.Write(t, "network.onnx"), Size: size, Scale: "none", Std: [3]float64{1, 1, 1},
		Limits: OnnxProbe{Timeout: time.Minute, MemoryMB: 4096},
	}
}

// openedNetwork opens a stage that has a network, and closes it.
func openedNetwork(t *testing.T, s pipeline.Stage) pipeline.Stage {
	t.Helper()
	run := &pipeline.Run{Library: orttest.Library(t)}
	if err := s.(pipeline.Opener).Open(t.Context(), run); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.(interface{ Close() error }).Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func stylizeWith(t *testing.T, n networkConfig) pipeline.Stage {
	c := defaultsOf[stylizeConfig](t, "stylize")
	c.Method, c.Network = "onnx", n
	return makeStage(t, "stylize", c)
}

func TestStylizeWithANetwork(t *testing.T) {
	s := openedNetwork(t, stylizeWith(t, network(t, negative(), 16)))
	in := still(16, 16)
	want := in.Image.Clone()
	for i, v := range want.Pix {
		want.Pix[i] = 255 - v
	}
	out := apply(t, s, in)[0]
	if string(out.Image.Pix) != string(want.Pix) {
		t.Error("the image is not the network's")
	}
	if out.Variant.Perturbation != "stylize_onnx" || out.Label != in.Label || out.Cue != in.Cue {
		t.Errorf("variant %v, label %d, cue %d", out.Variant, out.Label, out.Cue)
	}
	// Other sizes go through the network's and come back.
	large := apply(t, s, still(50, 31))[0].Image
	if large.W != 50 || large.H != 31 {
		t.Errorf("the result has %dx%d pixels", large.W, large.H)
	}
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			if got, err := s.Apply(t.Context(), in); err != nil || !reflect.DeepEqual(got[0].Image, out.Image) {
				t.Errorf("beside others the result differs: %v", err)
			}
		})
	}
	wg.Wait()
}

// Scale, mean and std go into the input; only the scale is undone.
func TestNetworkInput(t *testing.T) {
	n := network(t, negative(), 8)
	n.Scale, n.Mean, n.Std = "1/255", [3]float64{0.5, 0, 0}, [3]float64{0.5, 1, 1}
	opened, err := openNetwork(t.Context(), &pipeline.Run{Library: orttest.Library(t)}, n, func(f *onnxfile.File) ([]imageInput, error) { return soleInput(f, n.Size) })
	if err != nil {
		t.Fatal(err)
	}
	m := pipelinetest.Picture(8, 8, 1)
	out, err := opened.apply(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 64 {
		want := [3]float32{(float32(m.Pix[3*i])/255 - 0.5) / 0.5, float32(m.Pix[3*i+1]) / 255, float32(m.Pix[3*i+2]) / 255}
		for c, w := range want {
			if got := out.v[64*c+i]; got < 255-w-1e-4 || got > 255-w+1e-4 {
				t.Fatalf("pixel %d, channel %d: %g, want %g", i, c, got, 255-w)
			}
		}
	}
	if err := opened.close(); err != nil {
		t.Error(err)
	}
}

func TestSilhouetteFromASegmenter(t *testing.T) {
	for name, graph := range map[string]onnxtest.Graph{
		"probability": darkness([]float32{-0.1}, []float32{30}),
		"classes":     darkness([]float32{0, -0.1, -0.1}, []float32{0, 30, 15}),
	} {
		t.Run(name, func(t *testing.T) {
			c := defaultsOf[silhouetteConfig](t, "silhouette")
			c.Segmenter = network(t, graph, 20)
			s := openedNetwork(t, makeStage(t, "silhouette", c))
			in := still(20, 20)
			for i := range in.Image.Pix {
				in.Image.Pix[i] = 220
			}
			paint(in.Image, 5, 6, 12, 18, 20)
			out := apply(t, s, in)[0]
			wantSilhouette(t, out.Image, func(x, y int) bool { return x >= 5 && x < 12 && y >= 6 && y < 18 })
			if facts := s.(pipeline.Factual).Facts(); len(facts) != 1 || facts[0].Name != "segmenter" || len(facts[0].Value) != 64 {
				t.Errorf("facts are %v", facts)
			}
			if out.Variant.Perturbation != "silhouette_generated" {
				t.Errorf("variant is %v", out.Variant)
			}
			paint(in.Image, 0, 0, 20, 20, 220)
			if _, err := s.Apply(t.Context(), in); !errors.Is(err, pipeline.ErrUnusable) {
				t.Errorf("without an object: %v", err)
			}
		})
	}
}

func TestNetworksThatDoNotFit(t *testing.T) {
	grey, flat, batched, whole, silent := negative(), negative(), negative(), negative(), negative()
	grey.Inputs[0].Dims = []any{1, 1, "h", "w"}
	flat.Inputs[0].Dims = []any{1, 3}
	batched.Inputs[0].Dims = []any{2, 3, "h", "w"}
	whole.Inputs[0].Type = 7
	silent.Outputs = nil
	for words, g := range map[string]onnxtest.Graph{
		"[1, height, width, 3], is [1 1 h w]":    grey,
		"[1, height, width, 3], is [1 3]":        flat,
		"[1, height, width, 3], is [2 3 h w]":    batched,
		`input "x" must be float32, is int64`:    whole,
		"the first output must be float32":       silent,
		"3 channels, and have them where":        darkness([]float32{1}, []float32{0}),
		"it takes a style image; styles must be": mean([]any{1, 3, 8, 8}, []any{1, 3, 8, 8}, "content", "style"),
	} {
		err := stylizeWith(t, network(t, g, 8)).(pipeline.Opener).Open(t.Context(), &pipeline.Run{Library: orttest.Library(t)})
		if err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("error is %v, want one with %q", err, words)
		}
	}
	c := defaultsOf[silhouetteConfig](t, "silhouette")
	c.Segmenter = network(t, mean([]any{1, 3, 8, 8}, []any{1, 3, 8, 8}, "content", "style"), 8)
	if err := openError(t, makeStage(t, "silhouette", c)); err == nil || !strings.Contains(err.Error(), "must have one input, an image, has 2") {
		t.Errorf("a segmenter of two images: %v", err)
	}
}

func TestNetworkOptions(t *testing.T) {
	s := defaultsOf[stylizeConfig](t, "stylize")
	_, err := tryMakeStage("stylize", s)
	wantFieldError(t, err, "styles")
	s.Method = "onnx"
	_, err = tryMakeStage("stylize", s)
	wantFieldError(t, err, "network.path")
	s.Network.Path, s.Cues = "x", "folders"
	_, err = tryMakeStage("stylize", s)
	wantFieldError(t, err, "styles")
	s.Cues, s.StyleSize = "none", 64
	_, err = tryMakeStage("stylize", s)
	wantFieldError(t, err, "style_size")
	s.Styles, s.ContentInput, s.StyleInput = "y", "a", "a"
	_, err = tryMakeStage("stylize", s)
	wantFieldError(t, err, "style_input")
	s.Method, s.Network.Path, s.ContentInput, s.StyleSize = "fourier", "", "", 0
	_, err = tryMakeStage("stylize", s)
	wantFieldError(t, err, "style_input")
	s.Network.Path, s.StyleInput = "x", ""
	_, err = tryMakeStage("stylize", s)
	wantFieldError(t, err, "network.path")
	m := defaultsOf[silhouetteConfig](t, "silhouette")
	m.Masks, m.Segmenter.Path = "x", "y"
	_, err = tryMakeStage("silhouette", m)
	wantFieldError(t, err, "segmenter.path")
	m.Masks, m.Segmenter.Limits.Timeout = "", 0
	_, err = tryMakeStage("silhouette", m)
	wantFieldError(t, err, "segmenter.probe.timeout")
}

// A stage that has a network cannot be used before it is opened.
func TestNetworkMustBeOpened(t *testing.T) {
	c := defaultsOf[silhouetteConfig](t, "silhouette")
	c.Segmenter.Path = "network.onnx"
	for _, s := range []pipeline.Stage{makeStage(t, "silhouette", c), stylizeWith(t, networkConfig{Path: "network.onnx", Limits: OnnxProbe{Timeout: time.Minute}})} {
		if _, err := s.Apply(t.Context(), pipeline.Sample{Image: imaging.New(4, 4)}); err == nil {
			t.Error("no error")
		}
	}
}
