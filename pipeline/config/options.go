package config

import (
	"encoding/json"
	"reflect"
	"strings"

	"github.com/invopop/jsonschema"
)

// Option is one key of a component, for people.
type Option struct {
	Name     string `json:"name"`
	Type     string `json:"type"` // "text", "number", "list", ...
	Required bool   `json:"required,omitempty"`
	Default  string `json:"default,omitempty"`
	Limits   string `json:"limits,omitempty"` // "1..5", "standard or quba-code"
	Doc      string `json:"doc"`
}

// Describe lists the options of a filled config struct, in its order. Keys of
// nested structs follow their parent as "parent.key".
func Describe(defaults any) []Option { return describeStruct("", reflect.ValueOf(defaults)) }

func describeStruct(prefix string, filled reflect.Value) []Option {
	var options []Option
	for _, f := range shapeOf(filled.Type()).fields {
		value := filled.FieldByIndex(f.index)
		o := Option{
			Name: join(prefix, f.name), Required: f.required,
			Type: typeWord(f), Limits: limits(f.schema), Doc: f.schema.Description,
		}
		if !f.required {
			o.Default = defaultWord(value)
		}
		options = append(options, o)
		if value.Kind() == reflect.Struct && f.schema.Properties != nil {
			options = append(options, describeStruct(o.Name, value)...)
		}
	}
	return options
}

func defaultWord(value reflect.Value) string {
	v := defaultOf(value)
	if text, ok := v.(string); ok || v == nil {
		return text
	}
	text, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return string(text)
}

func typeWord(f field) string {
	switch {
	case f.place.path == "dir" && f.schema.Type == "string":
		return "folder"
	case f.place.path != "" && f.schema.Type == "string":
		return "path"
	case f.schema.Pattern == durationPattern:
		return "duration"
	}
	words := map[string]string{
		"string": "text", "integer": "whole number", "number": "number", "boolean": "true or false",
		"array": "list", "object": "map", "": "any",
	}
	return words[f.schema.Type]
}

func limits(s *jsonschema.Schema) string {
	if s.Type == "array" && s.Items != nil {
		s = s.Items
	}
	switch {
	case len(s.Enum) > 0:
		return alternatives(s.Enum)
	case s.Pattern != "" && s.Pattern != durationPattern:
		return "matches " + s.Pattern
	}
	return strings.TrimSpace(interval(s))
}
