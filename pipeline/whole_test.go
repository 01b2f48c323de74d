package pipeline_test

import (
	"strings"
	"sync"
	"testing"

	"quba/internal/imaging"
	"quba/pipeline"
	"quba/pipeline/pipelinetest"
)

// What is whole is resized to the model's input and not cropped, but for the
// protocol of the authors' code, which crops again.
func TestWholeImagesAreNotCropped(t *testing.T) {
	crop := pipeline.Transform{Mode: imaging.ResizeShorter, ResizeH: 6, Filter: imaging.Bilinear, CropW: 4, CropH: 4}
	for _, tt := range []struct {
		protocol string
		want     pipeline.Transform
	}{
		{"standard", pipeline.Transform{Mode: imaging.ResizeExact, ResizeW: 4, ResizeH: 4, Filter: imaging.Bilinear}},
		{"quba-code", crop},
	} {
		b := newBench(t)
		var mu sync.Mutex
		inputs := map[string]*pipeline.Image{}
		b.stage("whole", func(s pipeline.Sample) ([]pipeline.Sample, error) {
			s.Whole = true
			mu.Lock()
			defer mu.Unlock()
			inputs[s.ID] = s.Image
			return []pipeline.Sample{s}, nil
		})
		m := b.model("a", &pipelinetest.FakeModel{Classes: 3, Batch: 4, Transform: crop})
		m.OnInfer = func(s pipeline.Sample) {
			mu.Lock()
			defer mu.Unlock()
			want, err := tt.want.Apply(inputs[s.ID])
			if err != nil {
				t.Error(err)
				return
			}
			if string(want.Pix) != string(s.Image.Pix) || want.W != s.Image.W {
				t.Errorf("%s: %s is not what %s gives", tt.protocol, s.ID, tt.want)
			}
		}
		text := "protocol: " + tt.protocol + strings.ReplaceAll(oneModel, "stages: []", "stages: [{type: whole}]")
		if _, err := b.run(t.Context(), text, pipeline.RunOptions{}); err != nil {
			t.Fatal(err)
		}
	}
}
