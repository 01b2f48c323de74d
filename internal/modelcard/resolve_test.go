package modelcard_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"quba/internal/imaging"
	"quba/internal/modelcard"
	"quba/internal/onnxfile"
	"quba/internal/onnxfile/onnxtest"
)

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// files are what stands beside and above a model, by path relative to it.
type files map[string]string

// resolve writes a model with the files and resolves its card.
func resolve(t testing.TB, c onnxtest.Classifier, beside files, given modelcard.Card) (modelcard.Card, error) {
	t.Helper()
	return resolveModel(t, c.Model(), beside, given)
}

func resolveModel(t testing.TB, model onnxtest.Model, beside files, given modelcard.Card) (modelcard.Card, error) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "onnx")
	check(t, os.Mkdir(dir, 0o755))
	path := filepath.Join(dir, "m.onnx")
	check(t, os.WriteFile(path, model.Bytes(), 0o644))
	for name, text := range beside {
		check(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
	}
	file, err := onnxfile.Read(path)
	check(t, err)
	return modelcard.Resolve(file, given)
}

// complete is a side-car that says everything.
const complete = `
preprocess:
  resize_shorter_side: 10
  interpolation: bilinear
  center_crop: 8
  scale: 1/255
  mean: [0.1, 0.2, 0.3]
  std: [0.4, 0.5, 0.6]
input: {layout: NCHW, color: RGB}
class_order: imagenet
params: 1234
arch: Test
year: 2024
`

func TestResolveSideCar(t *testing.T) {
	got, err := resolve(t, onnxtest.Classifier{}, files{"m.yaml": complete}, modelcard.Card{})
	check(t, err)
	const origin = "m.yaml"
	want := modelcard.Card{
		Resize:     modelcard.From(modelcard.Resize{Mode: imaging.ResizeShorter, H: 10}, origin),
		Crop:       modelcard.From(modelcard.Size{W: 8, H: 8}, origin),
		Filter:     modelcard.From(imaging.Bilinear, origin),
		PadColor:   modelcard.From([3]uint8{}, "torchvision's rule"),
		Scale:      modelcard.From(1.0/255, origin),
		Mean:       modelcard.From([3]float64{0.1, 0.2, 0.3}, origin),
		Std:        modelcard.From([3]float64{0.4, 0.5, 0.6}, origin),
		Color:      modelcard.From(modelcard.RGB, origin),
		Layout:     modelcard.From(modelcard.NCHW, origin),
		InputName:  modelcard.From("input", "graph"),
		InputType:  modelcard.From(onnxfile.Float32, "graph"),
		InputSize:  modelcard.From(modelcard.Size{W: 8, H: 8}, "graph"),
		OutputName: modelcard.From("output", "graph"),
		OutputType: modelcard.From(onnxfile.Float32, "graph"),
		Output:     modelcard.From(modelcard.Auto, "probe"),
		ClassOrder: modelcard.From(modelcard.ImageNet, origin),
		Classes:    modelcard.From(1000, "graph"),
		Parameters: modelcard.From(int64(1234), origin),
		Labels:     map[string]string{"arch": "Test", "year": "2024"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	transform := imaging.Transform{Mode: imaging.ResizeShorter, ResizeH: 10, Filter: imaging.Bilinear, CropW: 8, CropH: 8}
	if got.Transform() != transform {
		t.Errorf("transform %v, want %v", got.Transform(), transform)
	}
}

// TestResolveOrder gives the mean in every source and takes the sources away
// one by one.
func TestResolveOrder(t *testing.T) {
	preprocess := func(mean string) string { return strings.Replace(complete, "0.1, 0.2, 0.3", mean, 1) }
	beside := files{
		"m.pipeline.yaml":             preprocess("2, 2, 2"),
		"m.json":                      `{"preprocess": {"mean": [3, 3, 3]}}`,
		"preprocessor_config.json":    `{"image_mean": [5, 5, 5], "image_std": [1, 1, 1]}`,
		"../preprocessor_config.json": `{"image_mean": [6, 6, 6], "image_std": [1, 1, 1]}`,
		"config.json":                 `{"pretrained_cfg": {"mean": [7, 7, 7]}}`,
		"../config.json":              `{"pretrained_cfg": {"mean": [8, 8, 8]}}`,
	}
	given := completeCard()
	given.Mean = modelcard.From([3]float64{1, 1, 1}, "config")
	metadata := onnxtest.Classifier{Metadata: map[string]string{"pipeline.preprocess": `{"mean": [4, 4, 4]}`}}
	steps := []struct {
		takeAway, origin string
		mean             float64
	}{
		{"", "config", 1},
		{"given", "m.pipeline.yaml", 2},
		{"m.pipeline.yaml", "m.json", 3},
		{"m.json", "metadata_props", 4},
		{"metadata", "preprocessor_config.json", 5},
		{"preprocessor_config.json", "../preprocessor_config.json", 6},
		{"../preprocessor_config.json", "config.json", 7},
		{"config.json", "../config.json", 8},
	}
	for _, step := range steps {
		switch step.takeAway {
		case "given":
			given.Mean = modelcard.Field[[3]float64]{}
		case "metadata":
			metadata.Metadata = nil
		default:
			delete(beside, step.takeAway)
		}
		got, err := resolve(t, metadata, beside, given)
		check(t, err)
		if want := modelcard.From([3]float64{step.mean, step.mean, step.mean}, step.origin); got.Mean != want {
			t.Errorf("without %s: mean %v, want %v", step.takeAway, got.Mean, want)
		}
	}
}

// completeCard is what complete says, but from the config and without mean.
func completeCard() modelcard.Card {
	const origin = "config"
	return modelcard.Card{
		Resize:     modelcard.From(modelcard.Resize{Mode: imaging.ResizeShorter, H: 10}, origin),
		Crop:       modelcard.From(modelcard.Size{W: 8, H: 8}, origin),
		Filter:     modelcard.From(imaging.Bilinear, origin),
		Scale:      modelcard.From(1.0/255, origin),
		Std:        modelcard.From([3]float64{1, 1, 1}, origin),
		Color:      modelcard.From(modelcard.RGB, origin),
		ClassOrder: modelcard.From(modelcard.ImageNet, origin),
	}
}

func TestResolveMissing(t *testing.T) {
	_, err := resolve(t, onnxtest.Classifier{}, nil, modelcard.Card{})
	var missing *modelcard.MissingError
	if !errors.As(err, &missing) {
		t.Fatalf("got %v, want a MissingError", err)
	}
	want := []string{
		"preprocess.resize_shorter_side", "preprocess.center_crop", "preprocess.interpolation", "preprocess.scale",
		"preprocess.mean", "preprocess.std", "input.color", "class_order",
	}
	if diff := cmp.Diff(want, missing.Fields); diff != "" {
		t.Error(diff)
	}
	// What the message says to write must do.
	_, yaml, _ := strings.Cut(err.Error(), "these are examples:\n")
	_, err = resolve(t, onnxtest.Classifier{Size: 224}, files{"m.yaml": yaml}, modelcard.Card{})
	check(t, err)

	given := completeCard()
	_, err = resolve(t, onnxtest.Classifier{}, nil, given)
	if !errors.As(err, &missing) || len(missing.Fields) != 1 || missing.Fields[0] != "preprocess.mean" {
		t.Errorf("got %v, want only the mean to be missing", err)
	}
}

// TestMissingShowsOnlyWhatIsMissing expects the form of the file that exists,
// and that its own words do when merged into it.
func TestMissingShowsOnlyWhatIsMissing(t *testing.T) {
	most := `"preprocess": {"resize_shorter_side": 10, "interpolation": "bilinear", "center_crop": 8, "mean": [0, 0, 0], "std": [1, 1, 1]}, "input": {"color": "RGB"}`
	for name, c := range map[string]struct{ file, text, want, form string }{
		"json":       {"m.json", "{" + most + "}", "Add to %s (or", `{"preprocess": {"scale": "1/255"}, "class_order": "imagenet"}`},
		"yaml":       {"m.pipeline.yml", "{" + most + "}", "Add to %s (or", "# examples: replace them by the values your training code used\npreprocess:\n  scale: 1/255\nclass_order: imagenet"},
		"no sidecar": {"preprocessor_config.json", `{"do_resize": false, "do_center_crop": false, "do_normalize": false, "do_rescale": false}`, "m.yaml (or", "class_order: imagenet"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := resolve(t, onnxtest.Classifier{}, files{c.file: c.text}, modelcard.Card{})
			var missing *modelcard.MissingError
			if !errors.As(err, &missing) {
				t.Fatalf("got %v", err)
			}
			path := filepath.Join(filepath.Dir(missing.Model), c.file)
			want := strings.ReplaceAll(c.want, "%s", path)
			if !strings.Contains(err.Error(), want) || !strings.HasSuffix(err.Error(), c.form) {
				t.Errorf("got  %v\nwant %s and %s", err, want, c.form)
			}
		})
	}
}

func TestSideCarsWithoutSettings(t *testing.T) {
	for name, texts := range map[string][]string{
		"m.yaml": {"", "# nothing\n", "null\n", "{}"},
		"m.json": {"", "null", "{}"},
	} {
		for _, text := range texts {
			_, err := resolve(t, onnxtest.Classifier{}, files{name: text}, completeCard())
			if err == nil || !strings.Contains(err.Error(), name+": holds no settings; write some, or remove the file") {
				t.Errorf("%s %q: got %v", name, text, err)
			}
		}
	}
}

func TestResolveRefuses(t *testing.T) {
	replace := func(old, replacement string) files {
		return files{"m.yaml": strings.Replace(complete, old, replacement, 1)}
	}
	tests := map[string]struct {
		classifier onnxtest.Classifier
		beside     files
		want       string
	}{
		"another file":       {beside: files{"m.yaml": complete + "\nsha256: abc"}, want: "belongs to another file"},
		"unknown key":        {beside: replace("center_crop", "centre_crop"), want: `m.yaml: preprocess.centre_crop: unknown key "centre_crop"; did you mean "center_crop"?`},
		"misspelled section": {beside: replace("preprocess:", "preproces:"), want: `m.yaml: preproces: unknown key; did you mean "preprocess"?`},
		"text for number":    {beside: replace("resize_shorter_side: 10", "resize_shorter_side: ten"), want: "preprocess.resize_shorter_side: must be a whole number from 1 to 16384, got \"ten\""},
		"fraction":           {beside: replace("center_crop: 8", "center_crop: 8.5"), want: "must be a whole number"},
		"two means":          {beside: replace("0.1, 0.2, 0.3", "0.1, 0.2"), want: "preprocess.mean: must be a list of 3 numbers"},
		"zero std":           {beside: replace("0.4, 0.5, 0.6", "0.4, 0, 0.6"), want: "preprocess.std: must be above 0"},
		"nan":                {beside: replace("0.1, 0.2, 0.3", ".nan, 0, 0"), want: "preprocess.mean[0]: must be a number"},
		"filter":             {beside: replace("bilinear", "linear"), want: "preprocess.interpolation: filter must be one of"},
		"scale":              {beside: replace("1/255", "1/256"), want: "preprocess.scale: must be"},
		"layout":             {beside: replace("NCHW", "CHW"), want: `input.layout: must be one of "NCHW", "NHWC", got "CHW"`},
		"wrong layout":       {beside: replace("NCHW", "NHWC"), want: "must have 3 channels, has 8 where NHWC"},
		"class order":        {beside: replace("class_order: imagenet", "class_order: darknet"), want: "class_order: must be one of"},
		"two resizes":        {beside: replace("center_crop", "resize_exact: 8\n  center_crop"), want: "resize_exact: must not stand beside resize_shorter_side"},
		"no antialiasing":    {beside: replace("center_crop", "antialias: false\n  center_crop"), want: "antialias: must be true"},
		"exif":               {beside: replace("center_crop", "exif: applied\n  center_crop"), want: `exif: must be "ignored"`},
		"wrong size":         {classifier: onnxtest.Classifier{Size: 9}, beside: files{"m.yaml": complete}, want: "preprocessing gives images of 8x8 (from m.yaml), the graph takes 9x9"},
		"no common size":     {beside: replace("center_crop: 8", "no_crop: true"), want: "add a center_crop"},
		"wrong classes":      {classifier: onnxtest.Classifier{Classes: 1001}, beside: files{"m.yaml": complete}, want: "class order imagenet (from m.yaml) means 1000 classes, the output has 1001; with a background class"},
		"input name":         {beside: replace("layout: NCHW", "name: pixels, layout: NCHW"), want: `the graph has no input "pixels" (from m.yaml); its input is "input"`},
		"input type":         {beside: replace("layout: NCHW", "dtype: float16, layout: NCHW"), want: `input "input" is float32 in the graph, m.yaml says float16`},
		"output name":        {beside: files{"m.yaml": complete + "\noutput: {name: probs}"}, want: `the graph has no output "probs" (from m.yaml); its outputs: "output"`},
		"uint8 with mean":    {classifier: onnxtest.Classifier{Input: onnxfile.Uint8}, beside: files{"m.yaml": complete}, want: "a uint8 input takes pixels as they are"},
		"input as text":      {beside: replace("{layout: NCHW, color: RGB}", "NCHW"), want: "m.yaml: input: must be a mapping, got \"NCHW\""},
		"duplicate key":      {beside: files{"m.yaml": complete + "\nparams: 5"}, want: "already defined"},
		"not a mapping":      {beside: files{"m.yaml": "- 1"}, want: "m.yaml: must be a YAML mapping, got a list"},
		"text":               {beside: files{"m.yaml": "hello"}, want: `m.yaml: must be a YAML mapping, got "hello"`},
		"yaml syntax":        {beside: files{"m.yaml": "a: ["}, want: "m.yaml: must be a YAML mapping: line 1: "},
		"json list":          {beside: files{"m.json": "[1]"}, want: "m.json: must be a JSON object, got [1]"},
		"not json":           {beside: files{"m.json": "{"}, want: "must be a JSON object"},
		"two documents":      {beside: files{"m.json": "{} {}"}, want: "must be one JSON object"},
		"yaml bomb":          {beside: files{"m.yaml": yamlBomb()}, want: "excessive aliasing"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := resolve(t, test.classifier, test.beside, modelcard.Card{})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got  %v\nwant %s", err, test.want)
			}
		})
	}
}

func yamlBomb() string {
	var b strings.Builder
	b.WriteString("a0: &a0 [x, x, x, x, x, x, x, x, x]\n")
	for i := range 9 {
		alias := strings.Repeat(", *a"+string(rune('0'+i)), 9)[2:]
		b.WriteString("a" + string(rune('1'+i)) + ": &a" + string(rune('1'+i)) + " [" + alias + "]\n")
	}
	return b.String()
}

func TestResolveReportsAllProblemsOfAFile(t *testing.T) {
	text := strings.NewReplacer("bilinear", "linear", "NCHW", "CHW", "params: 1234", "params: -1").Replace(complete)
	_, err := resolve(t, onnxtest.Classifier{}, files{"m.yaml": text}, modelcard.Card{})
	for _, want := range []string{"interpolation", "layout", "params"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q in it", err, want)
		}
	}
}

func TestResolveGraph(t *testing.T) {
	f32 := onnxfile.Float32
	ambiguous := onnxtest.Classifier{}.Model()
	ambiguous.Graph.Inputs[0].Dims = []any{"N", 3, "H", 3}
	two := onnxtest.Classifier{}.Model()
	two.Graph.Inputs = append(two.Graph.Inputs, onnxtest.Value{Name: "mask", Type: f32, Dims: []any{"N", 1}})
	features := onnxtest.Classifier{}.Model()
	features.Graph.Outputs = append(features.Graph.Outputs, onnxtest.Value{Name: "features", Type: f32, Dims: []any{"N", 3}})
	features.Graph.Outputs[0].Name = "head"
	segments := onnxtest.Classifier{}.Model()
	segments.Graph.Outputs[0].Dims = []any{"N", 21, 8, 8}
	gray := onnxtest.Classifier{}.Model()
	gray.Graph.Inputs[0].Dims = []any{"N", 1, 8, 8}
	vector := onnxtest.Classifier{}.Model()
	vector.Graph.Inputs[0].Dims = []any{"N", 192}
	tests := map[string]struct {
		model onnxtest.Model
		want  string
	}{
		"ambiguous layout": {ambiguous, "input.layout"},
		"two inputs":       {two, `must have one input, the image, has 2: "input", "mask"`},
		"two outputs":      {features, `has 2 outputs: "head", "features"; say which`},
		"segmentation":     {segments, "is it a classifier?"},
		"one channel":      {gray, "must have 3 channels"},
		"flat input":       {vector, "must have 4 dimensions, has 2"},
	}
	side := strings.Replace(complete, "layout: NCHW, ", "", 1)
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := resolveModel(t, test.model, files{"m.yaml": side}, modelcard.Card{})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got  %v\nwant %s", err, test.want)
			}
		})
	}
}

// TestResolveSharedModels reads the side-cars of the real models as they are.
func TestResolveSharedModels(t *testing.T) {
	paths, _ := filepath.Glob("../../../shared/models/*.onnx")
	if len(paths) == 0 {
		t.Skip("the third-party models of ../shared/models are not here")
	}
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			var side struct {
				Arch       string
				Params     int64
				Preprocess struct {
					Shorter int        `json:"resize_shorter_side"`
					Crop    int        `json:"center_crop"`
					Mean    [3]float64 `json:"mean"`
					Std     [3]float64 `json:"std"`
				}
			}
			text, err := os.ReadFile(strings.TrimSuffix(path, ".onnx") + ".json")
			check(t, err)
			check(t, json.Unmarshal(text, &side))
			file, err := onnxfile.Read(path)
			check(t, err)
			card, err := modelcard.Resolve(file, modelcard.Card{})
			check(t, err)
			want := imaging.Transform{
				Mode: imaging.ResizeShorter, ResizeH: side.Preprocess.Shorter, Filter: imaging.Bicubic,
				CropW: side.Preprocess.Crop, CropH: side.Preprocess.Crop,
			}
			if card.Transform() != want {
				t.Errorf("transform %v, want %v", card.Transform(), want)
			}
			if card.Mean.Value != side.Preprocess.Mean || card.Std.Value != side.Preprocess.Std || card.Scale.Value != 1.0/255 {
				t.Errorf("scale %v, mean %v, std %v", card.Scale, card.Mean, card.Std)
			}
			if card.Output.Value != modelcard.Logits || card.ClassOrder.Value != modelcard.ImageNet || card.Parameters.Value != side.Params {
				t.Errorf("output %v, order %v, parameters %v", card.Output, card.ClassOrder, card.Parameters)
			}
			if card.Labels["arch"] != side.Arch || card.Labels["training"] != "supervised" {
				t.Errorf("labels %v", card.Labels)
			}
		})
	}
}
