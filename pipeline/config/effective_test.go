package config_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.yaml.in/yaml/v3"
	"pgregory.net/rapid"

	"quba/pipeline/config"
	"quba/pipeline/registry"
)

func TestEffective(t *testing.T) {
	dir := exampleDir(t)
	text := strings.Replace(example, "root: data/", `root: "${env:DATA}/`, 1)
	text = strings.Replace(text, "val, labels", `val", labels`, 1) + "out: results\n"
	c := parse(t, dir, text, config.Options{Environ: []string{"DATA=data", "PIPELINE_WORKERS=2"}})
	if _, err := compile(c); err != nil {
		t.Fatal(err)
	}
	got, err := config.Effective(c)
	if err != nil {
		t.Fatal(err)
	}
	want := strings.ReplaceAll(`seed: 0
protocol: standard
models:
  - name: lite0
    type: onnx
    path: DIR/models/efficientnet_lite0.onnx
pipelines:
  - name: clean
    source:
      type: image_folder
      labels: imagenet
      root: DIR/data/imagenet-sample/val
sinks:
  - type: predictions
  - type: scores
    metric: accuracy
    "on":
      clean: clean
max_bad_fraction: 0.001
max_pixels: 67108864
out: DIR/results
workers: 2
log_level: info
`, "DIR", dir)
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Error(diff)
	}
}

func TestHash(t *testing.T) {
	hash := func(text string, o config.Options) string {
		t.Helper()
		return config.Hash(parse(t, t.TempDir(), text, o))
	}
	base := hash(example, config.Options{})
	if len(base) != 64 {
		t.Fatalf("got %q", base)
	}
	for name, same := range map[string]string{
		"layout":          "# comment\n" + strings.Replace(example, "{type: predictions}", "\n    type: predictions", 1),
		"order of keys":   strings.Replace(example, "metric: accuracy, on: {clean: clean}", "on: {clean: clean}, metric: accuracy", 1),
		"default written": example + "protocol: standard\n",
		"machine":         example + "workers: 7\nout: elsewhere\nlog_level: debug\n",
	} {
		if hash(same, config.Options{}) != base {
			t.Errorf("%s changes the hash", name)
		}
	}
	for name, other := range map[string]string{
		"seed":       strings.Replace(example, "seed: 0", "seed: 1", 1),
		"protocol":   example + "protocol: quba-code\n",
		"model name": strings.Replace(example, "name: lite0", "name: lite1", 1),
		"model type": strings.Replace(example, "name: lite0", "name: lite0, type: other", 1),
		"option":     strings.Replace(example, "labels: imagenet", "labels: folders", 1),
		"sample":     strings.Replace(example, "- name: clean", "- name: clean\n    sample: 5", 1),
		"limit":      strings.Replace(example, "- name: clean", "- name: clean\n    limit: 5", 1),
		"new sink":   example + "  - {type: predictions}\n",
	} {
		if hash(other, config.Options{}) == base {
			t.Errorf("%s does not change the hash", name)
		}
	}
	rooted := strings.Replace(example, "root: data/imagenet-sample/val", `root: "${env:DATA}/val"`, 1)
	if hash(rooted, config.Options{Environ: []string{"DATA=/a"}}) != hash(rooted, config.Options{Environ: []string{"DATA=/b"}}) {
		t.Error("the folder of a machine changes the hash")
	}
}

// TestRoundTrip makes configs of random values, and expects the effective
// config to mean the same and to be its own effective config.
func TestRoundTrip(t *testing.T) {
	dir := exampleDir(t)
	rapid.Check(t, func(t *rapid.T) {
		text, err := yaml.Marshal(randomConfig(t))
		if err != nil {
			t.Fatal(err)
		}
		first, firstOptions, firstText := load(t, dir, text)
		// Absolute paths do not depend on the folder.
		second, secondOptions, secondText := load(t, os.TempDir(), firstText)
		opts := cmp.Options{
			cmpopts.IgnoreUnexported(config.Config{}), cmpopts.IgnoreTypes(registry.Raw{}),
			cmp.AllowUnexported(noiseOptions{}),
		}
		if diff := cmp.Diff(first, second, opts); diff != "" {
			t.Fatalf("%s\n%s", diff, text)
		}
		if diff := cmp.Diff(firstOptions, secondOptions, opts); diff != "" {
			t.Fatalf("%s\n%s", diff, text)
		}
		if diff := cmp.Diff(string(firstText), string(secondText)); diff != "" {
			t.Fatal(diff)
		}
	})
}

func load(t *rapid.T, dir string, text []byte) (config.Config, decoded, []byte) {
	c, err := config.Parse("random.yaml", dir, text, config.Options{})
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	options, err := compile(c)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	effective, err := config.Effective(c)
	if err != nil {
		t.Fatal(err)
	}
	return c, options, effective
}

func randomConfig(t *rapid.T) map[string]any {
	var models, names []any
	for i := range rapid.IntRange(1, 3).Draw(t, "models") {
		name := fmt.Sprintf("%s%d", rapid.StringMatching(`[A-Za-z0-9][A-Za-z0-9._-]{0,8}`).Draw(t, "name"), i)
		names = append(names, name)
		models = append(models, map[string]any{"name": name, "path": "models/efficientnet_lite0.onnx", "batch": rapid.IntRange(1, 256).Draw(t, "batch")})
	}
	c := map[string]any{
		"seed":             rapid.Uint64().Draw(t, "seed"),
		"protocol":         rapid.SampledFrom([]string{"standard", "quba-code"}).Draw(t, "protocol"),
		"max_bad_fraction": rapid.Float64Range(0, 1).Draw(t, "fraction"),
		"max_pixels":       rapid.Int64Min(1).Draw(t, "pixels"),
		"workers":          rapid.IntMin(0).Draw(t, "workers"),
		"out":              rapid.StringMatching(`[a-z #:'"]{1,6}x`).Draw(t, "out"),
		"models":           models,
		"pipelines":        []any{randomPipeline(t, names)},
		"sinks": []any{
			map[string]any{"type": "predictions"},
			map[string]any{"type": "scores", "metric": "calibration_error", "options": map[string]any{"bins": rapid.IntMin(2).Draw(t, "bins")}},
		},
	}
	return c
}

func randomPipeline(t *rapid.T, models []any) map[string]any {
	// Text of all kinds: what looks like a number, a boolean or YAML syntax
	// must stay text.
	text := rapid.OneOf(
		rapid.SampledFrom([]string{"", "1", "1e3", "0x1f", "yes", "true", "null", "~", "2020-01-01", "a: b", "- a", "#", "<<", "*a", "a\nb", " a ", "é\t"}),
		rapid.StringMatching(`[ -~]{0,12}`).Filter(func(s string) bool { return !strings.Contains(s, "${env:") }),
	)
	stage := map[string]any{
		"type":       "noise",
		"scale":      rapid.Float64Range(1e-9, 10).Draw(t, "scale"),
		"clip":       rapid.Bool().Draw(t, "clip"),
		"severities": rapid.SliceOfNDistinct(rapid.IntRange(1, 5), 1, 5, rapid.ID[int]).Draw(t, "severities"),
		"timeout":    fmt.Sprintf("%dms", rapid.IntRange(0, 1<<30).Draw(t, "timeout")),
		"weights":    rapid.MapOfN(rapid.StringMatching(`[ -~]{1,6}`), rapid.Int(), 0, 3).Draw(t, "weights"),
		"textures":   []string{".", "data"},
	}
	return map[string]any{
		"name":   rapid.StringMatching(`[A-Za-z0-9][A-Za-z0-9_-]{0,8}`).Draw(t, "pipeline"),
		"source": map[string]any{"type": "image_folder", "root": filepath.Join("data", "imagenet-sample"), "labels": text.Draw(t, "labels")},
		"stages": []any{stage},
		"models": models,
		"sample": rapid.IntMin(0).Draw(t, "sample"),
		"limit":  rapid.IntMin(0).Draw(t, "limit"),
	}
}
