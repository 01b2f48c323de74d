package modelcard

import (
	"testing"

	"quba/internal/onnxfile"
	"quba/internal/onnxfile/onnxtest"
)

func FuzzSideCar(f *testing.F) {
	f.Add([]byte(`{"preprocess": {"resize_exact": [8, 8], "no_crop": true, "interpolation": "box", "scale": "none", "mean": [0, 0, 0], "std": [1, 1, 1], "color": "BGR"}, "class_order": "none"}`))
	f.Add([]byte("preprocess:\n  resize_shorter_side: 10\n  center_crop: 8\n  scale: 1e308\n  mean: [.inf, 1, 2]\n"))
	f.Add([]byte("a: &a [*a]"))
	f.Add([]byte("? [1, 2]\n: 3\n1: 2"))
	fuzzReader(f, decodeYAML, func(o *object, _ Card) (Card, error) { return readSideCar(o, "") })
}

func FuzzSideCarJSON(f *testing.F) {
	f.Add([]byte(`{"preprocess": {"pad_color": [0, 256, 1.5], "mean": [1, 2]}, "input": null, "params": 1.5, "x": {"y": 1}}`))
	fuzzReader(f, decodeJSON, func(o *object, _ Card) (Card, error) { return readSideCar(o, "") })
}

func FuzzPreprocessorConfig(f *testing.F) {
	f.Add([]byte(`{"image_processor_type": "ConvNextImageProcessor", "size": {"shortest_edge": 224}, "crop_pct": 0.875, "resample": 3}`))
	f.Add([]byte(`{"size": 224, "feature_extractor_type": "ViT", "image_mean": [0, 0, "x"], "crop_size": {}}`))
	fuzzReader(f, decodeJSON, func(o *object, _ Card) (Card, error) { return readPreprocessor(o) })
}

func FuzzConfig(f *testing.F) {
	f.Add([]byte(`{"pretrained_cfg": {"input_size": [3, 224, 224], "crop_pct": 0.9}, "id2label": {"0": "tench"}}`))
	f.Add([]byte(`{"pretrained_cfg": {"crop_mode": "border", "mean": [9, -9, 1e300], "test_input_size": [3]}, "id2label": []}`))
	fuzzReader(f, decodeJSON, readConfig)
}

func FuzzMetadata(f *testing.F) {
	f.Add(`{"mean": [1, 2, 3]}`, "[8, 8]", `{0: 'tench', 1: "it's"}`)
	f.Fuzz(func(t *testing.T, preprocess, imgsz, names string) {
		card, err := readMetadata(map[string]string{
			"pipeline.preprocess": preprocess, "task": "classify", "imgsz": imgsz, "names": names,
		}, "")
		if err == nil {
			checkAccepted(t, card)
		}
	})
}

func fuzzReader(f *testing.F, decode func([]byte) (map[string]any, error), read func(*object, Card) (Card, error)) {
	f.Fuzz(func(t *testing.T, data []byte) {
		values, err := decode(data)
		if err != nil {
			return
		}
		graph, err := readGraph(fuzzModel(t), Card{})
		if err != nil {
			t.Fatal(err)
		}
		card, err := read(newObject("file", values), graph)
		if err == nil {
			checkAccepted(t, card)
		}
	})
}

// checkAccepted completes a card that a reader accepted: nothing panics, and
// a complete one is possible.
func checkAccepted(t *testing.T, card Card) {
	file := fuzzModel(t)
	graph, err := readGraph(file, card)
	if err != nil {
		return
	}
	card, err = card.complete(file, graph)
	card.Facts()
	if err != nil {
		_ = err.Error()
		return
	}
	if err := card.Transform().Validate(); err != nil {
		t.Fatalf("accepted, but %v", err)
	}
	if card.ImageSize() != (Size{8, 8}) {
		t.Fatalf("accepted images of %s for a graph of 8x8", card.ImageSize())
	}
}

// fuzzModel is a classifier of 8x8 pixels.
func fuzzModel(t *testing.T) *onnxfile.File {
	file, err := onnxfile.Parse(onnxtest.Classifier{Classes: 4}.Model().Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return file
}
