package sources

import (
	"context"
	"testing"

	"quba/pipeline"
)

func imageNetSketchOf(t *testing.T) func(root string) pipeline.Source {
	return func(root string) pipeline.Source {
		return makeSource(t, "imagenet_sketch", imageNetSketchConfig{Root: root})
	}
}

func init() {
	fixtures["imagenet_sketch"] = func(t *testing.T) fixture {
		root := t.TempDir()
		writePNGs(t, root, "sketch/n15075141/sketch_1.png", "sketch/n01440764/sketch_0.png")
		return fixture{
			source: func() pipeline.Source { return imageNetSketchOf(t)(root) },
			add:    func() { writePNGs(t, root, "sketch/n01443537/sketch_2.png") },
		}
	}
}

// IDs and digest are the same whether the folder sketch is the root or in it.
func TestImageNetSketchInBothPlaces(t *testing.T) {
	var infos []pipeline.SourceInfo
	for _, inner := range []string{"", "sketch/"} {
		root := t.TempDir()
		writePNGs(t, root, inner+"n15075141/sketch_1.png", inner+"n01440764/sketch_0.png", "readme.txt")
		s := imageNetSketchOf(t)(root)
		got, err := collect(s)
		if want := "n01440764/sketch_0.png=0 n15075141/sketch_1.png=999"; err != nil || ids(got) != want {
			t.Errorf("%q: got %s, %v; want %s", inner, ids(got), err, want)
		}
		info, err := s.Describe(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		infos = append(infos, info)
	}
	if a, b := infos[0], infos[1]; a.Digest != b.Digest || a.Classes != 1000 || a.Decision != nil {
		t.Errorf("got %+v and %+v", a, b)
	}
}

func TestImageNetSketchLayoutErrors(t *testing.T) {
	const expected = ": expected files such as sketch/n01440764/sketch_0.JPEG; found "
	checkWrongLayouts(t, imageNetSketchOf(t), []wrongLayout{
		{"nothing", nil, expected + "nothing"},
		{"empty", []string{"sketch/sketch_0.JPEG"}, expected + "no folder but the file sketch_0.JPEG in sketch"},
		{"names", []string{"sketch/tench/a.JPEG"}, expected + "the folder tench in sketch, which no wnid of ImageNet names"},
		{"other folder", []string{"sketches/n01440764/a.JPEG"}, expected + "the folder sketches, which no wnid of ImageNet names"},
	})
}
