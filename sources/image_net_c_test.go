package sources

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"quba/pipeline"
	"quba/pipeline/registry"
)

func init() {
	fixtures["image_net_c"] = func(t *testing.T) fixture {
		root := t.TempDir()
		writeImageNetC(t, root, "fog snow", 1, 2)
		return fixture{
			source: func() pipeline.Source {
				return makeSource(t, "image_net_c", imageNetCOf(root, "fog snow", 1, 2))
			},
			add: func() { writePNGs(t, root, "fog/2/n01443537/c.png") },
		}
	}
}

func imageNetCOf(root string, kinds string, severities ...int) imageNetCConfig {
	return imageNetCConfig{Root: root, Kinds: strings.Fields(kinds), Severities: severities}
}

// writeImageNetC writes the same two images for each corruption and severity.
func writeImageNetC(t *testing.T, root string, kinds string, severities ...int) {
	t.Helper()
	for _, kind := range strings.Fields(kinds) {
		for _, severity := range severities {
			writePNGs(t, filepath.Join(root, kind, fmt.Sprint(severity)), "n15075141/b.png", "n01440764/a.png")
		}
	}
}

func TestImageNetCOrder(t *testing.T) {
	root := t.TempDir()
	writeImageNetC(t, root, "fog gaussian_noise spatter", 1, 3)
	got, err := collect(makeSource(t, "image_net_c", imageNetCOf(root, "fog gaussian_noise", 3, 1)))
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, s := range got {
		lines = append(lines, fmt.Sprintf("%s/%d %s=%d", s.Variant.Perturbation, s.Variant.Severity, s.ID, s.Label))
		if !s.Whole {
			t.Errorf("%s is not whole", s.Path)
		}
	}
	const want = `gaussian_noise/1 n01440764/a.png=0
gaussian_noise/1 n15075141/b.png=999
gaussian_noise/3 n01440764/a.png=0
gaussian_noise/3 n15075141/b.png=999
fog/1 n01440764/a.png=0
fog/1 n15075141/b.png=999
fog/3 n01440764/a.png=0
fog/3 n15075141/b.png=999`
	if strings.Join(lines, "\n") != want {
		t.Errorf("got\n%s", strings.Join(lines, "\n"))
	}
}

func TestImageNetCKinds(t *testing.T) {
	for kinds, want := range map[string]int{"imagenet-c": 15, "extra": 4, "all": 19, "extra fog": 5, "fog imagenet-c": 15} {
		if got := imageNetCOf("", kinds).corruptions(); len(got) != want {
			t.Errorf("%s: %d corruptions, want %d", kinds, len(got), want)
		}
	}
	_, err := tryMakeSource("image_net_c", imageNetCOf("", "fog frog", 1))
	var field *registry.FieldError
	if !errors.As(err, &field) || field.Field != "kinds[1]" {
		t.Fatalf("error is %v", err)
	}
	wantError(t, err, `did you mean "fog"`)
}

func TestImageNetCLayoutErrors(t *testing.T) {
	const expected = "expected files such as fog/1/n01440764/ILSVRC2012_val_00000293.JPEG"
	for name, c := range map[string]struct {
		prepare func(root string)
		words   []string
	}{
		"nothing":     {func(string) {}, []string{expected, "no folder fog, but no folder"}},
		"groups":      {func(root string) { writeImageNetC(t, filepath.Join(root, "weather"), "fog", 1, 2) }, []string{expected, "no folder fog, but the folder weather"}},
		"no severity": {func(root string) { writeImageNetC(t, root, "fog", 1) }, []string{expected, "no folder fog/2, but in fog the folder 1"}},
		"no wnids": {func(root string) {
			writeImageNetC(t, root, "fog", 1, 2)
			writePNGs(t, root, "fog/2/cat/x.png")
		}, []string{expected, "found the folder cat in fog/2, which no wnid of ImageNet names"}},
		"no classes": {func(root string) {
			writeImageNetC(t, root, "fog", 1)
			writePNGs(t, root, "fog/2/x.png")
		}, []string{expected, "found no folder but the file x.png in fog/2"}},
		"linked": {func(root string) {
			writeImageNetC(t, root, "fog", 1, 2)
			if err := os.Symlink(filepath.Join(root, "fog", "1"), filepath.Join(root, "fog", "3")); err != nil {
				t.Fatal(err)
			}
		}, []string{"is a link to a folder"}},
		"no images": {func(root string) {
			writeImageNetC(t, root, "fog", 1)
			if err := os.MkdirAll(filepath.Join(root, "fog", "2", "n01440764"), 0o755); err != nil {
				t.Fatal(err)
			}
		}, []string{filepath.Join("fog", "2"), "found no image in the folder n01440764"}},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			c.prepare(root)
			s := makeSource(t, "image_net_c", imageNetCOf(root, "fog", 1, 2))
			_, err := collect(s)
			wantError(t, err, append(c.words, root)...)
			_, err = s.Describe(context.Background())
			wantError(t, err, c.words...)
		})
	}
}

func TestImageNetCReadsTheRightVariant(t *testing.T) {
	root := t.TempDir()
	for severity, text := range map[string]string{"1": "one", "2": "two"} {
		writeFile(t, filepath.Join(root, "snow", severity, "n01440764", "a.jpeg"), text)
	}
	want := map[pipeline.Variant]string{{Perturbation: "snow", Severity: 1}: "one", {Perturbation: "snow", Severity: 2}: "two"}
	for s, err := range makeSource(t, "image_net_c", imageNetCOf(root, "snow", 1, 2)).Samples(context.Background()) {
		if err != nil {
			t.Fatal(err)
		}
		data, err := readSample(s)
		if err != nil || string(data) != want[s.Variant] {
			t.Errorf("%v: read %q, %v", s.Variant, data, err)
		}
	}
}
