package config

import (
	"slices"
	"strings"
	"testing"
)

type aloneOptions struct {
	Kinds      []string `koanf:"kinds" alone:"true" jsonschema:"minItems=1,enum=fog,enum=snow" jsonschema_description:"Kinds."`
	Severities []int    `koanf:"severities" alone:"true" jsonschema:"minimum=1,maximum=5" jsonschema_description:"Severities."`
	Bracketed  []int    `koanf:"bracketed" jsonschema_description:"A list."`
}

// One item may stand for a list where a tag says so, with the checks of items.
func TestOneItemAlone(t *testing.T) {
	decode := func(options string) (aloneOptions, error) {
		c, err := Parse("c.yaml", t.TempDir(), []byte("models: [{name: m}]\npipelines: [{name: p, source: {type: x}}]\nsinks: [{type: s, "+options+"}]\n"), Options{})
		if err != nil {
			t.Fatal(err)
		}
		var o aloneOptions
		return o, c.Sinks[0].Options.Decode(&o)
	}
	for _, wrong := range []struct{ options, want string }{
		{"kinds: fgo", `sinks[0].kinds: must be fog or snow, got "fgo"`},
		{"severities: 9", "sinks[0].severities: must be 1..5, got 9"},
		{"severities: [1, 9]", "sinks[0].severities[1]: must be 1..5, got 9"},
		{"bracketed: 1", "sinks[0].bracketed: must be a list"},
		{"kinds: {a: 1}", "sinks[0].kinds: must be text"},
	} {
		if _, err := decode(wrong.options); err == nil || !strings.Contains(err.Error(), wrong.want) {
			t.Errorf("%s: error %v, want %q", wrong.options, err, wrong.want)
		}
	}
	c, err := Parse("c.yaml", t.TempDir(), []byte("models: [{name: m}]\npipelines: [{name: p, source: {type: x}}]\nsinks: [{type: s, kinds: fog, severities: 3}]\n"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	var o aloneOptions
	if err := c.Sinks[0].Options.Decode(&o); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(o.Kinds, []string{"fog"}) || !slices.Equal(o.Severities, []int{3}) {
		t.Errorf("got %+v", o)
	}
}
