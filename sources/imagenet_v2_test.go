package sources

import (
	"context"
	"testing"

	"quba/pipeline"
)

func imageNetV2Of(t *testing.T) func(root string) pipeline.Source {
	return func(root string) pipeline.Source { return makeSource(t, "imagenet_v2", imageNetV2Config{Root: root}) }
}

func init() {
	fixtures["imagenet_v2"] = func(t *testing.T) fixture {
		root := t.TempDir()
		writePNGs(t, root, "10/a.png", "9/b.png", "0/c.png")
		return fixture{
			source: func() pipeline.Source { return imageNetV2Of(t)(root) },
			add:    func() { writePNGs(t, root, "999/d.png") },
		}
	}
}

// Labels are the numbers, not the ranks of their texts.
func TestImageNetV2Labels(t *testing.T) {
	root := t.TempDir()
	writePNGs(t, root, "10/a.png", "9/b.png", "2/c.png", "999/d.png")
	s := imageNetV2Of(t)(root)
	got, err := collect(s)
	if err != nil {
		t.Fatal(err)
	}
	if want := "10/a.png=10 2/c.png=2 9/b.png=9 999/d.png=999"; ids(got) != want {
		t.Errorf("got %s, want %s", ids(got), want)
	}
	if info, err := s.Describe(context.Background()); err != nil || info.Classes != 1000 || info.Decision != nil {
		t.Errorf("%+v, %v", info, err)
	}
}

func TestImageNetV2LayoutErrors(t *testing.T) {
	const expected = ": expected files such as 0/0af3f1b55de791c4144e2fb6d7dfe96dfc22d3fc.jpeg; found "
	checkWrongLayouts(t, imageNetV2Of(t), []wrongLayout{
		{"nothing", nil, expected + "nothing"},
		{"flat", []string{"b.jpeg", "a.jpeg"}, expected + "no folder but the files a.jpeg, b.jpeg"},
		{"wnids", []string{"n01440764/a.jpeg", "5/b.jpeg"}, expected + "the folder n01440764, not named by a class index of 0 to 999"},
		{
			"numbers",
			[]string{"1000/a.jpeg", "-1/a.jpeg", "07/a.jpeg", "+7/a.jpeg", "7/a.jpeg"},
			expected + "the folders +7, -1, 07, 1000, not named by a class index of 0 to 999",
		},
	})
}
