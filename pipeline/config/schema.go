package config

import (
	"bytes"
	"encoding/json"
	"reflect"
	"time"

	"github.com/invopop/jsonschema"

	"quba/pipeline/registry"
)

// Kind is a component that a config can name.
type Kind struct {
	Name    string
	Summary string
	// Defaults is the filled config struct of its options.
	Defaults any
}

// Kinds are all components that a config can name.
type Kinds struct{ Sources, Stages, Models, Sinks, Metrics []Kind }

// KindsOf lists what a registry holds.
func KindsOf[T any](r *registry.Registry[T]) []Kind {
	var kinds []Kind
	for _, e := range r.Entries() {
		kinds = append(kinds, Kind{Name: e.Name, Summary: e.Summary, Defaults: e.Defaults})
	}
	return kinds
}

const draft07 = "http://json-schema.org/draft-07/schema#"

// Schema is the JSON Schema (draft-07) of the config files that name these
// components, made from the same tags that decoding obeys. The same kinds
// give the same bytes.
func Schema(kinds Kinds) ([]byte, error) {
	top := reflectSchema(reflect.TypeFor[Config]())
	top.Version = draft07
	top.Title = "Pipeline config"
	fillDefaults(top, reflect.ValueOf(Defaults()))

	pipeline := property(top, "pipelines").Items
	refer(pipeline, "source", "source")
	property(pipeline, "stages").Items = reference("stage")
	property(top, "models").Items = reference("model")
	property(top, "sinks").Items = reference("sink")
	top.Extras = map[string]any{"definitions": map[string]any{
		"source": choice(componentHead{}, kinds.Sources, nil),
		"stage":  choice(componentHead{}, kinds.Stages, nil),
		"model":  choice(modelHead{Type: defaultModelType}, kinds.Models, nil),
		"sink":   choice(componentHead{}, kinds.Sinks, kinds.Metrics),
	}}

	compact, err := json.Marshal(top)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := json.Indent(&b, compact, "", "  "); err != nil {
		return nil, err
	}
	b.WriteByte('\n')
	return b.Bytes(), nil
}

func property(s *jsonschema.Schema, name string) *jsonschema.Schema {
	p, _ := s.Properties.Get(name)
	return p
}

func reference(definition string) *jsonschema.Schema {
	return &jsonschema.Schema{Ref: "#/definitions/" + definition}
}

// refer keeps the description of a property: draft-07 ignores what stands
// beside a $ref.
func refer(s *jsonschema.Schema, name, definition string) {
	p := property(s, name)
	s.Properties.Set(name, &jsonschema.Schema{
		Description: p.Description, AllOf: []*jsonschema.Schema{reference(definition)},
	})
}

// choice is the schema of a component: the type decides on the other keys.
func choice(head any, kinds, hosted []Kind) *jsonschema.Schema {
	s := reflectSchema(reflect.TypeOf(head))
	s.AdditionalProperties = nil
	fillDefaults(s, reflect.ValueOf(head))
	kind := property(s, "type")
	for _, k := range kinds {
		kind.OneOf = append(kind.OneOf, &jsonschema.Schema{Const: k.Name, Description: k.Summary})
	}
	for _, k := range kinds {
		s.AllOf = append(s.AllOf, &jsonschema.Schema{
			If:   when("type", k.Name, kind.Default == k.Name),
			Then: optionsOf(head, k, hosted),
		})
	}
	return s
}

// when holds if the key has the value; a key that is left out counts as its
// default.
func when(key, value string, isDefault bool) *jsonschema.Schema {
	s := &jsonschema.Schema{Properties: jsonschema.NewProperties()}
	s.Properties.Set(key, &jsonschema.Schema{Const: value})
	if !isDefault {
		s.Required = []string{key}
	}
	return s
}

func optionsOf(head any, k Kind, hosted []Kind) *jsonschema.Schema {
	s := reflectSchema(reflect.TypeOf(k.Defaults))
	s.Description = k.Summary
	fillDefaults(s, reflect.ValueOf(k.Defaults))
	allowAlone(s, reflect.TypeOf(k.Defaults))
	for _, f := range shapeOf(reflect.TypeOf(head)).fields {
		s.Properties.Set(f.name, jsonschema.TrueSchema)
	}
	host(s, hosted)
	return s
}

// allowAlone lets one item stand for a list where decoding does.
func allowAlone(s *jsonschema.Schema, t reflect.Type) {
	for _, f := range shapeOf(t).fields {
		if !f.place.alone {
			continue
		}
		list := property(s, f.name)
		s.Properties.Set(f.name, &jsonschema.Schema{
			Description: list.Description, Default: list.Default, AnyOf: []*jsonschema.Schema{list.Items, list},
		})
	}
}

// host gives a component that has the keys metric and options the schemas of
// the metrics that it can host.
func host(s *jsonschema.Schema, metrics []Kind) {
	metric, named := s.Properties.Get("metric")
	if _, open := s.Properties.Get("options"); !named || !open {
		return
	}
	for _, k := range metrics {
		metric.OneOf = append(metric.OneOf, &jsonschema.Schema{Const: k.Name, Description: k.Summary})
		options := reflectSchema(reflect.TypeOf(k.Defaults))
		fillDefaults(options, reflect.ValueOf(k.Defaults))
		then := &jsonschema.Schema{Properties: jsonschema.NewProperties()}
		then.Properties.Set("options", options)
		s.AllOf = append(s.AllOf, &jsonschema.Schema{If: when("metric", k.Name, false), Then: then})
	}
}

// fillDefaults writes the values of a filled struct into its schema.
func fillDefaults(s *jsonschema.Schema, filled reflect.Value) {
	for _, f := range shapeOf(filled.Type()).fields {
		p := property(s, f.name)
		value := filled.FieldByIndex(f.index)
		if value.Kind() == reflect.Struct && p.Properties != nil {
			fillDefaults(p, value)
			continue
		}
		if !f.required {
			p.Default = defaultOf(value)
		}
	}
}

// defaultOf is nil where a default would say nothing.
func defaultOf(value reflect.Value) any {
	switch v := value.Interface().(type) {
	case time.Duration:
		return v.String()
	}
	switch value.Kind() {
	case reflect.Interface, reflect.Struct:
		return nil
	case reflect.Pointer:
		if value.IsNil() {
			return nil
		}
		return defaultOf(value.Elem())
	case reflect.String:
		if value.Len() == 0 {
			return nil
		}
	case reflect.Slice, reflect.Map, reflect.Array:
		if value.Len() == 0 || !limitable(value.Type().Elem()) {
			return nil
		}
	}
	return value.Interface()
}
