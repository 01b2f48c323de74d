package stages

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"quba/internal/imaging"
	"quba/internal/onnxfile"
	"quba/internal/onnxfile/onnxtest"
	"quba/pipeline"
	"quba/pipeline/pipelinetest"
	"quba/pipeline/record"
)

// mean is a network of two images, in this order in the graph, that gives half
// of the content and half of the style's mean level.
func mean(content, style []any, contentName, styleName string) onnxtest.Graph {
	return onnxtest.Graph{
		Inputs: []onnxtest.Value{
			{Name: contentName, Type: onnxfile.Float32, Dims: content},
			{Name: styleName, Type: onnxfile.Float32, Dims: style},
		},
		Outputs: []onnxtest.Value{{Name: "out", Type: onnxfile.Float32}},
		Nodes: []onnxtest.Node{
			{Op: "ReduceMean", In: []string{styleName}, Out: []string{"mean"}},
			{Op: "Add", In: []string{contentName, "mean"}, Out: []string{"sum"}},
			{Op: "Div", In: []string{"sum", "two"}, Out: []string{"out"}},
		},
		Tensors: []onnxtest.Tensor{onnxtest.Floats("two", onnxfile.Float32, []int64{1}, []float32{2})},
	}
}

// inStyle is a stylize stage with a network and a folder of styles.
func inStyle(t *testing.T, g onnxtest.Graph, size int, styles string) stylizeConfig {
	c := defaultsOf[stylizeConfig](t, "stylize")
	c.Method, c.Network, c.Styles = "onnx", network(t, g, size), styles
	return c
}

// styleOf is a folder with one image of one grey level, and its mean.
func styleOf(t *testing.T, level byte) string {
	m := imaging.New(6, 5)
	for i := range m.Pix {
		m.Pix[i] = level
	}
	folder := t.TempDir()
	writePicture(t, filepath.Join(folder, "style.png"), m)
	return folder
}

func wantHalves(t *testing.T, got, content *imaging.Image, style byte) {
	t.Helper()
	if got.W != content.W || got.H != content.H {
		t.Fatalf("the result has %dx%d pixels, the content %dx%d", got.W, got.H, content.W, content.H)
	}
	for i, v := range got.Pix {
		want := (float64(content.Pix[i]) + float64(style)) / 2
		if d := float64(v) - want; d < -0.51 || d > 0.51 {
			t.Fatalf("byte %d is %d, want %g", i, v, want)
		}
	}
}

// Content and style reach their inputs in both layouts, at fixed and free
// sizes, with fixed and free batches.
func TestStyleNetworkLayouts(t *testing.T) {
	for name, dims := range map[string][2][]any{
		"free":             {{"n", 3, "h", "w"}, {"n", 3, "y", "x"}},
		"fixed":            {{1, 3, 12, 16}, {1, 3, 7, 9}},
		"no shape":         {nil, nil},
		"channels last":    {{1, "h", "w", 3}, {"n", 8, 9, 3}},
		"one of each":      {{1, "h", "w", 3}, {1, 3, "y", "x"}},
		"one of each back": {{"n", 3, 12, 16}, {1, "y", "x", 3}},
		"free channels":    {{"n", "c", "h", "w"}, {"n", "c", "h", "w"}},
	} {
		t.Run(name, func(t *testing.T) {
			c := inStyle(t, mean(dims[0], dims[1], "content_image", "style_image"), 16, styleOf(t, 90))
			s := openedNetwork(t, makeStage(t, "stylize", c))
			in := still(16, 12)
			if w, h := s.(*stylize).network.inputs[0].size(); w != in.Image.W || h != in.Image.H {
				in = still(w, h)
			}
			wantHalves(t, apply(t, s, in)[0].Image, in.Image, 90)
			flat := still(31, 40)
			paint(flat.Image, 0, 0, 31, 40, 200)
			wantHalves(t, apply(t, s, flat)[0].Image, flat.Image, 90)
		})
	}
}

func TestStyleSize(t *testing.T) {
	free := mean([]any{1, 3, "h", "w"}, []any{1, "y", "x", 3}, "content", "style")
	for styleSize, want := range map[int]int{0: 16, 24: 24} {
		c := inStyle(t, free, 16, styleOf(t, 90))
		c.StyleSize = styleSize
		inputs, err := c.networkInputs(readFile(t, c.Network.Path))
		if err != nil {
			t.Fatal(err)
		}
		if w, h := inputs[1].size(); w != want || h != want {
			t.Errorf("style_size %d: the style has %dx%d pixels, want %d", styleSize, w, h, want)
		}
		if w, h := inputs[0].size(); w != 16 || h != 16 {
			t.Errorf("style_size %d: the content has %dx%d pixels, want 16", styleSize, w, h)
		}
	}
}

func readFile(t *testing.T, path string) *onnxfile.File {
	t.Helper()
	file, err := onnxfile.Read(path)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func TestStyleRoles(t *testing.T) {
	tests := []struct {
		a, b           string // the inputs, in the order of the graph
		content, style string // the options
		want           string // the input for the content, or words of the error
		fails          bool
	}{
		{a: "content", b: "style", want: "content"},
		{a: "style", b: "content", want: "content"},
		{a: "Style_Image", b: "input", want: "input"},
		{a: "image", b: "style_image", want: "image"},
		{a: "content_image", b: "x", want: "content_image"},
		{a: "style_net/content", b: "style_net/style", want: "style_net/content"},
		{a: "placeholder", b: "placeholder_1", fails: true, want: "write content_input: placeholder, or content_input: placeholder_1"},
		{a: "placeholder", b: "placeholder_1", content: "placeholder_1", want: "placeholder_1"},
		{a: "placeholder", b: "placeholder_1", style: "placeholder_1", want: "placeholder"},
		{a: "style", b: "content", content: "style", style: "content", want: "style"},
		{a: "content", b: "style", content: "contnet", fails: true, want: `content_input: unknown input "contnet"; did you mean "content"?`},
		{a: "content", b: "style", style: "look", fails: true, want: `style_input: unknown input "look"`},
	}
	for _, test := range tests {
		c := stylizeConfig{Styles: "styles", ContentInput: test.content, StyleInput: test.style}
		content, style, err := c.roles([]string{test.a, test.b})
		switch {
		case test.fails:
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%q, %q: error is %v, want one with %q", test.a, test.b, err, test.want)
			}
		case err != nil || content != test.want || style == content || style != test.a && style != test.b:
			t.Errorf("%q, %q: content %q, style %q, %v; want the content %q", test.a, test.b, content, style, err, test.want)
		}
	}
}

func TestStyleNetworksThatDoNotFit(t *testing.T) {
	image := []any{1, 3, "h", "w"}
	three := mean(image, image, "content", "style")
	three.Inputs = append(three.Inputs, onnxtest.Value{Name: "alpha", Type: onnxfile.Float32, Dims: []any{1}})
	whole := mean(image, image, "content", "style")
	whole.Inputs[1].Type = onnxfile.Uint8
	styles := styleOf(t, 90)
	for words, g := range map[string]onnxtest.Graph{
		"has one input, \"x\", so its style is its own; leave styles out": negative(),
		"has 3: [\"content\" \"style\" \"alpha\"]":                        three,
		"is [N 100 1 1]; join a network that takes a style vector":        mean(image, []any{"N", 100, 1, 1}, "content", "style_vector"),
		"is [N 100]; join a network that takes a style vector":            mean(image, []any{"N", 100}, "content", "style_vector"),
		"input \"content\" must be an image, [1, 3, height, width] or":    mean([]any{1, 4, "h", "w"}, image, "content", "style"),
		"the names of the inputs \"a\" and \"b\" do not say which":        mean(image, image, "a", "b"),
		"input \"style\" must be float32, is uint8":                       whole,
	} {
		err := openError(t, makeStage(t, "stylize", inStyle(t, g, 8, styles)))
		if err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("error is %v, want one with %q", err, words)
		}
	}
}

// Each image gets the style that its seed picks, whatever ran before, and the
// style's class becomes the cue.
func TestStyleNetworkMakesCueConflicts(t *testing.T) {
	folder := t.TempDir()
	levels := map[string]byte{"cat/1.png": 20, "dog/1.png": 120, "dog/2.png": 220}
	for path, level := range levels {
		m := pipelinetest.Picture(5, 4, 1)
		paint(m, 0, 0, 5, 4, level)
		writePicture(t, filepath.Join(folder, path), m)
	}
	c := inStyle(t, mean([]any{1, 3, "h", "w"}, []any{1, 3, 4, 5}, "content", "style"), 8, folder)
	c.Cues = "folders"
	stages := []pipeline.Stage{openedNetwork(t, makeStage(t, "stylize", c)), openedNetwork(t, makeStage(t, "stylize", c))}
	seen := map[string]bool{}
	for i := range 30 {
		in := still(8, 8)
		in.ID, in.Label = fmt.Sprint(i), 0
		out := apply(t, stages[0], in)[0]
		seen[out.CueID] = true
		if out.Label != 0 || out.Cue != 1 {
			t.Fatalf("label %d, cue %d of %s", out.Label, out.Cue, out.CueID)
		}
		wantHalves(t, out.Image, in.Image, levels[out.CueID])
		if i%7 == 0 {
			again := apply(t, stages[1], in)[0]
			if again.CueID != out.CueID || string(again.Image.Pix) != string(out.Image.Pix) {
				t.Errorf("%s: another run gives the style %s, not %s", in.ID, again.CueID, out.CueID)
			}
		}
	}
	if len(seen) != 2 {
		t.Errorf("styles %v are used, want the two dogs", seen)
	}
}

// The style stays unknown where folders mean nothing.
func TestStyleNetworkWithoutCues(t *testing.T) {
	c := inStyle(t, mean([]any{1, 3, "h", "w"}, []any{1, 3, "h", "w"}, "content", "style"), 8, styleOf(t, 50))
	s := openedNetwork(t, makeStage(t, "stylize", c))
	if out := apply(t, s, still(8, 8))[0]; out.Cue != record.NoClass || out.CueID != "" {
		t.Errorf("cue is %d of %q", out.Cue, out.CueID)
	}
}

// The facts are the digests of the network, of the files beside it and of the
// list of styles.
func TestStylizeFacts(t *testing.T) {
	g := mean([]any{1, 3, "h", "w"}, []any{1, 3, "h", "w"}, "content", "style")
	weights := g.Tensors[0].Raw
	g.Tensors[0].Raw, g.Tensors[0].External = nil, map[string]string{"location": "two.bin"}
	c := inStyle(t, g, 8, styleOf(t, 50))
	if err := os.WriteFile(filepath.Join(filepath.Dir(c.Network.Path), "two.bin"), weights, 0o600); err != nil {
		t.Fatal(err)
	}
	s := openedNetwork(t, makeStage(t, "stylize", c))
	facts := s.(pipeline.Factual).Facts()
	model, err := os.ReadFile(c.Network.Path)
	if err != nil {
		t.Fatal(err)
	}
	if len(facts) != 3 || facts[0].Origin != "sha256 of the names and sizes of 1 files" {
		t.Fatalf("facts are %v", facts)
	}
	want := []pipeline.Fact{
		{Name: "styles", Value: facts[0].Value, Origin: facts[0].Origin},
		{Name: "network", Value: sum(model), Origin: "sha256"},
		{Name: "network external data two.bin", Value: sum(weights), Origin: "sha256"},
	}
	for i, f := range facts {
		if f != want[i] {
			t.Errorf("fact %d is %v, want %v", i, f, want[i])
		}
		if strings.Contains(f.Name+f.Value+f.Origin, filepath.Dir(c.Network.Path)) {
			t.Errorf("fact %v names a folder of this machine", f)
		}
	}
}

func sum(data []byte) string {
	digest := sha256.Sum256(data)
	return hex.EncodeToString(digest[:])
}
