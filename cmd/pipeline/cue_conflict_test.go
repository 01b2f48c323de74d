package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"quba/internal/imagenet"
	"quba/pipeline"
	"quba/pipeline/record"
)

// digits of names say which image it is.
var digits = regexp.MustCompile("[0-9]+")

// readConflict reads a path of a cue-conflict set as model-vs-human does: the
// shape is the folder; the texture is what stands after the last "_", before
// the first "." and after the last "-" of that, without digits.
func readConflict(path string) (shape, texture string) {
	folder, name := filepath.Split(path)
	name = name[strings.LastIndex(name, "_")+1:]
	name, _, _ = strings.Cut(name, ".")
	name = name[strings.LastIndex(name, "-")+1:]
	return filepath.Base(folder), digits.ReplaceAllString(name, "")
}

func conflict(id, cueID string, v pipeline.Variant) pipeline.Sample {
	return pipeline.Sample{ID: id, CueID: cueID, Label: 0, Cue: 1, Variant: v}
}

func TestConflictNames(t *testing.T) {
	style := pipeline.Variant{Perturbation: "stylize_histogram"}
	fog := style.Then("fog", 3)
	categories := imagenet.Categories16(record.First)
	decided := conflict("n01/a.jpg", "some/b.jpg", style)
	decided.Decision, decided.Label, decided.Cue = categories, 7, 14
	var c conflictNames
	for _, step := range []struct {
		sample pipeline.Sample
		want   string
	}{
		{conflict("cat/a.jpg", "dog/x.jpg", style), "cat/cat1-dog1"},
		{conflict("cat/b.jpg", "dog/x.jpg", style), "cat/cat2-dog1"},
		{conflict("cat/b.jpg", "dog/deep/y.jpg", style), "cat/cat2-dog2"},
		{conflict("cat/b.jpg", "bird/x.jpg", style), "cat/cat2-bird1"},
		{conflict("dog/x.jpg", "cat/a.jpg", style), "dog/dog1-cat1"},
		{conflict("cat/a.jpg", "dog/x.jpg", fog), "cat/cat1-dog3"},
		{conflict("n02123045/a.jpg", "n02690373/b.jpg", style), "cat/cat3-airplane1"},
		{decided, "cat/cat4-oven1"},
		{conflict("cat/a.jpg", "", style), ""},
		{conflict("a.jpg", "dog/x.jpg", style), ""},
		{conflict("cat/a.jpg", "x.jpg", style), ""},
		{conflict("n01440764/a.jpg", "dog/x.jpg", style), ""}, // a tench is none of the 16
		{conflict("cat_/a.jpg", "dog/x.jpg", style), ""},
		{conflict("cat/a.jpg", "big-dog/x.jpg", style), ""},
		{conflict("cat/a.jpg", "dog2/x.jpg", style), ""},
		{conflict("../a.jpg", "dog/x.jpg", style), ""},
	} {
		if got := filepath.ToSlash(c.name(step.sample)); got != step.want {
			t.Errorf("%s in the look of %s is named %q, want %q", step.sample.ID, step.sample.CueID, got, step.want)
		}
	}
}

// Every name is another, and gives its classes back.
func TestConflictNamesAreReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		class := rapid.SampledFrom([]string{"cat", "dog", "oven", "big dog", "été"})
		var c conflictNames
		names := map[string]string{}
		for range rapid.IntRange(1, 40).Draw(t, "images") {
			s := conflict(
				fmt.Sprintf("%s/%d.jpg", class.Draw(t, "shape"), rapid.IntRange(0, 5).Draw(t, "content")),
				fmt.Sprintf("%s/%d.jpg", class.Draw(t, "texture"), rapid.IntRange(0, 5).Draw(t, "style")),
				pipeline.Variant{Perturbation: "stylize_fourier", Severity: rapid.Int32Range(0, 2).Draw(t, "severity")})
			name := c.name(s) + ".png"
			shape, texture := readConflict(name)
			if shape+"/" != s.ID[:len(shape)+1] || texture+"/" != s.CueID[:len(texture)+1] {
				t.Fatalf("%s of %s and %s is read as %s and %s", name, s.ID, s.CueID, shape, texture)
			}
			what := fmt.Sprint(s.ID, s.CueID, s.Variant)
			if before, taken := names[name]; taken && before != what {
				t.Fatalf("%s is the name of %s and of %s", name, before, what)
			}
			names[name] = what
		}
	})
}

// The published set has names of this form.
func TestConflictNamesAreThePublishedOnes(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(shared(t), "data", "cue-conflict", "*", "*.png"))
	if err != nil || len(files) == 0 {
		t.Skip("the published cue-conflict images are not in ../shared beside the project")
	}
	form := regexp.MustCompile(`^([a-z]+)[0-9]+-([a-z]+)[0-9]+\.png$`)
	for _, path := range files {
		parts := form.FindStringSubmatch(filepath.Base(path))
		shape, texture := readConflict(path)
		if parts == nil || parts[1] != shape || parts[2] != texture {
			t.Errorf("%s is read as %s and %s", path, shape, texture)
		}
	}
}

func TestSavedConflicts(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "out")
	s, err := newImageSaver(dir, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	style := pipeline.Variant{Perturbation: "stylize_histogram"}
	samples := []pipeline.Sample{conflict("cat/a.jpg", "dog/x.jpg", style), conflict("cat2/b.jpg", "dog/x.jpg", style)}
	for i := range samples {
		samples[i].Image = plainImage(2, 2, 1, 2, 3)
	}
	if err := s.Save(samples); err != nil {
		t.Fatal(err)
	}
	if err := s.Finish(); err != nil {
		t.Fatal(err)
	}
	manifest, err := os.ReadFile(filepath.Join(dir, manifestName))
	if err != nil {
		t.Fatal(err)
	}
	want := "path,label,cue,perturbation,severity,id,cue_id\n" +
		"cat/cat1-dog1.png,0,1,stylize_histogram,0,cat/a.jpg,dog/x.jpg\n" +
		"cat2/b_stylize_histogram.png,0,1,stylize_histogram,0,cat2/b.jpg,dog/x.jpg\n"
	if string(manifest) != want {
		t.Errorf("the manifest is\n%s, want\n%s", manifest, want)
	}
	if text := s.Summary(); !strings.HasPrefix(text, "2 images, 1 named as cue conflicts") || !strings.Contains(text, `1 cue conflicts are not named`) {
		t.Errorf("summary is %q", text)
	}
}
