package modelcard_test

import (
	"fmt"
	"strings"
	"testing"

	"quba/internal/imaging"
	"quba/internal/modelcard"
	"quba/internal/onnxfile/onnxtest"
)

var (
	imagenetMean = [3]float64{0.485, 0.456, 0.406}
	imagenetStd  = [3]float64{0.229, 0.224, 0.225}
	half         = [3]float64{0.5, 0.5, 0.5}
	zero, one    = [3]float64{}, [3]float64{1, 1, 1}
)

func shorter(resize int, f imaging.Filter, crop int) imaging.Transform {
	return imaging.Transform{Mode: imaging.ResizeShorter, ResizeH: resize, Filter: f, CropW: crop, CropH: crop}
}

func exact(side int, f imaging.Filter) imaging.Transform {
	return imaging.Transform{Mode: imaging.ResizeExact, ResizeW: side, ResizeH: side, Filter: f}
}

// hubCase is a file of a hub and what the library that wrote it does.
type hubCase struct {
	text      string
	size      int // of the graph
	transform imaging.Transform
	scale     float64
	mean, std [3]float64
	color     modelcard.Color
}

func (c hubCase) run(t *testing.T, name string) {
	given := modelcard.Card{ClassOrder: modelcard.From(modelcard.AnyOrder, "config")}
	got, err := resolve(t, onnxtest.Classifier{Size: c.size, Classes: 10}, files{name: c.text}, given)
	check(t, err)
	if got.Transform() != c.transform {
		t.Errorf("transform %+v, want %+v", got.Transform(), c.transform)
	}
	if got.Scale.Value != c.scale || got.Mean.Value != c.mean || got.Std.Value != c.std {
		t.Errorf("scale %v, mean %v, std %v; want %v, %v, %v", got.Scale, got.Mean, got.Std, c.scale, c.mean, c.std)
	}
	if c.color == "" {
		c.color = modelcard.RGB
	}
	if got.Color.Value != c.color {
		t.Errorf("color %v, want %v", got.Color, c.color)
	}
}

// TestPreprocessorConfig holds files as the Hub has them for the families
// against what their processors in transformers do.
func TestPreprocessorConfig(t *testing.T) {
	const normalise = `"do_normalize": true, "image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]`
	const rescale = `"do_rescale": true, "rescale_factor": 0.00392156862745098`
	tests := map[string]hubCase{
		"ViT squashes": {
			text: `{"image_processor_type": "ViTImageProcessor", "do_resize": true, "size": {"height": 224, "width": 224}, "resample": 2, ` + rescale + `, "do_normalize": true, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}`,
			size: 224, transform: exact(224, imaging.Bilinear), scale: 1.0 / 255, mean: half, std: half,
		},
		"old ViT": {
			text: `{"feature_extractor_type": "ViTFeatureExtractor", "do_resize": true, "size": 224, "resample": 2, "do_normalize": true, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}`,
			size: 224, transform: exact(224, imaging.Bilinear), scale: 1.0 / 255, mean: half, std: half,
		},
		"DeiT resizes and crops": {
			text: `{"image_processor_type": "DeiTImageProcessor", "do_resize": true, "size": {"height": 256, "width": 256}, "do_center_crop": true, "crop_size": {"height": 224, "width": 224}, "resample": 3, ` + rescale + `, ` + normalise + `}`,
			size: 224, transform: imaging.Transform{Mode: imaging.ResizeExact, ResizeW: 256, ResizeH: 256, Filter: imaging.Bicubic, CropW: 224, CropH: 224},
			scale: 1.0 / 255, mean: imagenetMean, std: imagenetStd,
		},
		"ConvNeXT divides by crop_pct": {
			text: `{"image_processor_type": "ConvNextImageProcessor", "crop_pct": 0.875, "do_resize": true, "size": {"shortest_edge": 224}, "resample": 3, ` + rescale + `, ` + normalise + `}`,
			size: 224, transform: shorter(256, imaging.Bicubic, 224), scale: 1.0 / 255, mean: imagenetMean, std: imagenetStd,
		},
		"large ConvNeXT squashes": {
			text: `{"feature_extractor_type": "ConvNextFeatureExtractor", "crop_pct": 1.0, "do_resize": true, "size": 384, "resample": 3, ` + normalise + `}`,
			size: 384, transform: exact(384, imaging.Bicubic), scale: 1.0 / 255, mean: imagenetMean, std: imagenetStd,
		},
		"CLIP": {
			text: `{"image_processor_type": "CLIPImageProcessor", "do_resize": true, "size": {"shortest_edge": 224}, "do_center_crop": true, "crop_size": 224, "resample": 3, ` + rescale + `, ` + normalise + `, "do_convert_rgb": true}`,
			size: 224, transform: shorter(224, imaging.Bicubic, 224), scale: 1.0 / 255, mean: imagenetMean, std: imagenetStd,
		},
		"LeViT enlarges": {
			text: `{"image_processor_type": "LevitImageProcessor", "do_resize": true, "size": {"shortest_edge": 224}, "do_center_crop": true, "crop_size": {"height": 224, "width": 224}, "resample": 3, ` + rescale + `, ` + normalise + `}`,
			size: 224, transform: shorter(256, imaging.Bicubic, 224), scale: 1.0 / 255, mean: imagenetMean, std: imagenetStd,
		},
		"PoolFormer": {
			text: `{"image_processor_type": "PoolFormerImageProcessor", "crop_pct": 0.9, "do_resize": true, "size": {"shortest_edge": 224}, "do_center_crop": true, "crop_size": {"height": 224, "width": 224}, "resample": 3, ` + rescale + `, ` + normalise + `}`,
			size: 224, transform: shorter(248, imaging.Bicubic, 224), scale: 1.0 / 255, mean: imagenetMean, std: imagenetStd,
		},
		"MobileViT is BGR and not normalised": {
			text: `{"image_processor_type": "MobileViTImageProcessor", "do_resize": true, "size": {"shortest_edge": 288}, "do_center_crop": true, "crop_size": {"height": 256, "width": 256}, "resample": 2, ` + rescale + `, "do_normalize": false, "do_flip_channel_order": true}`,
			size: 256, transform: shorter(288, imaging.Bilinear, 256), scale: 1.0 / 255, mean: zero, std: one, color: modelcard.BGR,
		},
		"code is not followed": {
			text: `{"auto_map": {"AutoImageProcessor": "evil.Processor"}, "image_processor_type": "Own", "do_resize": true, "size": {"height": 8, "width": 8}, "resample": 0, "do_rescale": false, "do_normalize": false}`,
			size: 8, transform: exact(8, imaging.Nearest), scale: 1, mean: zero, std: one,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { test.run(t, "preprocessor_config.json") })
		t.Run(name+", parent folder", func(t *testing.T) { test.run(t, "../preprocessor_config.json") })
	}
}

func TestPreprocessorConfigRefuses(t *testing.T) {
	tests := map[string]struct{ text, want string }{
		"padding":          {`{"do_pad": true}`, "do_pad: must not be true"},
		"double normalise": {`{"image_processor_type": "EfficientNetImageProcessor", "include_top": true}`, "include_top"},
		"crop first":       {`{"image_processor_type": "PerceiverImageProcessor"}`, "crops before it resizes"},
		"unknown family":   {`{"image_processor_type": "NewImageProcessor", "size": 224}`, "what the number 224 means"},
		"both edges":       {`{"size": {"shortest_edge": 800, "longest_edge": 1333}}`, "must hold height and width, or shortest_edge alone"},
		"resample":         {`{"resample": 6}`, "resample: must be a whole number from 0 to 5"},
		"type":             {`{"do_resize": "yes"}`, `do_resize: must be true or false, got "yes"`},
		"huge":             {`{"image_processor_type": "ConvNextImageProcessor", "size": {"shortest_edge": 224}, "crop_pct": 1e-9}`, "must resize to 16384 at most"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := resolve(t, onnxtest.Classifier{}, files{"preprocessor_config.json": test.text}, modelcard.Card{})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got  %v\nwant %s", err, test.want)
			}
		})
	}
}

// TestTimm holds pretrained_cfg against transforms_imagenet_eval.
func TestTimm(t *testing.T) {
	cfg := func(keys string) string { return `{"architecture": "x", "pretrained_cfg": {` + keys + `}}` }
	tests := map[string]hubCase{
		"defaults": {
			text: cfg(""), size: 224, transform: shorter(256, imaging.Bicubic, 224),
			scale: 1.0 / 255, mean: imagenetMean, std: imagenetStd,
		},
		"center": {
			text: cfg(`"input_size": [3, 240, 240], "interpolation": "bilinear", "crop_pct": 0.9, "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]`),
			size: 240, transform: shorter(266, imaging.Bilinear, 240), scale: 1.0 / 255, mean: half, std: half,
		},
		"squash": {
			text: cfg(`"input_size": [3, 384, 384], "crop_pct": 1.0, "crop_mode": "squash"`), size: 384,
			transform: imaging.Transform{Mode: imaging.ResizeExact, ResizeW: 384, ResizeH: 384, Filter: imaging.Bicubic, CropW: 384, CropH: 384},
			scale:     1.0 / 255, mean: imagenetMean, std: imagenetStd,
		},
		"border": {
			text: cfg(`"input_size": [3, 384, 384], "crop_pct": 1.0, "crop_mode": "border"`), size: 384,
			transform: imaging.Transform{Mode: imaging.ResizeLonger, ResizeH: 384, Filter: imaging.Bicubic, CropW: 384, CropH: 384, PadColor: [3]uint8{124, 116, 104}},
			scale:     1.0 / 255, mean: imagenetMean, std: imagenetStd,
		},
		"test size": {
			text: cfg(`"input_size": [3, 224, 224], "test_input_size": [3, 288, 288], "crop_pct": 0.875, "test_crop_pct": 1.0`),
			size: 288, transform: shorter(288, imaging.Bicubic, 288), scale: 1.0 / 255, mean: imagenetMean, std: imagenetStd,
		},
		"graph exported at the training size": {
			text: cfg(`"input_size": [3, 224, 224], "test_input_size": [3, 288, 288], "crop_pct": 0.875, "test_crop_pct": 1.0`),
			size: 224, transform: shorter(256, imaging.Bicubic, 224), scale: 1.0 / 255, mean: imagenetMean, std: imagenetStd,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { test.run(t, "config.json") })
	}
}

func TestTimmRefuses(t *testing.T) {
	tests := map[string]struct{ keys, want string }{
		"channels":      {`"input_size": [1, 28, 28]`, "must have 3 channels"},
		"interpolation": {`"interpolation": "random"`, "interpolation: filter must be"},
		"crop mode":     {`"crop_mode": "corner"`, `crop_mode: must be center, squash or border, got "corner"`},
		"not square":    {`"input_size": [3, 224, 448]`, "must be square with crop_mode center"},
		"crop_pct":      {`"crop_pct": 0`, "crop_pct: must be a number above 0"},
		"std":           {`"std": [0, 0, 0]`, "std: must be above 0"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := resolve(t, onnxtest.Classifier{}, files{"config.json": `{"pretrained_cfg": {` + test.keys + `}}`}, modelcard.Card{})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got  %v\nwant %s", err, test.want)
			}
		})
	}
}

// id2label makes n names, those at the given positions as stated.
func id2label(n int, named map[int]string) string {
	entries := make([]string, n)
	for i := range entries {
		name, ok := named[i]
		if !ok {
			name = fmt.Sprint("class ", i)
		}
		entries[i] = fmt.Sprintf("%q: %q", fmt.Sprint(i), name)
	}
	return `{"id2label": {` + strings.Join(entries, ", ") + "}}"
}

func TestClassOrder(t *testing.T) {
	const tench, tissue = "tench, Tinca tinca", "toilet tissue, toilet paper, bathroom tissue"
	tests := map[string]struct {
		classes int
		text    string
		want    modelcard.ClassOrder // "" is unknown
	}{
		"names of ImageNet":   {1000, id2label(1000, map[int]string{0: tench, 999: tissue}), modelcard.ImageNet},
		"background":          {1001, id2label(1001, map[int]string{0: "background", 1: tench, 1000: tissue}), modelcard.ImageNetBackground},
		"another order":       {1000, id2label(1000, map[int]string{5: tench}), ""},
		"LABEL_0":             {1000, id2label(1000, nil), ""},
		"timm":                {1000, `{"pretrained_cfg": {}}`, modelcard.ImageNet},
		"timm with an offset": {1001, `{"pretrained_cfg": {"label_offset": 1}}`, modelcard.ImageNetBackground},
		"timm, other data":    {102, `{"pretrained_cfg": {"num_classes": 102}}`, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			given := completeCard()
			given.Mean = modelcard.From(zero, "config")
			given.ClassOrder = modelcard.Field[modelcard.ClassOrder]{}
			got, err := resolve(t, onnxtest.Classifier{Classes: test.classes}, files{"config.json": test.text}, given)
			if (err == nil) != (test.want != "") || got.ClassOrder.Value != test.want {
				t.Errorf("got %q, %v; want %q", got.ClassOrder.Value, err, test.want)
			}
		})
	}
}

func TestMetadata(t *testing.T) {
	ultralytics := map[string]string{
		"task": "classify", "imgsz": "[8, 8]", "stride": "1",
		"names": `{0: 'tench', 1: "Jack's goldfish", 2: 'it\'s, 3: not'}`,
	}
	given := modelcard.Card{ClassOrder: modelcard.From(modelcard.AnyOrder, "config")}
	got, err := resolve(t, onnxtest.Classifier{Classes: 3, Metadata: ultralytics}, nil, given)
	check(t, err)
	if got.Transform() != shorter(8, imaging.Bilinear, 8) || got.Output.Value != modelcard.Probabilities {
		t.Errorf("transform %v, output %v", got.Transform(), got.Output)
	}
	if got.Mean.Value != zero || got.Std.Value != one || got.Scale.Value != 1.0/255 {
		t.Errorf("scale %v, mean %v, std %v", got.Scale, got.Mean, got.Std)
	}
	if got.Classes != modelcard.From(3, "metadata_props") {
		t.Errorf("classes %v, want 3", got.Classes)
	}

	own := map[string]string{
		"pipeline.preprocess":     `{"resize_exact": [8, 8], "no_crop": true, "interpolation": "lanczos"}`,
		"pipeline.class_order":    "none",
		"pipeline.params":         "77",
		"Image.BitmapPixelFormat": "Bgr8", "Image.NominalPixelRange": "Normalized_1_1",
	}
	got, err = resolve(t, onnxtest.Classifier{Metadata: own}, nil, modelcard.Card{})
	check(t, err)
	if got.Transform() != exact(8, imaging.Lanczos) || got.Color.Value != modelcard.BGR || got.Parameters.Value != 77 {
		t.Errorf("transform %v, color %v, parameters %v", got.Transform(), got.Color, got.Parameters)
	}
	if got.Scale.Value != 1.0/255 || got.Mean.Value != half || got.Std.Value != half {
		t.Errorf("scale %v, mean %v, std %v", got.Scale, got.Mean, got.Std)
	}
}

func TestMetadataRefuses(t *testing.T) {
	tests := map[string]struct {
		metadata map[string]string
		want     string
	}{
		"gray":   {map[string]string{"Image.BitmapPixelFormat": "Gray8"}, "must be Rgb8 or Bgr8"},
		"range":  {map[string]string{"Image.NominalPixelRange": "NominalRange_16_235"}, "must be NominalRange_0_255"},
		"json":   {map[string]string{"pipeline.preprocess": "[]"}, "metadata_props: pipeline.preprocess: must be a JSON object"},
		"params": {map[string]string{"pipeline.params": "many"}, "metadata_props: params: must be a whole number"},
		"imgsz":  {map[string]string{"task": "classify", "imgsz": "[224, 320]"}, "imgsz: must be two equal sides"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := resolve(t, onnxtest.Classifier{Metadata: test.metadata}, nil, modelcard.Card{})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got  %v\nwant %s", err, test.want)
			}
		})
	}
}
