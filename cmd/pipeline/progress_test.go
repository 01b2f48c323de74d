package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"quba/pipeline"
)

// TestPlainProgress: predictions measure the work where their number is known,
// and what was taken over says nothing of the speed.
func TestPlainProgress(t *testing.T) {
	tests := map[string]struct {
		now  pipeline.Progress
		want string
	}{
		"known":   {pipeline.Progress{Pipelines: []string{"a"}, Images: 10, TotalImages: 20, Rows: 100, TotalRows: 1000}, "a: 10/20 images, 100/1000 predictions, 5.0 predictions/s, ETA 3m0s"},
		"unknown": {pipeline.Progress{Pipelines: []string{"a"}, Images: 10, TotalImages: 20, Rows: 100}, "a: 10/20 images, 0.5 images/s, 100 predictions, ETA 20s"},
		"resumed": {
			pipeline.Progress{Pipelines: []string{"a"}, Images: 10, TotalImages: 20, Rows: 700, TotalRows: 1000, Resumed: pipeline.Resumed{Times: 1, Images: 9, Rows: 600}},
			"a: 10/20 images, 700/1000 predictions, 5.0 predictions/s, ETA 1m0s",
		},
		"resumed, unknown": {
			pipeline.Progress{Pipelines: []string{"a"}, Images: 10, TotalImages: 20, Rows: 70, Resumed: pipeline.Resumed{Times: 1, Images: 5, Rows: 60}},
			"a: 10/20 images, 0.2 images/s, 70 predictions, ETA 40s",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			p := newProgress(&out)
			p.began = time.Now().Add(-20 * time.Second)
			p.printed = p.began
			p.Update(test.now)
			if got := strings.TrimSpace(out.String()); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}
