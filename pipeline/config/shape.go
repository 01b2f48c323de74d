package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/invopop/jsonschema"

	"quba/pipeline/registry"
)

// shape is what the tags of a config struct say.
type shape struct {
	schema *jsonschema.Schema
	fields []field
}

type field struct {
	name     string
	index    []int
	schema   *jsonschema.Schema
	required bool
	place    place
	local    bool
}

// place says where a text may come from and what it points to.
type place struct {
	path string // "dir", "file", "out" or ""
	env  bool   // ${env:NAME} is allowed
	// alone says that one item of a list may stand without brackets.
	alone bool
	// elsewhere lists the keys beside this one that allow it.
	elsewhere string
}

func (s *shape) names() []string {
	names := make([]string, len(s.fields))
	for i, f := range s.fields {
		names[i] = f.name
	}
	return names
}

var shapes sync.Map // of *shape by reflect.Type

// shapeOf panics on tags that it does not understand: they are faults of the
// program, found by the first test that decodes the struct.
func shapeOf(t reflect.Type) *shape {
	if known, ok := shapes.Load(t); ok {
		return known.(*shape)
	}
	s := &shape{schema: reflectSchema(t)}
	s.add(t, nil)
	s.tellElsewhere()
	known, _ := shapes.LoadOrStore(t, s)
	return known.(*shape)
}

func (s *shape) add(t reflect.Type, at []int) {
	for i := range t.NumField() {
		f := t.Field(i)
		index := append(slices.Clone(at), i)
		name, tagged := f.Tag.Lookup("koanf")
		switch {
		case name == "-" || (!f.IsExported() && !f.Anonymous):
			continue
		case f.Anonymous && !tagged && f.Type.Kind() == reflect.Struct:
			s.add(f.Type, index)
			continue
		case name == "":
			panic(fmt.Sprintf(`config: %s.%s needs a koanf tag; "-" leaves it out`, t, f.Name))
		}
		checkTags(t, f)
		schema, _ := s.schema.Properties.Get(name)
		s.fields = append(s.fields, field{
			name: name, index: index, schema: schema,
			required: slices.Contains(s.schema.Required, name),
			place:    place{path: f.Tag.Get("path"), env: f.Tag.Get("env") == "true", alone: f.Tag.Get("alone") == "true"},
			local:    f.Tag.Get("local") == "true",
		})
	}
}

func (s *shape) tellElsewhere() {
	var names []string
	for _, f := range s.fields {
		if f.place.env {
			names = append(names, f.name)
		}
	}
	for i := range s.fields {
		s.fields[i].place.elsewhere = strings.Join(names, ", ")
	}
}

// keywords are those that decoding enforces or that are for people.
var keywords = []string{
	"required", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "enum",
	"pattern", "minLength", "maxLength", "minItems", "maxItems", "uniqueItems",
	"title", "default", "example",
}

func checkTags(t reflect.Type, f reflect.StructField) {
	if !slices.Contains([]string{"", "dir", "file", "out"}, f.Tag.Get("path")) {
		panic(fmt.Sprintf("config: %s.%s: path must be dir, file or out", t, f.Name))
	}
	tag := strings.ReplaceAll(f.Tag.Get("jsonschema"), `\,`, "")
	if tag == "" {
		return
	}
	for _, part := range strings.Split(tag, ",") {
		keyword, _, _ := strings.Cut(part, "=")
		if keyword != "required" && !limitable(f.Type) {
			panic(fmt.Sprintf("config: %s.%s: a %s cannot have %q; check it in Validate", t, f.Name, f.Type, keyword))
		}
		if !slices.Contains(keywords, keyword) {
			panic(fmt.Sprintf("config: %s.%s: the jsonschema keyword %q is not supported", t, f.Name, keyword))
		}
	}
}

// limitable reports whether keywords have an effect on values of the type.
func limitable(t reflect.Type) bool {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t != reflect.TypeFor[time.Duration]() && t.Kind() != reflect.Struct && t.Kind() != reflect.Map
}

const durationPattern = `^([0-9]+(\.[0-9]+)?(ns|us|ms|s|m|h))+$`

// reflectSchema is the JSON Schema of a config struct.
func reflectSchema(t reflect.Type) *jsonschema.Schema {
	r := jsonschema.Reflector{
		Anonymous: true, DoNotReference: true, RequiredFromJSONSchemaTags: true,
		FieldNameTag: "koanf", Mapper: schemaOfType,
	}
	s := r.ReflectFromType(t)
	s.Version = ""
	return s
}

// schemaOfType gives the schemas that invopop/jsonschema cannot guess. Each
// call makes a new one, for the reflector writes the tags' keywords into it.
func schemaOfType(t reflect.Type) *jsonschema.Schema {
	switch t {
	case reflect.TypeFor[registry.Raw]():
		return &jsonschema.Schema{}
	case reflect.TypeFor[Component](), reflect.TypeFor[Named]():
		return &jsonschema.Schema{Type: "object"}
	case reflect.TypeFor[time.Duration]():
		return &jsonschema.Schema{Type: "string", Pattern: durationPattern}
	}
	switch t.Kind() {
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return &jsonschema.Schema{Type: "integer", Minimum: "0"}
	}
	return nil
}
