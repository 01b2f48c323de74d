package stages_test

import (
	"context"
	"encoding/json"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"

	"quba/pipeline"
	"quba/pipeline/record"
	"quba/stages"
)

// goldenImage is what a reference implementation made of one image.
type goldenImage struct {
	File   string    `json:"file"`
	Argmax int32     `json:"argmax"`
	Top5   []int     `json:"top5"`
	Logits []float64 `json:"top5_logits"`
}

// TestOnnxSharedModels runs the four real classifiers on the PNG images of
// the goldens, which decode exactly everywhere.
func TestOnnxSharedModels(t *testing.T) {
	const shared = "../../shared"
	goldens, _ := filepath.Glob(filepath.Join(shared, "golden", "models", "*.json"))
	if len(goldens) == 0 {
		t.Skip("the third-party models and images of ../shared are not here")
	}
	for _, path := range goldens {
		name := strings.TrimSuffix(filepath.Base(path), ".json")
		t.Run(name, func(t *testing.T) {
			var golden struct {
				Images []goldenImage `json:"per_image_cue_png"`
			}
			text, err := os.ReadFile(path)
			check(t, err)
			check(t, json.Unmarshal(text, &golden))
			model, err := open(t, stages.OnnxConfig{
				Path: filepath.Join(shared, "models", name+".onnx"), Batch: 8,
				Probe: stages.OnnxProbe{Timeout: time.Minute, MemoryMB: 4096},
			})
			check(t, err)
			info, err := model.Describe(context.Background())
			check(t, err)
			var samples []pipeline.Sample
			for _, g := range golden.Images {
				image, err := info.Transform.Apply(decodePNG(t, filepath.Join(shared, "data", g.File)))
				check(t, err)
				samples = append(samples, pipeline.Sample{ID: g.File, Image: image, Label: record.NoClass, Cue: record.NoClass})
			}
			var outputs [][]float32
			for chunk := range slices.Chunk(samples, info.BatchSize) {
				rows, err := model.Outputs(context.Background(), chunk)
				check(t, err)
				outputs = append(outputs, rows[:len(chunk)]...)
			}
			rec := infer(t, model, samples, true)
			for i, g := range golden.Images {
				compareGolden(t, rec, i, outputs[i], g)
			}
		})
	}
}

func compareGolden(t *testing.T, rec arrow.Record, row int, output []float32, want goldenImage) {
	t.Helper()
	view, err := record.NewView(rec)
	check(t, err)
	if view.Top1(row) != want.Argmax {
		t.Errorf("%s: top-1 %d, want %d", want.File, view.Top1(row), want.Argmax)
	}
	for k, class := range want.Top5 {
		if got := float64(output[class]); math.Abs(got-want.Logits[k]) > 1e-3 {
			t.Errorf("%s: logit of class %d is %g, want %g", want.File, class, got, want.Logits[k])
		}
		// Among the top five, the probabilities follow from the logits.
		ratio := math.Exp(want.Logits[k] - want.Logits[0])
		if got := float64(view.Probabilities(row)[class] / view.Confidence(row)); math.Abs(got-ratio) > 2e-3*ratio {
			t.Errorf("%s: class %d has %g of the top probability, want %g", want.File, class, got, ratio)
		}
	}
}

func decodePNG(t *testing.T, path string) *pipeline.Image {
	t.Helper()
	file, err := os.Open(path)
	check(t, err)
	defer file.Close()
	decoded, err := png.Decode(file)
	check(t, err)
	size := decoded.Bounds().Size()
	image := &pipeline.Image{W: size.X, H: size.Y}
	for y := range size.Y {
		for x := range size.X {
			r, g, b, _ := decoded.At(x, y).RGBA()
			image.Pix = append(image.Pix, byte(r>>8), byte(g>>8), byte(b>>8))
		}
	}
	return image
}
