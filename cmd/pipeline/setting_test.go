package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
)

func decoded(t *testing.T, text string) any {
	t.Helper()
	c, err := parseComponent(text)
	if err != nil {
		t.Fatal(err)
	}
	out, err := yaml.Marshal(c.node("type", func(key string) bool { return key == "kinds" || key == "a.list" }))
	if err != nil {
		t.Fatal(err)
	}
	var v any
	if err := yaml.Unmarshal(out, &v); err != nil {
		t.Fatalf("%s: %v", out, err)
	}
	return v
}

func TestComponentsOfTheCommandLine(t *testing.T) {
	type m = map[string]any
	type l = []any
	for text, want := range map[string]m{
		"edges":                              {"type": "edges"},
		"c:kinds=fog":                        {"type": "c", "kinds": l{"fog"}},
		"c:kinds=fog|snow,severities=3":      {"type": "c", "kinds": l{"fog", "snow"}, "severities": 3},
		"c:severities=1,severities=2":        {"type": "c", "severities": l{1, 2}},
		"c:severities=1|2,x=1,severities=3":  {"type": "c", "severities": l{1, 2, 3}, "x": 1},
		"c:a.b=1,a.c.d=true,a.list=2.5":      {"type": "c", "a": m{"b": 1, "c": m{"d": true}, "list": l{2.5}}},
		"c:path=C:/x=y,n=null,f=1e3,t=1:2":   {"type": "c", "path": "C:/x=y", "n": nil, "f": 1e3, "t": "1:2"},
		`c:n='3',m="a,b|c",e=,o=it's`:        {"type": "c", "n": "3", "m": "a,b|c", "e": "", "o": "it's"},
		"c:x=- a,y={b: 1},z=*q,h=#1,w= two ": {"type": "c", "x": "- a", "y": "{b: 1}", "z": "*q", "h": "#1", "w": " two "},
		"c:severities='1'|2":                 {"type": "c", "severities": l{"1", 2}},
	} {
		if diff := cmp.Diff(any(want), decoded(t, text)); diff != "" {
			t.Errorf("%s: %s", text, diff)
		}
	}
}

func TestMistakesInComponents(t *testing.T) {
	for text, want := range map[string]string{
		"":                   "must begin with a name",
		":kinds=fog":         "must begin with a name",
		"edges:":             "character 7: must be KEY=VALUE",
		"c:kinds":            `character 3: must be KEY=VALUE, got "kinds"`,
		"c:kinds=fog,=3":     `character 13: must be KEY=VALUE, got "=3"`,
		"c:kinds=fog,,x=1":   "character 13: must be KEY=VALUE",
		"c:kinds='fog,x=1":   "quote ' is not closed",
		"c:kinds=a|\"b,x=1":  `quote " is not closed`,
		"c:kinds=fog,a..b=1": `character 13: a..b: a key is empty`,
	} {
		_, err := parseComponent(text)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func FuzzParseComponent(f *testing.F) {
	for _, text := range []string{"c:kinds=fog|snow,severities=3", "c:a.b=1,a=2,a.c='x,y'", "c:x=!!binary z,y=&a b,n=\x00"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		list, err := parseComponents("--stage", []string{text})
		if err != nil {
			return
		}
		h := adhoc{models: []string{text}, images: text, stages: list, metrics: list}
		written, err := h.yaml("--stage")
		if err != nil {
			return
		}
		var v yaml.Node
		if err := yaml.Unmarshal(written, &v); err != nil {
			t.Errorf("%q is written as %q: %v", text, written, err)
		}
	})
}
