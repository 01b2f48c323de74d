package config_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	"quba/pipeline/config"
	"quba/pipeline/registry"
)

func schemaText(t *testing.T) []byte {
	t.Helper()
	text, err := config.Schema(kinds)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func compileSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(schemaText(t)))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("schema.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	if s.DraftVersion != 7 {
		t.Fatalf("got draft %d", s.DraftVersion)
	}
	return s
}

// plain is the YAML as a tree that the validator takes.
func plain(t *testing.T, text string) any {
	t.Helper()
	var tree any
	if err := yaml.Unmarshal([]byte(text), &tree); err != nil {
		t.Fatal(err)
	}
	compact, err := json.Marshal(tree)
	if err != nil {
		t.Fatal(err)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(compact))
	if err != nil {
		t.Fatal(err)
	}
	return value
}

func TestSchemaIsDeterministic(t *testing.T) {
	if diff := cmp.Diff(string(schemaText(t)), string(schemaText(t))); diff != "" {
		t.Error(diff)
	}
}

func TestSchemaAcceptsGoodConfigs(t *testing.T) {
	s := compileSchema(t)
	for name, text := range map[string]string{
		"example":           example,
		"model with type":   strings.Replace(example, "name: lite0", "name: lite0, type: onnx", 1),
		"options":           strings.Replace(example, "labels: imagenet}", "labels: imagenet}\n    stages: [{type: noise, severities: [1, 5], timeout: 1m30s, window: {width: 3}, weights: {a: 1}}]", 1),
		"options of metric": strings.Replace(example, "metric: accuracy", "metric: calibration_error, options: {bins: 2}", 1),
	} {
		if err := s.Validate(plain(t, text)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSchemaRejectsBadConfigs(t *testing.T) {
	s := compileSchema(t)
	for name, text := range map[string]string{
		"unknown top key":          "sed: 0\n" + example,
		"unknown source":           strings.Replace(example, "image_folder", "image_foldr", 1),
		"unknown option":           strings.Replace(example, "labels:", "lables:", 1),
		"missing option":           strings.Replace(example, "root: data/imagenet-sample/val, ", "", 1),
		"missing type":             strings.Replace(example, "{type: predictions}", "{}", 1),
		"option of another type":   strings.Replace(example, "{type: predictions}", "{type: predictions, metric: accuracy}", 1),
		"unknown model option":     strings.Replace(example, "name: lite0", "name: lite0, bach: 3", 1),
		"model without name":       strings.Replace(example, "name: lite0, ", "", 1),
		"unknown metric":           strings.Replace(example, "metric: accuracy", "metric: acuracy", 1),
		"unknown option of metric": strings.Replace(example, "metric: accuracy", "metric: accuracy, options: {bins: 2}", 1),
		"range in metric":          strings.Replace(example, "metric: accuracy", "metric: calibration_error, options: {bins: 1}", 1),
		"duration":                 strings.Replace(example, "labels: imagenet}", "labels: imagenet}\n    stages: [{type: noise, timeout: 60}]", 1),
	} {
		if err := s.Validate(plain(t, text)); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

// TestSchemaAgreesWithDecoding compares two independent validators on the
// wrong configs. What only decoding knows is listed.
func TestSchemaAgreesWithDecoding(t *testing.T) {
	beyond := []string{
		"missing_files", "empty_path", "repeated_names", "env_", "yaml_", "alias_", "duplicate_keys",
		"not_finite", "key_not_text", "empty", "seed_too_large", "bad_names",
	}
	s := compileSchema(t)
	files, err := filepath.Glob(filepath.Join(badDir, "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".yaml")
		if name == "unknown_model" || hasAnyPrefix(name, beyond) {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Validate(plain(t, string(text))); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

func hasAnyPrefix(s string, prefixes []string) bool {
	for _, prefix := range prefixes {
		if strings.HasPrefix(s, prefix) {
			return true
		}
	}
	return false
}

func TestSchemaDescribesAndDefaults(t *testing.T) {
	var s struct {
		Schema      string `json:"$schema"`
		Properties  map[string]struct{ Description string }
		Definitions map[string]struct {
			Properties map[string]struct {
				Default any
				OneOf   []struct{ Const, Description string }
			}
			AllOf []struct {
				Then struct {
					Description string
					Properties  map[string]any
				}
			}
		}
	}
	if err := json.Unmarshal(schemaText(t), &s); err != nil {
		t.Fatal(err)
	}
	if s.Schema != "http://json-schema.org/draft-07/schema#" {
		t.Errorf("got %s", s.Schema)
	}
	for name, p := range s.Properties {
		if p.Description == "" {
			t.Errorf("%s has no description", name)
		}
	}
	model := s.Definitions["model"].Properties["type"]
	if model.Default != "onnx" || model.OneOf[0].Const != "onnx" || model.OneOf[0].Description != "An ONNX file." {
		t.Errorf("got %+v", model)
	}
	noise := s.Definitions["stage"].AllOf[0].Then
	want := map[string]any{"type": "string", "description": "How long to wait.", "default": "1m0s", "pattern": `^([0-9]+(\.[0-9]+)?(ns|us|ms|s|m|h))+$`}
	if diff := cmp.Diff(want, noise.Properties["timeout"]); diff != "" {
		t.Error(diff)
	}
	if noise.Description != "Noise." {
		t.Errorf("got %q", noise.Description)
	}
}

func TestKindsOf(t *testing.T) {
	r := registry.New[int]("thing")
	registry.Register(r, "b", "Second.", predictionsOptions{}, func(predictionsOptions) (int, error) { return 0, nil })
	registry.Register(r, "a", "First.", predictionsOptions{}, func(predictionsOptions) (int, error) { return 0, nil })
	want := []config.Kind{{"a", "First.", predictionsOptions{}}, {"b", "Second.", predictionsOptions{}}}
	if diff := cmp.Diff(want, config.KindsOf(r)); diff != "" {
		t.Error(diff)
	}
}

func TestDescribe(t *testing.T) {
	got := config.Describe(kinds.Stages[0].Defaults)
	want := []config.Option{
		{Name: "tag", Type: "text", Limits: "matches ^[a-z]+$", Doc: "A word."},
		{Name: "severities", Type: "list", Limits: "1..5", Doc: "Strengths."},
		{Name: "scale", Type: "number", Default: "1", Limits: "more than 0 and at most 10", Doc: "Factor."},
		{Name: "clip", Type: "true or false", Default: "false", Doc: "Keep the range."},
		{Name: "timeout", Type: "duration", Default: "1m0s", Doc: "How long to wait."},
		{Name: "power", Type: "number", Limits: "at least 1", Doc: "Exponent, if any."},
		{Name: "small", Type: "whole number", Default: "0", Limits: "at least 0", Doc: "A byte."},
		{Name: "choice", Type: "whole number", Default: "0", Limits: "1, 2 or 4", Doc: "A power of two."},
		{Name: "window", Type: "map", Doc: "Where."},
		{Name: "window.width", Type: "whole number", Required: true, Limits: "at least 1", Doc: "In pixels."},
		{Name: "window.height", Type: "whole number", Default: "0", Doc: "In pixels."},
		{Name: "steps", Type: "list", Doc: "Where, in turn."},
		{Name: "weights", Type: "map", Doc: "Weight of each class."},
		{Name: "textures", Type: "list", Doc: "Folders of textures."},
		{Name: "code", Type: "text", Doc: "Short."},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
