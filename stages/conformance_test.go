package stages

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"reflect"
	"sync"
	"testing"

	"quba/internal/imaging"
	"quba/pipeline"
	"quba/pipeline/config"
	"quba/pipeline/pipelinetest"
	"quba/pipeline/registry"
)

// variations has the configs that a stage is tested with, for those that need
// more than their defaults.
var variations = map[string]func(t *testing.T) map[string]pipeline.Stage{
	"corruption": func(t *testing.T) map[string]pipeline.Stage {
		c := corruptionConfig{
			Kinds: []string{"all"}, Severities: []int{2}, Variant: "imagenet-c", Storage: "jpeg85", Resize: 48, Crop: 40,
		}
		fork := c
		fork.Variant, fork.Storage, fork.Crop = "imagecorruptions", "none", 0
		return map[string]pipeline.Stage{
			"benchmark": makeStage(t, "corruption", c),
			"fork":      makeStage(t, "corruption", fork),
		}
	},
	"decision": func(t *testing.T) map[string]pipeline.Stage {
		return map[string]pipeline.Stage{"imagenet_9": makeStage(t, "decision", decisionConfig{Among: "imagenet_9", Rule: "mean"})}
	},
	"sketch": func(t *testing.T) map[string]pipeline.Stage {
		c := defaultsOf[sketchConfig](t, "sketch")
		c.Method = "dodge"
		return map[string]pipeline.Stage{"xdog": makeDefault(t, "sketch"), "dodge": makeStage(t, "sketch", c)}
	},
	"stylize": func(t *testing.T) map[string]pipeline.Stage {
		folder := t.TempDir()
		for _, name := range []string{"cat/1.png", "cat/2.png", "dog/3.png"} {
			writePicture(t, filepath.Join(folder, name), pipelinetest.Picture(9, 7, uint64(len(name)+int(name[4]))))
		}
		made := map[string]pipeline.Stage{}
		for method := range stylizers {
			c := defaultsOf[stylizeConfig](t, "stylize")
			c.Method, c.Styles, c.Cues = method, folder, "categories16"
			made[method] = makeStage(t, "stylize", c)
		}
		return made
	},
}

func makeStage[C any](t testing.TB, name string, c C) pipeline.Stage {
	t.Helper()
	s, err := tryMakeStage(name, c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// tryMakeStage builds a stage through its registry entry.
func tryMakeStage[C any](name string, c C) (pipeline.Stage, error) {
	entry, err := Stages.Lookup(name)
	if err != nil {
		return nil, err
	}
	return entry.New(func(into any) error {
		*into.(*C) = c
		return nil
	})
}

func makeDefault(t testing.TB, name string) pipeline.Stage {
	t.Helper()
	entry, err := Stages.Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	s, err := entry.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// isAttack holds for no stage with required options: attacks have none.
func isAttack(t testing.TB, name string) bool {
	t.Helper()
	entry, err := Stages.Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	s, err := entry.New(nil)
	if err != nil {
		return false
	}
	_, is := s.(pipeline.Attack)
	return is
}

func defaultsOf[C any](t testing.TB, name string) C {
	t.Helper()
	entry, err := Stages.Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	return entry.Defaults.(C)
}

// open opens a stage that needs it.
func open(t testing.TB, s pipeline.Stage, protocol string) {
	t.Helper()
	if o, ok := s.(pipeline.Opener); ok {
		if err := o.Open(context.Background(), &pipeline.Run{Protocol: protocol}); err != nil {
			t.Fatal(err)
		}
	}
}

// apply runs a stage on one image.
func apply(t testing.TB, s pipeline.Stage, in pipeline.Sample) []pipeline.Sample {
	t.Helper()
	out, err := s.Apply(context.Background(), in)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// still is a sample with a textured object on a plain background.
func still(w, h int) pipeline.Sample {
	m := imaging.New(w, h)
	texture := pipelinetest.Picture(w, h, 7)
	for i := range m.Pix {
		x, y := i/3%w, i/3/w
		m.Pix[i] = 230
		if x > w/4 && x < 3*w/4 && y > h/4 && y < 3*h/4 {
			m.Pix[i] = texture.Pix[i] / 2
		}
	}
	return pipeline.Sample{ID: "cat/still.jpg", Label: 7, Cue: -1, Seed: 3, Image: m}
}

func writePicture(t testing.TB, path string, m *imaging.Image) {
	t.Helper()
	picture := image.NewRGBA(image.Rect(0, 0, m.W, m.H))
	for i := range m.W * m.H {
		picture.Set(i%m.W, i/m.W, color.RGBA{R: m.Pix[3*i], G: m.Pix[3*i+1], B: m.Pix[3*i+2], A: 255})
	}
	var b bytes.Buffer
	if err := errors.Join(png.Encode(&b, picture), os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, b.Bytes(), 0o600)); err != nil {
		t.Fatal(err)
	}
}

// eachStage runs a test for every registered stage and variation but attacks,
// which have tests of their own: they are nothing without a model.
func eachStage(t *testing.T, test func(t *testing.T, s pipeline.Stage)) {
	for _, name := range Stages.Names() {
		if isAttack(t, name) {
			continue
		}
		made := func(t *testing.T) map[string]pipeline.Stage {
			return map[string]pipeline.Stage{"default": makeDefault(t, name)}
		}
		if f, ok := variations[name]; ok {
			made = f
		}
		for variation, s := range made(t) {
			t.Run(name+"/"+variation, func(t *testing.T) {
				open(t, s, "standard")
				test(t, s)
			})
		}
	}
}

func TestStagesConform(t *testing.T) {
	eachStage(t, func(t *testing.T, s pipeline.Stage) {
		in := still(60, 52)
		before := in.Image.Clone()
		want := apply(t, s, in)
		if !bytes.Equal(in.Image.Pix, before.Pix) {
			t.Fatal("the input was written to")
		}
		if m, ok := s.(pipeline.Multiplier); !ok || m.Variants() != len(want) || len(want) == 0 {
			t.Errorf("%d samples, and Variants disagrees or is missing", len(want))
		}
		seen := map[pipeline.Variant]bool{}
		for _, out := range want {
			label := in.Label
			if d, ok := s.(pipeline.Decider); ok {
				label = d.Decision().Label(label)
			}
			if out.Label != label || out.ID != in.ID || out.Seq != in.Seq || out.Seed != in.Seed {
				t.Errorf("%v: label, ID or seed changed", out.Variant)
			}
			if seen[out.Variant] {
				t.Errorf("two samples have the variant %v", out.Variant)
			}
			seen[out.Variant] = true
			if len(out.Image.Pix) != 3*out.Image.W*out.Image.H {
				t.Errorf("%v: %d bytes for %dx%d", out.Variant, len(out.Image.Pix), out.Image.W, out.Image.H)
			}
		}
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				got, err := s.Apply(context.Background(), in)
				if err != nil || !reflect.DeepEqual(got, want) {
					t.Errorf("beside others the result differs: %v", err)
				}
			})
		}
		wg.Wait()
	})
}

// A stage comes after others: what they did stays in the variant, and a
// sample that is whole stays whole.
func TestStagesChain(t *testing.T) {
	eachStage(t, func(t *testing.T, s pipeline.Stage) {
		in := still(40, 40)
		in.Variant, in.Whole = pipeline.Variant{Perturbation: "before", Severity: 2}, true
		for _, out := range apply(t, s, in) {
			if !out.Whole || len(out.Variant.Perturbation) < len("before") || out.Variant.Perturbation[:6] != "before" {
				t.Errorf("whole is %v and the variant %v", out.Whole, out.Variant)
			}
		}
	})
}

func TestStagesTakeSmallImages(t *testing.T) {
	eachStage(t, func(t *testing.T, s pipeline.Stage) {
		for _, size := range [][2]int{{1, 1}, {5, 3}, {3, 5}, {1, 9}, {2, 1}} {
			in := still(size[0], size[1])
			out, err := s.Apply(context.Background(), in)
			if err != nil && !errors.Is(err, pipeline.ErrUnusable) {
				t.Errorf("%v: %v", size, err)
			}
			if err == nil && len(out) == 0 {
				t.Errorf("%v: neither a sample nor an error", size)
			}
		}
	})
}

// Options are decoded by their tags: a wrong one is found here.
func TestStageOptionsAreDocumented(t *testing.T) {
	for _, entry := range Stages.Entries() {
		for _, o := range config.Describe(entry.Defaults) {
			if o.Doc == "" {
				t.Errorf("%s.%s has no description", entry.Name, o.Name)
			}
		}
	}
}

// wantFieldError checks that an error is about one key of the options.
func wantFieldError(t *testing.T, err error, field string) {
	t.Helper()
	var f *registry.FieldError
	if !errors.As(err, &f) || f.Field != field {
		t.Errorf("error is %v, want one about %s", err, field)
	}
}

func severities(samples []pipeline.Sample) string {
	text := ""
	for _, s := range samples {
		text += fmt.Sprintf("%s:%d ", s.Variant.Perturbation, s.Variant.Severity)
	}
	return text
}
