package config_test

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.yaml.in/yaml/v3"

	"quba/pipeline/config"
	"quba/pipeline/registry"
)

const example = `seed: 0
models:
  - {name: lite0, path: models/efficientnet_lite0.onnx}
pipelines:
  - name: clean
    source: {type: image_folder, root: data/imagenet-sample/val, labels: imagenet}
sinks:
  - {type: predictions}
  - {type: scores, metric: accuracy, on: {clean: clean}}
`

// exampleDir is a folder where the paths of the example exist.
func exampleDir(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	for _, folder := range []string{"models", "data/imagenet-sample/val"} {
		if err := os.MkdirAll(filepath.Join(dir, folder), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "models/efficientnet_lite0.onnx"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	return dir
}

// parse is config.Parse for a config that must be right.
func parse(t testing.TB, dir, text string, o config.Options) config.Config {
	t.Helper()
	c, err := config.Parse("test.yaml", dir, []byte(text), o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// minimal has no component whose options are looked at.
const minimal = `models: [{name: m}]
pipelines: [{name: p, source: {type: s}}]
sinks: [{type: k}]
`

func TestExampleLoadsAsItStands(t *testing.T) {
	dir := exampleDir(t)
	file := filepath.Join(dir, "c.yaml")
	if err := os.WriteFile(file, []byte(example), 0o666); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(file, config.Options{})
	if err != nil {
		t.Fatal(err)
	}
	all, err := compile(c)
	if err != nil {
		t.Fatal(err)
	}
	want := decoded{
		"models[0]":           &onnxOptions{Path: filepath.Join(dir, "models/efficientnet_lite0.onnx"), Batch: 32},
		"pipelines[0].source": &folderOptions{Root: filepath.Join(dir, "data/imagenet-sample/val"), Labels: "imagenet"},
		"sinks[0]":            &predictionsOptions{},
		"sinks[1]":            &scoresOptions{Metric: "accuracy", On: map[string]string{"clean": "clean"}},
	}
	if diff := cmp.Diff(want, all, cmpopts.IgnoreTypes(registry.Raw{})); diff != "" {
		t.Error(diff)
	}
	if m := c.Models[0]; m.Name != "lite0" || m.Type != "onnx" {
		t.Errorf("got model %q of type %q", m.Name, m.Type)
	}
	if p := c.Pipelines[0]; p.Name != "clean" || p.Path != "pipelines[0]" || p.Models != nil {
		t.Errorf("got pipeline %+v", p)
	}
	if c.Protocol != "standard" || c.MaxPixels != 64<<20 || c.MaxBadFraction != 0.001 || c.LogLevel != "info" {
		t.Errorf("defaults are missing: %+v", c)
	}
}

func TestLayers(t *testing.T) {
	text := minimal + "seed: 1\nworkers: 2\nlog_level: warn\n"
	environ := []string{"PIPELINE_WORKERS=3", "PIPELINE_LOG_LEVEL=error", "PIPELINE_PROBE_CHILD=1", "PIPELINE_OUT=", "OTHER=x"}
	tests := []struct {
		name    string
		options config.Options
		seed    uint64
		workers int
		level   string
	}{
		{"file", config.Options{}, 1, 2, "warn"},
		{"environment", config.Options{Environ: environ}, 1, 3, "error"},
		{"flags", config.Options{Environ: environ, Flags: map[string]any{"workers": 4, "seed": uint64(math.MaxUint64)}}, math.MaxUint64, 4, "error"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := parse(t, t.TempDir(), text, test.options)
			if c.Seed != test.seed || c.Workers != test.workers || c.LogLevel != test.level || c.Out != "" {
				t.Errorf("got seed %d, workers %d, level %s, out %q", c.Seed, c.Workers, c.LogLevel, c.Out)
			}
		})
	}
}

func TestPathsOfTheShellStartInTheWorkingDirectory(t *testing.T) {
	dir, elsewhere := t.TempDir(), t.TempDir()
	t.Chdir(elsewhere)
	for _, test := range []struct {
		name    string
		options config.Options
		want    string
	}{
		{"file", config.Options{}, filepath.Join(dir, "a")},
		{"environment", config.Options{Environ: []string{"PIPELINE_OUT=b"}}, filepath.Join(elsewhere, "b")},
		{"flag", config.Options{Flags: map[string]any{"out": "c/${env:X}"}}, filepath.Join(elsewhere, "c/${env:X}")},
		{"absolute", config.Options{Flags: map[string]any{"out": dir}}, dir},
	} {
		t.Run(test.name, func(t *testing.T) {
			if c := parse(t, dir, minimal+"out: a\n", test.options); c.Out != test.want {
				t.Errorf("got %s, want %s", c.Out, test.want)
			}
		})
	}
}

func TestIssuesOutsideTheFile(t *testing.T) {
	_, err := config.Parse("test.yaml", t.TempDir(), []byte(minimal), config.Options{
		Environ: []string{"PIPELINE_WORKRES=1", "PIPELINE_SEED=1", "PIPELINE_WORKERS=many"},
		Flags:   map[string]any{"log_level": "loud", "models": "x"},
	})
	want := []string{
		`--log-level: must be debug, info, warn or error, got "loud"`,
		`--models: models is not a setting of the machine; write it in the config`,
		`PIPELINE_SEED: seed changes results, so it cannot come from the environment; write it in the config`,
		`PIPELINE_WORKERS: must be a whole number, got text "many"`,
		`PIPELINE_WORKRES: unknown variable "PIPELINE_WORKRES"; did you mean "PIPELINE_WORKERS"?`,
	}
	if diff := cmp.Diff(strings.Join(want, "\n"), err.Error()); diff != "" {
		t.Error(diff)
	}
}

func TestEnvironmentIsCheckedBesideABrokenFile(t *testing.T) {
	c, err := config.Parse("test.yaml", t.TempDir(), []byte("a: [\n"), config.Options{Environ: []string{"PIPELINE_WORKERS=-1", "PIPELINE_LOG_LEVEL=debug"}})
	if got := err.Error(); !strings.Contains(got, "PIPELINE_WORKERS: must be at least 0, got -1") || !strings.Contains(got, `test.yaml:1:4: not valid YAML: this "[" is not closed`) {
		t.Errorf("got %s", got)
	}
	if c.LogLevel != "debug" || c.Protocol != "standard" {
		t.Errorf("got level %q and protocol %q", c.LogLevel, c.Protocol)
	}
}

func TestExpansionHappensOnce(t *testing.T) {
	c := parse(t, t.TempDir(), minimal+"out: ${env:A}/${env:B}x\n", config.Options{Environ: []string{"A=/a", "B=${env:A}"}})
	if c.Out != "/a/${env:A}x" {
		t.Errorf("got %s", c.Out)
	}
}

func TestUnreadableFiles(t *testing.T) {
	dir := t.TempDir()
	for name, words := range map[string]string{
		filepath.Join(dir, "none.yaml"): "no such file",
		dir:                             "is a directory",
		os.DevNull:                      "is a pipe or a device; give a regular file",
	} {
		c, err := config.Load(name, config.Options{})
		var issues config.Issues
		if !errors.As(err, &issues) || len(issues) != 1 || !strings.HasPrefix(err.Error(), name+": cannot be read: ") {
			t.Fatalf("got %v", err)
		}
		if !strings.Contains(err.Error(), words) {
			t.Errorf("got %v", err)
		}
		if c.Protocol != "standard" {
			t.Error("the config is not the default one")
		}
	}
}

func TestByteOrderMarkAndLineEnds(t *testing.T) {
	c := parse(t, t.TempDir(), "\ufeff"+strings.ReplaceAll("seed: 7\n"+minimal, "\n", "\r\n"), config.Options{})
	if c.Seed != 7 || len(c.Sinks) != 1 {
		t.Errorf("got %+v", c)
	}
}

// TestBigHonestConfig has far more values than aliases may repeat.
func TestBigHonestConfig(t *testing.T) {
	var b strings.Builder
	b.WriteString("models: [{name: m}]\npipelines:\n")
	for i := range 2_000 {
		fmt.Fprintf(&b, "  - {name: p%d, source: {type: image_folder, root: data}, stages: [{type: noise, severities: [1, 2, 3, 4, 5]}], limit: 10}\n", i)
	}
	b.WriteString("sinks:\n")
	for i := range 2_000 {
		fmt.Fprintf(&b, "  - {type: scores, metric: accuracy, on: {clean: p%d, corrupted: p%d}}\n", i, i)
	}
	c := parse(t, t.TempDir(), b.String(), config.Options{})
	if len(c.Pipelines) != 2_000 || len(c.Sinks) != 2_000 {
		t.Errorf("got %d pipelines and %d sinks", len(c.Pipelines), len(c.Sinks))
	}
}

// TestAliasesAreCounted shares one list of 9 values so often that the limit
// is just reached, and once more.
func TestAliasesAreCounted(t *testing.T) {
	text := func(uses int) []byte {
		return []byte(minimal + "x: [&a [1, 2, 3, 4, 5, 6, 7]" + strings.Repeat(", *a", uses) + "]\n")
	}
	for uses, over := range map[int]bool{2_500: false, 2_501: true} {
		_, err := config.Parse("test.yaml", t.TempDir(), text(uses), config.Options{})
		if got := strings.Contains(err.Error(), "aliases must not repeat more than 20000 values"); got != over {
			t.Errorf("%d uses: got %v", uses, err)
		}
	}
}

func TestUnclosedBrackets(t *testing.T) {
	for text, want := range map[string]string{
		"models: [":                         `test.yaml:1:9: not valid YAML: this "[" is not closed`,
		"a: {b: [1, 2}\nc: 3\n":             `test.yaml:1:8: not valid YAML: this "[" is not closed`,
		"a:\n - b\nc: [1,\n 2\n":            `test.yaml:3:4: not valid YAML: this "[" is not closed`,
		"a: {b: c\nd: e\n":                  `test.yaml:1:4: not valid YAML: this "{" is not closed`,
		"a: [b, c\n# x ]\n":                 `test.yaml:1:4: not valid YAML: this "[" is not closed`,
		"a: [\"x]\", 'it''s]'\nd: e\nf: g":  `test.yaml:1:4: not valid YAML: this "[" is not closed`,
		"é: x[1\nb: don't {\nc: [d\ne: f\n": `test.yaml:3:4: not valid YAML: this "[" is not closed`,
		"a: |\n  [{\n\n  [\nb: {c: d\n":     `test.yaml:5:4: not valid YAML: this "{" is not closed`,
		"a: !!seq &x [\n":                   `test.yaml:1:13: not valid YAML: this "[" is not closed`,
		"a: [\n  - b\n]\n":                  `test.yaml:1:1: not valid YAML: did not find expected node content; between brackets write values with commas, without "-"`,
	} {
		_, err := config.Parse("test.yaml", t.TempDir(), []byte(text), config.Options{})
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q:\n got %v\nwant %s", text, err, want)
		}
	}
}

// TestHostileFiles expects an answer in a bounded time to files of the largest
// size, in the forms that cost the most. The time is measured against that of
// the YAML library, so that a busy machine does not matter.
func TestHostileFiles(t *testing.T) {
	const size = 1<<20 - 64
	fill := func(head, unit, tail string) string {
		return head + strings.Repeat(unit, (size-len(head)-len(tail))/len(unit)) + tail
	}
	for name, text := range map[string]string{
		"too large":     fill("a: ", "x", strings.Repeat("y", 1024)),
		"text":          fill("a: ", "x", "\n"),
		"escapes":       fill(`a: "`, `\n`, "\"\n"),
		"items":         fill("a:\n", "- a\n", ""),
		"flow items":    fill("a: [", "a,", "]\n"),
		"flow keys":     fill("a: {", "a,", "}\n"),
		"comments":      fill("a:\n", "- a # c\n# d\n", ""),
		"tags":          fill("a:\n", "- !!str a\n", ""),
		"anchors":       fill("a:\n", "- &a a\n", ""),
		"deep flow":     fill("a: ", "[", ""),
		"deep block":    fill("", "- ", ""),
		"questions":     fill("", "? ", ""),
		"10000 levels":  strings.Repeat("{a: ", 9_999) + strings.Repeat("}", 9_999),
		"error at end":  fill("a:\n", "- a\n", " b: c\n"),
		"long key":      fill("", "k", ": 1\n"),
		"same names":    fill("models:\n", "- {name: a}\n", ""),
		"unknown keys":  strings.Repeat("seeds", 40) + ": 1\n" + unknownKeys(9_000),
		"alias of self": "a: &a {b: *a}\n",
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			var node yaml.Node
			_ = yaml.Unmarshal([]byte(text), &node) // wrong for some of the texts
			library := time.Since(start)
			start = time.Now()
			_, err := config.Parse("test.yaml", t.TempDir(), []byte(text), config.Options{})
			if took := time.Since(start); took > time.Second+5*library {
				t.Errorf("took %v, the YAML library %v", took, library)
			}
			var issues config.Issues
			if !errors.As(err, &issues) || len(issues) > 250 {
				t.Errorf("got %d issues", len(issues))
			}
			if text := err.Error(); len(text) > 250*400 {
				t.Errorf("the message has %d bytes", len(text))
			}
		})
	}
}

func unknownKeys(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.Repeat(string(rune('a'+i%26)), 1+i/26%200) + strings.Repeat("z", i/5200) + ": 1\n")
	}
	return b.String()
}

func FuzzParse(f *testing.F) {
	files, err := filepath.Glob(filepath.Join(badDir, "*.yaml"))
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte(example))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := config.Parse("fuzz.yaml", dir, data, config.Options{Environ: []string{"A=b"}})
		_, compileErr := compile(c)
		issues := c.Place("", errors.Join(err, compileErr))
		for _, issue := range issues {
			if issue.Message == "" || issue.File != "fuzz.yaml" || strings.ContainsAny(issue.Error(), "\n") {
				t.Errorf("bad issue %q", issue.Error())
			}
		}
		if len(issues) > 0 {
			return
		}
		text, err := config.Effective(c)
		if err != nil {
			t.Fatal(err)
		}
		again, err := config.Parse("effective.yaml", dir, text, config.Options{})
		if err != nil {
			t.Fatalf("the effective config does not load: %v\n%s", err, text)
		}
		if _, err := compile(again); err != nil {
			t.Fatalf("the effective config does not compile: %v\n%s", err, text)
		}
	})
}

func BenchmarkLoad(b *testing.B) {
	file := filepath.Join(exampleDir(b), "c.yaml")
	if err := os.WriteFile(file, []byte(example), 0o666); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		c, err := config.Load(file, config.Options{})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := compile(c); err != nil {
			b.Fatal(err)
		}
	}
}
