package config_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"quba/pipeline/config"
)

// stage loads a config with one stage of type noise.
func stage(t testing.TB, dir, options string) (config.Config, config.Component) {
	t.Helper()
	text := "models: [{name: m}]\nsinks: [{type: k}]\npipelines:\n  - name: p\n    source: {type: s}\n    stages:\n      - {type: noise, " + options + "}\n"
	c := parse(t, dir, text, config.Options{Environ: []string{"SET=tex"}})
	return c, c.Pipelines[0].Stages[0]
}

func TestDecodeOptions(t *testing.T) {
	dir := t.TempDir()
	_, component := stage(t, dir, `severities: [1, 3.0], scale: 2, clip: true, timeout: 1m30s, power: 1.5, small: 255,
      choice: 4, window: {height: 2, width: 9}, steps: [{width: 1}, {width: 2, height: 3}],
      weights: {a.b: 1, "2": 2}, textures: [., "${env:SET}/.."], tag: abc, code: "1234"`)
	got := noiseOptions{Scale: 1, Timeout: time.Minute, Window: window{Width: 3}, Textures: []string{"default"}}
	// The folder that the second texture passes through need not exist.
	if err := component.Options.Decode(&got); err != nil {
		t.Fatal(err)
	}
	power := 1.5
	want := noiseOptions{
		common: common{Tag: "abc"}, Severities: []int32{1, 3}, Scale: 2, Clip: true, Timeout: 90 * time.Second,
		Power: &power, Small: 255, Choice: 4, Window: window{9, 2}, Steps: []window{{1, 0}, {2, 3}},
		Weights: map[string]int{"a.b": 1, "2": 2}, Textures: []string{dir, dir}, Code: "1234",
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(noiseOptions{})); diff != "" {
		t.Error(diff)
	}
}

func TestDefaultsStayWhereKeysAreAbsent(t *testing.T) {
	_, component := stage(t, t.TempDir(), "clip: true")
	got := noiseOptions{Scale: 7, Severities: []int32{2}, Timeout: time.Hour, Window: window{5, 6}}
	want := got
	want.Clip = true
	if err := component.Options.Decode(&got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(noiseOptions{})); diff != "" {
		t.Error(diff)
	}
}

func TestOptionIssues(t *testing.T) {
	const at = "pipelines[0].stages[0]."
	for _, test := range []struct{ options, want string }{
		{"severities: []", at + "severities: must have at least 1 item, got none"},
		{"severities: [1, 2, 3, 4, 5, 1]", at + "severities: must have at most 5 items, got 6 items\n" + at + "severities[5]: must not repeat 1 of item 0"},
		{"severities: [0, 6]", at + "severities[0]: must be 1..5, got 0\n" + at + "severities[1]: must be 1..5, got 6"},
		{"severities: 3", at + "severities: must be a list, got 3"},
		{"severities: [3.9]", at + "severities[0]: must be a whole number, got 3.9"},
		{"scale: 0", at + "scale: must be more than 0 and at most 10, got 0"},
		{"scale: 10.5", at + "scale: must be more than 0 and at most 10, got 10.5"},
		{"scale: big", at + `scale: must be a number, got text "big"`},
		{"clip: yes", at + `clip: must be true or false, got text "yes"`},
		{"clip: 1", at + "clip: must be true or false, got 1"},
		{"timeout: 60", at + "timeout: must be a duration of at least 0s such as 60s or 1m30s, got 60"},
		{"timeout: -1s", at + `timeout: must be a duration of at least 0s such as 60s or 1m30s, got text "-1s"`},
		{"timeout: 9999999h", at + `timeout: must be less than 292 years, got "9999999h"`},
		{"power: 0.5", at + "power: must be at least 1, got 0.5"},
		{"power: ~", at + "power: must be a number, got nothing"},
		{"small: 256", at + "small: must be 0..255, got 256"},
		{"small: -1", at + "small: must be at least 0, got -1"},
		{"choice: 3", at + "choice: must be 1, 2 or 4, got 3"},
		{"window: 3", at + "window: must be a map of keys, got 3"},
		{"window: {height: 1}", at[:len(at)-1] + `.window: required key "width" is missing`},
		{"window: {width: 1, hight: 2}", at + `window.hight: unknown key; did you mean "height"?`},
		{"steps: [{width: 1}, {width: 0}]", at + "steps[1].width: must be at least 1, got 0"},
		{"weights: [1]", at + "weights: must be a map, got a list"},
		{"weights: {a.b: x}", at + `weights.a.b: must be a whole number, got text "x"`},
		{"weights: {a: 99999999999999999999}", at + "weights.a: must be -9223372036854775808..9223372036854775807, got 1e+20"},
		{"tag: A", at + `tag: must match ^[a-z]+$, got "A"`},
		{`tag: "${env:SET}"`, at + "tag: ${env:NAME} is not expanded here, only in textures"},
		{"code: a", at + `code: must have at least 2 letters, got "a"`},
		{"code: äöüßé", at + `code: must have at most 4 letters, got "äöüßé"`},
		{"textures: [nowhere]", at + "textures[0]: no such folder: DIR/nowhere"},
		{"severitys: 1, typ: x", at + "severitys: unknown key; did you mean \"severities\"?\n" + at + "typ: unknown key; did you mean \"type\"?"},
	} {
		t.Run(test.options, func(t *testing.T) {
			dir := t.TempDir()
			_, component := stage(t, dir, test.options)
			err := component.Options.Decode(&noiseOptions{})
			issues, ok := err.(config.Issues)
			if !ok {
				t.Fatalf("got %v", err)
			}
			var got []string
			for _, issue := range issues {
				if issue.File != "test.yaml" || issue.Line != 7 {
					t.Errorf("%s is at %s:%d", issue.Path, issue.File, issue.Line)
				}
				got = append(got, issue.Path+": "+issue.Message)
			}
			if diff := cmp.Diff(strings.ReplaceAll(test.want, "DIR", dir), strings.Join(got, "\n")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestArrayLength(t *testing.T) {
	c := parse(t, t.TempDir(), "models: [{name: m, mean: [0, 0.5]}, {name: n, mean: [0, 0, 2]}]\n"+strings.SplitAfterN(minimal, "\n", 2)[1], config.Options{})
	for i, want := range []string{"must have exactly 3 items, got 2 items", "mean[2]: must be 0..1, got 2"} {
		err := c.Models[i].Options.Decode(&struct {
			Mean [3]float32 `koanf:"mean" jsonschema:"minimum=0,maximum=1"`
		}{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestOptionsOfNothing(t *testing.T) {
	c := parse(t, t.TempDir(), "models: [{name: m}]\npipelines: [{name: p, source: {type: s}}]\nsinks: [{type: k, options: {bin: 3}}]\n", config.Options{})
	var into struct {
		Options struct{} `koanf:"options"`
	}
	err := c.Sinks[0].Options.Decode(&into)
	if want := "test.yaml:3:29: sinks[0].options.bin: unknown key; there are no options here"; err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

func TestLateOptions(t *testing.T) {
	text := "models: [{name: m, type: other}]\npipelines: [{name: p, source: {type: s}}]\nsinks:\n  - type: scores\n    metric: calibration_error\n    options:\n      bins: 1\n      bin: 3\n"
	c := parse(t, t.TempDir(), text, config.Options{})
	_, err := compile(c)
	want := "test.yaml:7:7: sinks[0].options.bins: must be at least 2, got 1\ntest.yaml:8:7: sinks[0].options.bin: unknown key; did you mean \"bins\"?"
	if got := c.Place("", err).Error(); got != want {
		t.Errorf("got\n%s", got)
	}
	var scores scoresOptions
	if err := c.Sinks[0].Options.Decode(&scores); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]any{"bins": 1, "bin": 3}, scores.Options.Value); diff != "" {
		t.Error(diff)
	}
}

func TestDecodeIntoWhatIsNoPointer(t *testing.T) {
	_, component := stage(t, t.TempDir(), "clip: true")
	for _, into := range []any{nil, noiseOptions{}, (*noiseOptions)(nil)} {
		if err := component.Options.Decode(into); err == nil {
			t.Errorf("%T: no error", into)
		}
	}
}

func TestWrongTagsPanic(t *testing.T) {
	for name, into := range map[string]any{
		"untagged": &struct{ Clip bool }{},
		"misspelt keyword": &struct {
			Clip bool `koanf:"clip" jsonschema:"minumum=1"`
		}{},
		"unknown path": &struct {
			Clip string `koanf:"clip" path:"folder"`
		}{},
		"limits of a map": &struct {
			Clip map[string]int `koanf:"clip" jsonschema:"minimum=1"`
		}{},
		"limits of a time": &struct {
			Clip time.Duration `koanf:"clip" jsonschema:"minimum=1"`
		}{},
		"any": &struct {
			Clip any `koanf:"clip"`
		}{},
	} {
		t.Run(name, func(t *testing.T) {
			_, component := stage(t, t.TempDir(), "clip: true")
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			_ = component.Options.Decode(into)
		})
	}
}

func TestAliasesShareValues(t *testing.T) {
	dir := t.TempDir()
	text := `models: [{name: m}]
pipelines:
  - name: a
    source: &s {type: noise, scale: 0}
  - name: b
    source: *s
sinks: [{type: k}]
`
	c := parse(t, dir, text, config.Options{})
	err := c.Pipelines[1].Source.Options.Decode(&noiseOptions{})
	if want := "test.yaml:4:30: pipelines[1].source.scale: must be more than 0 and at most 10, got 0"; err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
}

func TestResolvedPathsAreAbsolute(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	c, err := config.Parse("test.yaml", ".", []byte(minimal+"out: results\n"), config.Options{})
	if err != nil || !filepath.IsAbs(c.Out) {
		t.Errorf("got %q, %v", c.Out, err)
	}
}
