package main

import (
	"runtime/debug"
	"slices"
	"testing"

	"quba/pipeline"
)

func TestPassesText(t *testing.T) {
	for _, c := range []struct {
		name string
		p    pipeline.PipelineOverview
		want string
	}{
		{"known", pipeline.PipelineOverview{Images: 2, Variants: 3, ForwardPasses: 6}, "6"},
		{"only the run tells", pipeline.PipelineOverview{Images: 2}, "?"},
		{"no images", pipeline.PipelineOverview{}, "0"},
		{"no usable model", pipeline.PipelineOverview{Images: 2, Variants: 1}, "0"},
	} {
		if got := passesText(c.p); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

func TestOverviewSummary(t *testing.T) {
	o := pipeline.Overview{Decodes: 7, Models: []pipeline.ModelOverview{
		{Name: "a", Preprocessing: "resize 224"},
		{Name: "b", Preprocessing: "resize 299"},
		{Name: "c", Preprocessing: "resize 224"},
		{Name: "d", Error: "unreadable"},
		{Name: "e", Error: "unreadable"},
	}}
	o.Pipelines = []pipeline.PipelineOverview{{Name: "edges", AtMost: true}, {Name: "clean"}, {Name: "sketches", AtMost: true}}
	want := "images decoded: 7, once for all models\npreprocessing shared by a, c: resize 224\n" +
		"fewer forward passes for edges, sketches: images of classes that the decision does not have are left out\n"
	if got := overviewSummary(o); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestModuleVersions(t *testing.T) {
	got := moduleVersions([]*debug.Module{
		{Path: "github.com/apache/arrow/go/v17", Version: "v17.0.0"},
		{Path: "github.com/spf13/cobra", Version: "v1.10.2"},
		{Path: "github.com/yalue/onnxruntime_go", Version: "v1.27.0", Replace: &debug.Module{Path: "../ort"}},
	})
	want := []finding{
		{"github.com/apache/arrow/go/v17", "v17.0.0", true},
		{"github.com/yalue/onnxruntime_go", "v1.27.0 replaced by ../ort", true},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
