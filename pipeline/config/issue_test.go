package config_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"quba/pipeline/config"
	"quba/pipeline/registry"
)

const placed = `models: [{name: m}]
pipelines:
  - name: p
    source: {type: s}
    stages:
      - type: noise
        weights:
          a: 1
          a.b: 2
          a.b.c: {d: [1, 2]}
      - {type: noise}
sinks: [{type: k, on: {clean: p}}]
workers: 1
`

func TestAt(t *testing.T) {
	c := parse(t, t.TempDir(), placed, config.Options{Flags: map[string]any{"seed": 1, "workers": 3}})
	for path, want := range map[string]string{
		"":                                   "1:1",
		"models":                             "1:1",
		"models[0]":                          "1:10",
		"models[0].name":                     "1:11",
		"pipelines[0].source.type":           "4:14",
		"pipelines[0].source.root":           "4:5",
		"pipelines[0].stages":                "5:5",
		"pipelines[0].stages[0]":             "6:9",
		"pipelines[0].stages[0].weights.a":   "8:11",
		"pipelines[0].stages[0].weights.a.b": "9:11",
		"pipelines[0].stages[0].weights.a.b.c.d[1]": "10:26",
		"pipelines[0].stages[0].weights.a.x":        "8:11",
		"pipelines[0].stages[7].type":               "5:5",
		"pipelines[0].stages[-1]":                   "5:5",
		"pipelines[0].stages[x":                     "5:5",
		"sinks[0].on.clean":                         "12:24",
		"sinks[0].on.edge":                          "12:19",
		"nothing.at.all":                            "1:1",
		"workers":                                   "0:0",
		"seed":                                      "0:0",
	} {
		line, col := c.At(path)
		if got := fmt.Sprintf("%d:%d", line, col); got != want {
			t.Errorf("%q: got %s, want %s", path, got, want)
		}
	}
	if got := c.Issue("workers", "must be %d", 2).Error(); got != "--workers: must be 2" {
		t.Errorf("got %s", got)
	}
}

func TestPlace(t *testing.T) {
	c := parse(t, t.TempDir(), placed, config.Options{})
	own := c.Issue("sinks[0].type", "own")
	plain := errors.New("plain")
	for _, test := range []struct {
		name string
		err  error
		want []string
	}{
		{"nil", nil, nil},
		{"plain", plain, []string{"test.yaml:12:9: sinks[0]: plain"}},
		{"field", registry.Fieldf("on.clean", "bad"), []string{"test.yaml:12:24: sinks[0].on.clean: bad"}},
		{"absent field", registry.Fieldf("on.edge", "bad"), []string{"test.yaml:12:19: sinks[0].on.edge: bad"}},
		{"nested fields", &registry.FieldError{Field: "on", Err: registry.Fieldf("clean", "bad")}, []string{"test.yaml:12:24: sinks[0].on.clean: bad"}},
		{"index", &registry.FieldError{Field: "on", Err: registry.Fieldf("[2]", "bad")}, []string{"test.yaml:12:19: sinks[0].on[2]: bad"}},
		{
			"joined",
			errors.Join(registry.Fieldf("on", "one"), errors.Join(plain, config.Issues{own})),
			[]string{"test.yaml:12:9: sinks[0]: plain", "test.yaml:12:10: sinks[0].type: own", "test.yaml:12:19: sinks[0].on: one"},
		},
		{
			"field of joined",
			&registry.FieldError{Field: "on", Err: errors.Join(registry.Fieldf("clean", "one"), registry.Fieldf("edge", "two"))},
			[]string{"test.yaml:12:19: sinks[0].on.edge: two", "test.yaml:12:24: sinks[0].on.clean: one"},
		},
		{"repeated", errors.Join(own, own, config.Issues{own}), []string{"test.yaml:12:10: sinks[0].type: own"}},
		{"wrapped field", fmt.Errorf("metric: %w", registry.Fieldf("on", "bad")), []string{"test.yaml:12:19: sinks[0].on: metric: bad"}},
		{"wrapped issues", fmt.Errorf("metric: %w", config.Issues{own}), []string{"test.yaml:12:10: sinks[0].type: own"}},
		{"wrapped issue", fmt.Errorf("metric: %w", own), []string{"test.yaml:12:10: sinks[0].type: own"}},
		{"two causes", fmt.Errorf("%w because %w", plain, plain), []string{"test.yaml:12:9: sinks[0]: plain because plain"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			issues := c.Place("sinks[0]", test.err)
			if got, want := issues.Error(), strings.Join(test.want, "\n"); got != want || (test.err == nil) != (issues == nil) {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

func TestConfigWithoutFile(t *testing.T) {
	c := config.Defaults()
	if line, col := c.At("models"); line != 0 || col != 0 {
		t.Errorf("got %d:%d", line, col)
	}
	if got := c.Place("sinks[0]", registry.Fieldf("on", "bad")).Error(); got != "sinks[0].on: bad" {
		t.Errorf("got %s", got)
	}
	if _, err := config.Effective(c); err != nil {
		t.Error(err)
	}
}

func TestIssueIsOneLine(t *testing.T) {
	for _, issue := range []config.Issue{
		{File: "a.yaml", Line: 1, Col: 2, Path: "x\ny", Message: "bad"},
		{File: "a.yaml", Path: strings.Repeat("é", 300), Message: "bad"},
	} {
		if text := issue.Error(); strings.Contains(text, "\n") || len(text) > 300 {
			t.Errorf("got %q", text)
		}
	}
}
