package stages

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"quba/internal/imagenet"
	"quba/internal/imaging"
	"quba/pipeline"
	"quba/pipeline/pipelinetest"
	"quba/pipeline/record"
)

// styleStage is a stylize stage over a folder with pictures at these paths.
func styleStage(t *testing.T, cues string, paths ...string) pipeline.Stage {
	t.Helper()
	c := defaultsOf[stylizeConfig](t, "stylize")
	c.Styles, c.Cues, c.Method = styleTree(t, paths...), cues, "histogram"
	return makeStage(t, "stylize", c)
}

func styleTree(t *testing.T, paths ...string) string {
	folder := t.TempDir()
	for i, path := range paths {
		writePicture(t, filepath.Join(folder, path), pipelinetest.Picture(5, 4, uint64(i)))
	}
	return folder
}

func openError(t *testing.T, s pipeline.Stage) error {
	t.Helper()
	return s.(pipeline.Opener).Open(t.Context(), &pipeline.Run{})
}

// The style's class becomes the cue; styles of the image's own class are not
// used, and all others are.
func TestStylizeMakesCueConflicts(t *testing.T) {
	for cues, classes := range map[string]map[string]int32{
		"folders":      {"ant/1.png": 0, "cat/2.png": 1, "dog/a/3.png": 2},
		"categories16": {"bear/1.png": 1, "cat/2.png": 7, "truck/a/3.png": 15},
		"index":        {"0/1.png": 0, "300/2.png": 300, "04/3.png": 4},
		"imagenet":     {"n01440764/1.png": 0, "n02123045/2.png": 281, "n15075141/3.png": 999},
	} {
		var paths []string
		for path := range classes {
			paths = append(paths, path)
		}
		s := styleStage(t, cues, paths...)
		open(t, s, "standard")
		own := classes[paths[0]]
		seen := map[int32]bool{}
		for i := range 40 {
			in := still(8, 8)
			in.ID, in.Label = fmt.Sprint(i), own
			out := apply(t, s, in)[0]
			if out.Label != own {
				t.Fatalf("%s: label became %d", cues, out.Label)
			}
			seen[out.Cue] = true
		}
		for path, class := range classes {
			if seen[class] != (class != own) {
				t.Errorf("%s: class %d of %s is used: %v; the image's own is %d", cues, class, path, seen[class], own)
			}
		}
		if len(seen) != 2 {
			t.Errorf("%s: cues are %v", cues, seen)
		}
	}
}

// Ranks of folders are no categories: with three of them, cat would be taken
// for bird.
func TestStylizeRefusesCuesOfOtherClassesThanTheDecision(t *testing.T) {
	in := still(8, 8)
	in.Label, in.Decision = 0, imagenet.Categories16(record.Last)
	folders := styleStage(t, "folders", "airplane/1.png", "bear/2.png", "cat/3.png")
	open(t, folders, "standard")
	if _, err := folders.Apply(t.Context(), in); err == nil || errors.Is(err, pipeline.ErrUnusable) || !strings.Contains(err.Error(), "3 classes, airplane ... cat; they must be the 16 of the images' decision categories16") {
		t.Errorf("error is %v", err)
	}
	categories := styleStage(t, "categories16", "airplane/1.png", "cat/3.png")
	open(t, categories, "standard")
	if out := apply(t, categories, in)[0]; out.Cue != 7 {
		t.Errorf("cue is %d, want 7, a cat", out.Cue)
	}
	in.Decision = imagenet.ImageNet9()
	if _, err := categories.Apply(t.Context(), in); err == nil || !strings.Contains(err.Error(), "decision imagenet_9, dog ... fish") {
		t.Errorf("error is %v", err)
	}
}

func TestStylizeWithoutCues(t *testing.T) {
	s := styleStage(t, "none", "1.png", "x/2.png", ".hidden/3.png")
	open(t, s, "standard")
	if n := len(s.(*stylize).styles.files); n != 2 {
		t.Errorf("%d styles, want the 2 that are not hidden", n)
	}
	out := apply(t, s, still(8, 8))[0]
	if out.Cue != record.NoClass || out.Variant.Perturbation != "stylize_histogram" {
		t.Errorf("cue is %d, variant %v", out.Cue, out.Variant)
	}
}

func TestStylizeFolders(t *testing.T) {
	for words, s := range map[string]pipeline.Stage{
		"has no image":                  styleStage(t, "none"),
		"must lie in the folder":        styleStage(t, "folders", "1.png"),
		`did you mean "truck"?`:         styleStage(t, "categories16", "truk/1.png"),
		"named by whole numbers from 0": styleStage(t, "index", "cat/1.png"),
	} {
		if err := openError(t, s); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("error is %v, want one with %q", err, words)
		}
	}
}

func TestStylizeOfOneClassOnly(t *testing.T) {
	s := styleStage(t, "index", "7/1.png")
	open(t, s, "standard")
	if _, err := s.Apply(t.Context(), still(8, 8)); !errors.Is(err, pipeline.ErrUnusable) {
		t.Errorf("error is %v", err)
	}
}

// A broken style is not the image's fault: it ends the run.
func TestStylizeWithABrokenStyle(t *testing.T) {
	s := styleStage(t, "none", "1.png")
	broken := filepath.Join(s.(*stylize).config.Styles, "1.png")
	if err := os.WriteFile(broken, []byte("no picture"), 0o600); err != nil {
		t.Fatal(err)
	}
	open(t, s, "standard")
	_, err := s.Apply(t.Context(), still(8, 8))
	if err == nil || errors.Is(err, pipeline.ErrUnusable) || !strings.Contains(err.Error(), broken) {
		t.Errorf("error is %v", err)
	}
}

func TestStylizeMustBeOpened(t *testing.T) {
	if _, err := styleStage(t, "none", "1.png").Apply(t.Context(), still(8, 8)); err == nil {
		t.Error("no error")
	}
}

func TestStylizeRefusesUnknownMethods(t *testing.T) {
	c := defaultsOf[stylizeConfig](t, "stylize")
	c.Method = "histogramm"
	_, err := tryMakeStage("stylize", c)
	wantFieldError(t, err, "method")
}

// In its own style an image stays what it is, give or take a level.
func TestStylizeInItsOwnStyle(t *testing.T) {
	m := still(31, 22).Image
	for method, f := range stylizers {
		if d := worstLevel(f(m, m, stylizeConfig{Beta: 0.1}), m); d > 1 {
			t.Errorf("%s: a level is off by %d", method, d)
		}
	}
}

func worstLevel(a, b *imaging.Image) int {
	worst := 0
	for i, v := range a.Pix {
		worst = max(worst, abs(int(v)-int(b.Pix[i])))
	}
	return worst
}

// TestStylizeCuesFollowTheDecision: of styles in wnid folders, only those of
// another category make a cue conflict of a sample that is labelled by category.
func TestStylizeCuesFollowTheDecision(t *testing.T) {
	const (
		persian, airliner, tench = "n02123394", "n02690373", "n01440764"
		cat, airplane            = 7, 0
	)
	s := styleStage(t, "imagenet", persian+"/1.png", airliner+"/2.png", tench+"/3.png")
	open(t, s, "standard")
	for i := range 20 {
		in := still(8, 8)
		in.ID, in.Label, in.Decision = fmt.Sprint(i), cat, imagenet.Categories16(record.Last)
		if out := apply(t, s, in)[0]; out.Cue != airplane {
			t.Fatalf("cue %d from %s, want %d", out.Cue, out.CueID, airplane)
		}
	}
}
