package stages

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"quba/internal/corruption"
	"quba/internal/imaging"
	"quba/pipeline"
	"quba/pipeline/pipelinetest"
)

func corruptionDefaults(t testing.TB) corruptionConfig {
	return defaultsOf[corruptionConfig](t, "corruption")
}

// one is a stage of one kind and severity.
func oneCorruption(t testing.TB, kind string, change func(*corruptionConfig)) pipeline.Stage {
	c := corruptionDefaults(t)
	c.Kinds, c.Severities = []string{kind}, []int{3}
	if change != nil {
		change(&c)
	}
	return makeStage(t, "corruption", c)
}

func TestCorruptionMakesEachKindAndSeverity(t *testing.T) {
	c := corruptionDefaults(t)
	c.Kinds, c.Severities, c.Storage = []string{"extra", "contrast", "fog"}, []int{1, 4}, "none"
	s := makeStage(t, "corruption", c)
	want := "fog:1 fog:4 contrast:1 contrast:4 speckle_noise:1 speckle_noise:4 gaussian_blur:1 gaussian_blur:4 spatter:1 spatter:4 saturate:1 saturate:4 "
	if got := severities(apply(t, s, still(64, 48))); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// What the stage makes is the library's corruption of the cropped image with
// the sample's own numbers, stored.
func TestCorruptionIsThatOfTheCroppedImage(t *testing.T) {
	in := still(320, 280)
	got := apply(t, oneCorruption(t, "gaussian_noise", nil), in)[0]
	cropped, err := imaging.Transform{
		Mode: imaging.ResizeShorter, ResizeH: 256, Filter: imaging.Bilinear, CropW: 224, CropH: 224,
	}.Apply(in.Image)
	if err != nil {
		t.Fatal(err)
	}
	kind := corruption.Select([]string{"gaussian_noise"})[0]
	want, err := kind.Corrupt(cropped, 3, corruption.NewDraws(in.Rand("corruption gaussian_noise 3")), corruption.Options{})
	if err != nil {
		t.Fatal(err)
	}
	bare := apply(t, oneCorruption(t, "gaussian_noise", func(c *corruptionConfig) { c.Storage = "none" }), in)[0]
	if !bytes.Equal(bare.Image.Pix, want.Pix) {
		t.Error("storage: none differs from the corruption itself")
	}
	if err := corruption.StoreJPEG(want, want, 85); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Image.Pix, want.Pix) {
		t.Error("storage: jpeg85 differs from a JPEG of quality 85")
	}
}

func TestCorruptionOfAnySize(t *testing.T) {
	whole := func(c *corruptionConfig) { c.Crop = 0 }
	out := apply(t, oneCorruption(t, "brightness", whole), still(31, 77))[0]
	if out.Image.W != 31 || out.Image.H != 77 || out.Whole {
		t.Errorf("crop: 0 gives %dx%d, whole %v", out.Image.W, out.Image.H, out.Whole)
	}
}

// A whole image, such as that of a corruption before, is not cropped again,
// whatever the protocol.
func TestCorruptionCropsOnce(t *testing.T) {
	for _, protocol := range []string{"standard", "quba-code"} {
		s := oneCorruption(t, "brightness", nil)
		open(t, s, protocol)
		out := apply(t, s, still(300, 300))[0]
		if !out.Whole || out.Image.W != 224 || out.Image.H != 224 {
			t.Errorf("%s: whole is %v, size %dx%d", protocol, out.Whole, out.Image.W, out.Image.H)
		}
	}
	in := still(100, 90)
	in.Whole = true
	out := apply(t, oneCorruption(t, "brightness", nil), in)[0]
	if !out.Whole || out.Image.W != 100 || out.Image.H != 90 {
		t.Errorf("a whole sample became %dx%d, whole %v", out.Image.W, out.Image.H, out.Whole)
	}
}

// Each sample, seed, kind and severity has numbers of its own, whatever else
// is run.
func TestCorruptionNumbers(t *testing.T) {
	c := corruptionDefaults(t)
	c.Kinds, c.Severities, c.Storage, c.Crop = []string{"gaussian_noise", "speckle_noise"}, []int{2, 3}, "none", 0
	in := still(40, 40)
	all := apply(t, makeStage(t, "corruption", c), in)
	alone := apply(t, oneCorruption(t, "gaussian_noise", func(c *corruptionConfig) { c.Storage, c.Crop = "none", 0 }), in)[0]
	if !bytes.Equal(all[1].Image.Pix, alone.Image.Pix) {
		t.Error("the subset that is run changes the result")
	}
	for name, change := range map[string]func(*pipeline.Sample){
		"seed": func(s *pipeline.Sample) { s.Seed++ },
		"ID":   func(s *pipeline.Sample) { s.ID += "x" },
	} {
		other := in
		change(&other)
		if bytes.Equal(apply(t, makeStage(t, "corruption", c), other)[1].Image.Pix, alone.Image.Pix) {
			t.Errorf("another %s gives the same noise", name)
		}
	}
}

func TestCorruptionNamesProceduralFrost(t *testing.T) {
	if got := apply(t, oneCorruption(t, "frost", nil), still(230, 230))[0].Variant.Perturbation; got != "frost_procedural" {
		t.Errorf("frost without textures is called %q", got)
	}
	folder := t.TempDir()
	for i := range 5 {
		name := fmt.Sprintf("frost%d.%s", i+1, []string{"png", "jpg"}[i/3])
		writePicture(t, filepath.Join(folder, name), pipelinetest.Picture(300, 260, uint64(i)))
	}
	s := oneCorruption(t, "frost", func(c *corruptionConfig) { c.FrostDir = folder })
	open(t, s, "standard")
	if got := apply(t, s, still(230, 230))[0].Variant.Perturbation; got != "frost" {
		t.Errorf("frost with textures is called %q", got)
	}
	empty := oneCorruption(t, "frost", func(c *corruptionConfig) { c.FrostDir = t.TempDir() })
	if err := empty.(pipeline.Opener).Open(context.Background(), &pipeline.Run{}); err == nil || !strings.Contains(err.Error(), "frost1.png") {
		t.Errorf("a folder without textures: %v", err)
	}
}

func TestCorruptionOptions(t *testing.T) {
	for _, c := range []struct {
		change func(*corruptionConfig)
		field  string
		words  string
	}{
		{func(c *corruptionConfig) { c.Kinds = []string{"fog", "snwo"} }, "kinds[1]", `did you mean "snow"?`},
		{func(c *corruptionConfig) { c.Kinds = []string{"imagenet_c"} }, "kinds[0]", `did you mean "imagenet-c"?`},
		{func(c *corruptionConfig) { c.Crop = 300 }, "crop", "at most resize (256), got 300"},
		{func(c *corruptionConfig) { c.Kinds, c.FrostDir = []string{"fog"}, "x" }, "frost_dir", "no effect without frost"},
	} {
		config := corruptionDefaults(t)
		c.change(&config)
		_, err := tryMakeStage("corruption", config)
		wantFieldError(t, err, c.field)
		if err != nil && !strings.Contains(err.Error(), c.words) {
			t.Errorf("error %q lacks %q", err, c.words)
		}
	}
}

func TestCorruptionStopsWhenCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := makeDefault(t, "corruption").Apply(ctx, still(20, 20)); !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v", err)
	}
}

func TestCorruptionDefaultIsTheBenchmark(t *testing.T) {
	s := makeDefault(t, "corruption").(*corruptions)
	if s.Variants() != 75 {
		t.Errorf("%d variants, want 75", s.Variants())
	}
	if slices.ContainsFunc(s.kinds, func(k corruption.Corruption) bool { return k.Extra }) {
		t.Error("an extra corruption is among the 15")
	}
}
