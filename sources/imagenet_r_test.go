package sources

import (
	"context"
	"testing"

	"quba/pipeline"
)

func imageNetROf(t *testing.T) func(root string) pipeline.Source {
	return func(root string) pipeline.Source { return makeSource(t, "imagenet_r", imageNetRConfig{Root: root}) }
}

func init() {
	fixtures["imagenet_r"] = func(t *testing.T) fixture {
		root := t.TempDir()
		writePNGs(t, root, "n12267677/art_0.png", "n01443537/sketch_1.png", "n01443537/art_0.png")
		return fixture{
			source: func() pipeline.Source { return imageNetROf(t)(root) },
			add:    func() { writePNGs(t, root, "n01443537/toy_2.png") },
		}
	}
}

// Labels are ranks among the 200 wnids also where folders are missing.
func TestImageNetRLabels(t *testing.T) {
	root := t.TempDir()
	writePNGs(t, root, "n12267677/art_0.png", "n01443537/b.png", "n01443537/a/1.png", "n01443537/.c.png", "n01443537/d.txt", "README.txt")
	s := imageNetROf(t)(root)
	got, err := collect(s)
	if err != nil {
		t.Fatal(err)
	}
	if want := "n01443537/a/1.png=0 n01443537/b.png=0 n12267677/art_0.png=199"; ids(got) != want {
		t.Errorf("got %s, want %s", ids(got), want)
	}
	info, err := s.Describe(context.Background())
	if err != nil || info.Classes != 200 || info.Decision == nil || info.Decision.Name != "imagenet_r" {
		t.Errorf("%+v, %v", info, err)
	}
}

func TestImageNetRLayoutErrors(t *testing.T) {
	const expected = ": expected files such as n01443537/art_0.jpg; found "
	checkWrongLayouts(t, imageNetROf(t), []wrongLayout{
		{"nothing", nil, expected + "nothing"},
		{"flat", []string{"art_0.jpg"}, expected + "no folder but the file art_0.jpg"},
		{"nested", []string{"imagenet-r/n01443537/art_0.jpg"}, expected + "the folder imagenet-r, which no wnid of ImageNet names"},
		{
			"other classes",
			[]string{"n01443537/a.jpg", "n01440764/a.jpg", "n01580077/a.jpg"},
			expected + "the folders n01440764, n01580077, of ImageNet but not of the 200 classes here",
		},
		{
			"no images",
			[]string{"n01443537/a.txt"},
			": found no image in the folder n01443537; looked for files named *.jpg, *.jpeg, *.png, *.webp, *.bmp, *.tif, *.tiff, *.gif",
		},
	})
}
