package sources

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"quba/internal/imagenet"
	"quba/pipeline"
	"quba/pipeline/record"
	"quba/pipeline/registry"
)

func humanSetOf(t *testing.T, set string) func(root string) pipeline.Source {
	return func(root string) pipeline.Source {
		return makeSource(t, "model_vs_human", modelVsHumanConfig{Root: root, Set: set})
	}
}

func init() {
	fixtures["model_vs_human"] = func(t *testing.T) fixture {
		root := t.TempDir()
		writePNGs(t, root, "bear/bear1-cat2.png", "airplane/airplane1-airplane2.png", "airplane/airplane10-truck2.png")
		writeFile(t, filepath.Join(root, "manifest.csv"), "a,b\n")
		return fixture{
			source: func() pipeline.Source { return humanSetOf(t, "cue-conflict")(root) },
			add:    func() { writePNGs(t, root, "truck/truck1-oven1.png") },
		}
	}
}

// categories shows labels and cues as words.
func categories(samples []pipeline.Sample) string {
	word := func(class int32) string {
		if class == record.NoClass {
			return "-"
		}
		return imagenet.Categories16(record.First).Classes[class]
	}
	var lines []string
	for _, s := range samples {
		lines = append(lines, fmt.Sprintf("%s=%s/%s", s.ID, word(s.Label), word(s.Cue)))
	}
	return strings.Join(lines, " ")
}

func TestModelVsHumanLayouts(t *testing.T) {
	for _, c := range []struct {
		set   string
		files []string
		want  string
	}{
		{
			"cue-conflict",
			[]string{"cat/cat3-dog1.png", "airplane/airplane1-airplane2.png", "airplane/airplane10-bicycle2.png", "airplane/.x.png", "composed.json", "manifest.csv"},
			"airplane/airplane1-airplane2.png=airplane/airplane airplane/airplane10-bicycle2.png=airplane/bicycle cat/cat3-dog1.png=cat/dog",
		},
		{"cue-conflict", []string{"style-transfer-preprocessed-512/bear/bear1-car2.png", "edges/bear/bear1.png"}, "bear/bear1-car2.png=bear/car"},
		{"cue-conflict", []string{"cue-conflict/bear/bear1-car2.png", "edge/bear/bear1.png"}, "bear/bear1-car2.png=bear/car"},
		{
			"cue-conflict",
			[]string{"dnn/session-1/0001_s5n_dnn_0_airplane_00_airplane1-oven2.png"},
			"session-1/0001_s5n_dnn_0_airplane_00_airplane1-oven2.png=airplane/oven",
		},
		{"edge", []string{"truck/truck1.png", "airplane/airplane8.png"}, "airplane/airplane8.png=airplane/- truck/truck1.png=truck/-"},
		{"edge", []string{"edges/truck/truck1.png"}, "truck/truck1.png=truck/-"},
		{"silhouette", []string{"oven/knife1.png", "oven/sub/dog1.png"}, "oven/knife1.png=oven/- oven/sub/dog1.png=oven/-"},
		{"silhouette", []string{"filled-silhouettes/oven/oven1.png"}, "oven/oven1.png=oven/-"},
		{
			"sketch",
			[]string{"dnn/session-1/0002_ske_dnn_0_dog_00_n1_2.png", "dnn/session-1/0001_ske_dnn_0_keyboard_00_n1_2.png", "dnn/session-2/0001_ske_dnn_0_car_00_x.png"},
			"session-1/0001_ske_dnn_0_keyboard_00_n1_2.png=keyboard/- session-1/0002_ske_dnn_0_dog_00_n1_2.png=dog/- session-2/0001_ske_dnn_0_car_00_x.png=car/-",
		},
		{"sketch", []string{"sketch/dnn/session-1/0001_ske_dnn_0_dog_00_x.png", "stylized/dnn/session-1/0001_sty_dnn_0_cat_00_x.png"}, "session-1/0001_ske_dnn_0_dog_00_x.png=dog/-"},
		{"stylized", []string{"session-1/0001_sty_dnn_0_bird_00_x.png"}, "session-1/0001_sty_dnn_0_bird_00_x.png=bird/-"},
	} {
		root := t.TempDir()
		writePNGs(t, root, c.files...)
		s := humanSetOf(t, c.set)(root)
		got, err := collect(s)
		if err != nil || categories(got) != c.want {
			t.Errorf("%s: got %s, %v\nwant %s", c.set, categories(got), err, c.want)
			continue
		}
		ties := record.First
		if c.set == "cue-conflict" {
			ties = record.Last
		}
		if d := got[0].Decision; got[0].Whole || d.Name != "categories16" || d.Rule != record.Mean || d.Ties != ties {
			t.Errorf("%s: decision %s %s %s, whole %t", c.set, d.Name, d.Rule, d.Ties, got[0].Whole)
		}
	}
}

func TestModelVsHumanLayoutErrors(t *testing.T) {
	t.Run("cue-conflict", func(t *testing.T) {
		const expected = ": expected files such as airplane/airplane1-bicycle2.png; found "
		checkWrongLayouts(t, humanSetOf(t, "cue-conflict"), []wrongLayout{
			{"nothing", nil, expected + "nothing"},
			{"flat", []string{"airplane1-bicycle2.png"}, expected + "no folder but the file airplane1-bicycle2.png"},
			{"wnids", []string{"n01440764/a.png", "n01443537/a.png"}, expected + "the folders n01440764, n01443537"},
			{"zebra", []string{"bear/bear1-cat1.png", "zebra/zebra1-cat1.png"}, expected + "the folder zebra, not named by one of the 16 categories"},
			{"texture", []string{"bear/bear1-zebra1.png"}, expected + "bear/bear1-zebra1.png, whose name does not end in a texture of the 16 categories"},
			{"no texture", []string{"bear/picture.png"}, expected + "bear/picture.png, whose name does not end in a texture of the 16 categories"},
		})
	})
	t.Run("inner folder", func(t *testing.T) {
		checkWrongLayouts(t, humanSetOf(t, "edge"), []wrongLayout{
			{
				"zebra",
				[]string{"edges/bear/bear1.png", "edges/zebra/zebra1.png"},
				": expected files such as airplane/airplane1.png; found the folder zebra in edges, not named by one of the 16 categories",
			},
		})
	})
	t.Run("stylized", func(t *testing.T) {
		const expected = ": expected files such as dnn/session-1/0001_sty_dnn_0_airplane_00_n02690373_1010.png; found "
		checkWrongLayouts(t, humanSetOf(t, "stylized"), []wrongLayout{
			{"categories", []string{"bear/bear1.png", "cat/cat1.png"}, expected + "the folders bear, cat"},
			{"beside", []string{"dnn/session-1/0001_sty_dnn_0_bird_00_x.png", "dnn/other/x.png"}, expected + "the folder other in dnn beside folders of sessions"},
			{"short name", []string{"dnn/session-1/bird_1.png"}, expected + "dnn/session-1/bird_1.png, whose name has no category as the fifth part"},
			{
				"other order",
				[]string{"dnn/session-1/0001_sty_dnn_bird_0_00_x.png"},
				expected + "dnn/session-1/0001_sty_dnn_bird_0_00_x.png, whose name has no category as the fifth part",
			},
		})
	})
}

// A link beside the set does not concern it, a link in its place does.
func TestModelVsHumanLinks(t *testing.T) {
	root, outside := t.TempDir(), t.TempDir()
	writePNGs(t, root, "edge/bear/bear1.png")
	writePNGs(t, outside, "oven/oven1.png")
	for _, name := range []string{"imagenet", "silhouette"} {
		if err := os.Symlink(outside, filepath.Join(root, name)); err != nil {
			t.Fatal(err)
		}
	}
	got, err := collect(humanSetOf(t, "edge")(root))
	if err != nil || categories(got) != "bear/bear1.png=bear/-" {
		t.Errorf("got %s, %v", categories(got), err)
	}
	_, err = collect(humanSetOf(t, "silhouette")(root))
	wantError(t, err, filepath.Join(root, "silhouette")+" is a link to a folder, and those are not followed")
}

func TestModelVsHumanSetMustBeKnown(t *testing.T) {
	_, err := tryMakeSource("model_vs_human", modelVsHumanConfig{Set: "silhouettes"})
	var field *registry.FieldError
	if !errors.As(err, &field) || field.Field != "set" {
		t.Fatalf("error is %v", err)
	}
	wantError(t, err, `did you mean "silhouette"?`)
}

func TestTextureIsTheLastWordOfTheName(t *testing.T) {
	category := rapid.SampledFrom(imagenet.Categories16(record.First).Classes)
	number := rapid.IntRange(0, 999)
	prefix := rapid.SampledFrom([]string{"", "0001_s5n_dnn_0_airplane_00_", "a.b-c_"})
	suffix := rapid.SampledFrom([]string{".png", ".a-b1.png"})
	rapid.Check(t, func(t *rapid.T) {
		texture := category.Draw(t, "texture")
		name := fmt.Sprintf("%s%s%d-%s%d%s", prefix.Draw(t, "prefix"), category.Draw(t, "shape"), number.Draw(t, "n"), texture, number.Draw(t, "m"), suffix.Draw(t, "suffix"))
		if got := textureOf(name); got != texture {
			t.Fatalf("texture of %s is %q, want %q", name, got, texture)
		}
	})
}

func TestModelVsHumanOnRealSample(t *testing.T) {
	data := filepath.Join(sharedFolder(t), "data")
	for set, want := range map[string]struct{ samples, conflicts int }{"cue-conflict": {320, 305}, "edge": {80, 0}, "silhouette": {80, 0}} {
		if _, err := os.Stat(filepath.Join(data, set)); err != nil {
			t.Skip(err)
		}
		for _, root := range []string{data, filepath.Join(data, set)} {
			s := humanSetOf(t, set)(root)
			got, err := collect(s)
			if err != nil || len(got) != want.samples {
				t.Fatalf("%s: %d samples, %v; want %d", set, len(got), err, want.samples)
			}
			conflicts := 0
			for _, s := range got {
				if s.Cue != record.NoClass && s.Cue != s.Label {
					conflicts++
				}
			}
			if conflicts != want.conflicts {
				t.Errorf("%s: %d conflicts, want %d", set, conflicts, want.conflicts)
			}
			if info, err := s.Describe(context.Background()); err != nil || info.Classes != 16 {
				t.Errorf("%s: %+v, %v", set, info, err)
			}
		}
	}
}
