package sources

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"quba/pipeline"
	"quba/pipeline/record"
)

func imageNet9Of(t *testing.T, variant string) func(root string) pipeline.Source {
	return func(root string) pipeline.Source {
		return makeSource(t, "imagenet_9", imageNet9Config{Root: root, Variant: variant})
	}
}

func init() {
	fixtures["imagenet_9"] = func(t *testing.T) fixture {
		root := t.TempDir()
		writePNGs(t, root, "mixed_rand/val/08_fish/a.png", "mixed_rand/val/00_dog/b.png", "mixed_same/val/00_dog/b.png")
		writeFile(t, filepath.Join(root, composedFile), `{"composed_by": "x", "note": "y"}`)
		return fixture{
			source: func() pipeline.Source { return imageNet9Of(t, "mixed_rand")(root) },
			add:    func() { writePNGs(t, root, "mixed_rand/val/01_bird/c.png") },
		}
	}
}

// IDs and labels are the same with and without the folder val; a class that is
// missing does not move the others.
func TestImageNet9Labels(t *testing.T) {
	for _, inner := range []string{"", "val/"} {
		root := t.TempDir()
		writePNGs(t, root, "no_fg/"+inner+"08_fish/a.png", "no_fg/"+inner+"02_wheeled vehicle/b.png", "only_fg/val/00_dog/c.png", "manifest.csv")
		s := imageNet9Of(t, "no_fg")(root)
		got, err := collect(s)
		if want := "02_wheeled vehicle/b.png=2 08_fish/a.png=8"; err != nil || ids(got) != want {
			t.Errorf("%q: got %s, %v; want %s", inner, ids(got), err, want)
		}
		info, err := s.Describe(context.Background())
		if err != nil || info.Classes != 9 || info.Decision == nil || info.Decision.Name != "imagenet_9" || info.Notes != nil {
			t.Errorf("%q: %+v, %v", inner, info, err)
		}
	}
}

func TestImageNet9SaysThatItIsComposed(t *testing.T) {
	for text, want := range map[string]string{
		`{"composed_by": "compose-backgrounds", "note": "n"}`: "",
		`{"note": "n"}`: "composed.json: must be the JSON object that compose-backgrounds writes: has no composed_by",
		`[`:             "composed.json: must be the JSON object that compose-backgrounds writes: unexpected end",
	} {
		root := t.TempDir()
		writePNGs(t, root, "mixed_same/val/00_dog/a.png")
		writeFile(t, filepath.Join(root, composedFile), text)
		info, err := imageNet9Of(t, "mixed_same")(root).Describe(context.Background())
		if want != "" {
			wantError(t, err, root, want)
			continue
		}
		if err != nil || !slices.Equal(info.Notes, []string{"composed from the user's own images, not the published ImageNet-9"}) {
			t.Errorf("notes %q, %v", info.Notes, err)
		}
	}
}

func TestImageNet9LayoutErrors(t *testing.T) {
	const expected = ": expected files such as mixed_same/val/00_dog/fg_n02085620_10074_bg_n02085782_1039.JPEG; found "
	checkWrongLayouts(t, imageNet9Of(t, "mixed_same"), []wrongLayout{
		{"nothing", nil, expected + "no folder mixed_same, but nothing"},
		{"nested", []string{"bg_challenge/mixed_same/val/00_dog/a.JPEG"}, expected + "no folder mixed_same, but the folder bg_challenge"},
		{
			"other variant",
			[]string{"mixed_rand/val/00_dog/a.JPEG", "original/val/00_dog/a.JPEG"},
			expected + "no folder mixed_same, but the folders mixed_rand, original",
		},
		{"flat", []string{"mixed_same/val/a.JPEG"}, expected + "no folder but the file a.JPEG in mixed_same/val"},
		{
			"names",
			[]string{"mixed_same/val/dog/a.JPEG", "mixed_same/val/09_cat/a.JPEG", "mixed_same/val/00_dog/a.JPEG", "mixed_same/val/1_bird/a.JPEG"},
			expected + "the folders 09_cat, 1_bird, dog in mixed_same/val, whose name does not begin with 00_ to 08_",
		},
	})
}

func TestImageNet9OnRealSample(t *testing.T) {
	root := filepath.Join(sharedFolder(t), "data", "in9-mini")
	if _, err := os.Stat(root); err != nil {
		t.Skip(err)
	}
	for _, variant := range []string{"mixed_same", "mixed_rand"} {
		got, err := collect(imageNet9Of(t, variant)(root))
		if err != nil || len(got) != 68 {
			t.Fatalf("%d samples, %v", len(got), err)
		}
		for _, s := range got {
			if s.Label < 0 || s.Label > 8 || !strings.HasPrefix(s.ID, "0"+string(rune('0'+s.Label))+"_") || s.Cue != record.NoClass {
				t.Errorf("%s has label %d, cue %d", s.ID, s.Label, s.Cue)
			}
		}
	}
}
