package sources

import (
	"context"
	"testing"

	"quba/pipeline"
)

func imageNetAOf(t *testing.T) func(root string) pipeline.Source {
	return func(root string) pipeline.Source { return makeSource(t, "imagenet_a", imageNetAConfig{Root: root}) }
}

func init() {
	fixtures["imagenet_a"] = func(t *testing.T) fixture {
		root := t.TempDir()
		writePNGs(t, root, "n12267677/0.1_acorn_0.9.png", "n01498041/0.2_ray _ ray_0.8.png")
		return fixture{
			source: func() pipeline.Source { return imageNetAOf(t)(root) },
			add:    func() { writePNGs(t, root, "n01498041/0.3_ray_0.8.png") },
		}
	}
}

func TestImageNetALabels(t *testing.T) {
	root := t.TempDir()
	writePNGs(t, root, "n12267677/a.png", "n01498041/b.png", "README.txt")
	s := imageNetAOf(t)(root)
	got, err := collect(s)
	if err != nil {
		t.Fatal(err)
	}
	if want := "n01498041/b.png=0 n12267677/a.png=199"; ids(got) != want {
		t.Errorf("got %s, want %s", ids(got), want)
	}
	info, err := s.Describe(context.Background())
	if err != nil || info.Classes != 200 || info.Decision == nil || info.Decision.Name != "imagenet_a" {
		t.Errorf("%+v, %v", info, err)
	}
}

func TestImageNetALayoutErrors(t *testing.T) {
	const expected = ": expected files such as n01498041/0.000116_digital clock _ digital clock_0.865662.jpg; found "
	checkWrongLayouts(t, imageNetAOf(t), []wrongLayout{
		{"nothing", nil, expected + "nothing"},
		{
			"classes of ImageNet-R",
			[]string{"n01498041/a.jpg", "n01443537/a.jpg"},
			expected + "the folder n01443537, of ImageNet but not of the 200 classes here",
		},
		{"names", []string{"stingray/a.jpg"}, expected + "the folder stingray, which no wnid of ImageNet names"},
	})
}
