package config

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/invopop/jsonschema"

	"quba/pipeline/registry"
)

// decoder writes plain values over structs and collects every issue. What it
// cannot decode it leaves as it was.
type decoder struct {
	doc    *document
	issues Issues
}

func (d *decoder) report(path, format string, args ...any) { d.fault(path, false, format, args...) }

// fault is report; absent says that only the machine lacks something.
func (d *decoder) fault(path string, absent bool, format string, args ...any) {
	switch n := len(d.issues); {
	case n < maxIssues:
		issue := d.doc.issue(path, format, args...)
		issue.Absent = absent
		d.issues = append(d.issues, issue)
	case n == maxIssues:
		last := d.issues[n-1]
		last.Path, last.Message = "", fmt.Sprintf("only the first %d issues are shown", maxIssues)
		d.issues = append(d.issues, last)
	}
}

func (d *decoder) full() bool { return len(d.issues) > maxIssues }

// value decodes v, which came from path, over into. The schema holds the
// limits of texts, numbers and lists; at says how texts are completed.
func (d *decoder) value(path string, v any, s *jsonschema.Schema, at place, into reflect.Value) {
	if _, known := v.(reported); known || d.full() {
		return
	}
	switch target := into.Addr().Interface().(type) {
	case *registry.Raw:
		*target = d.doc.raw(path, v, nil)
		return
	case *Component:
		*target, _ = d.component(path, v, "")
		return
	case *Named:
		target.Component, target.Name = d.component(path, v, defaultModelType)
		return
	case *time.Duration:
		d.duration(path, v, target)
		return
	}
	switch into.Kind() {
	case reflect.Pointer:
		fresh := reflect.New(into.Type().Elem())
		if !into.IsNil() {
			fresh.Elem().Set(into.Elem())
		}
		d.value(path, v, s, at, fresh.Elem())
		into.Set(fresh)
	case reflect.Struct:
		d.structure(path, v, into)
	case reflect.Slice, reflect.Array:
		d.list(path, v, s, at, into)
	case reflect.Map:
		d.dictionary(path, v, s, at, into)
	default:
		d.scalar(path, v, s, at, into)
	}
}

func (d *decoder) structure(path string, v any, into reflect.Value) {
	m, ok := d.object(path, v, "must be a map of keys")
	if !ok {
		return
	}
	s := shapeOf(into.Type())
	d.unknown(path, m, s.names())
	d.fields(path, m, s, into)
}

func (d *decoder) object(path string, v any, must string) (map[string]any, bool) {
	m, ok := v.(map[string]any)
	if !ok {
		d.report(path, "%s, got %s", must, describe(v))
	}
	return m, ok
}

func (d *decoder) fields(path string, m map[string]any, s *shape, into reflect.Value) {
	for _, f := range s.fields {
		v, given := m[f.name]
		if !given {
			d.missing(path, f, m, s)
			continue
		}
		d.value(join(path, f.name), v, f.schema, f.place, into.FieldByIndex(f.index))
	}
}

func (d *decoder) missing(path string, f field, m map[string]any, s *shape) {
	if !f.required {
		return
	}
	known := s.names()
	var others []string
	for key := range m {
		if !slices.Contains(known, key) {
			others = append(others, key)
		}
	}
	slices.Sort(others)
	if guess := registry.Nearest(f.name, others[:min(len(others), maxIssues)]); guess != "" {
		d.report(path, "required key %q is missing; is it meant by %q?", f.name, guess)
		return
	}
	d.report(path, "required key %q is missing", f.name)
}

func (d *decoder) unknown(path string, m map[string]any, known []string) {
	for _, key := range slices.Sorted(maps.Keys(m)) {
		if d.full() {
			return
		}
		if slices.Contains(known, key) {
			continue
		}
		if guess := registry.Nearest(key, known); guess != "" {
			d.report(join(path, key), "unknown key; did you mean %q?", guess)
			continue
		}
		if len(known) == 0 {
			d.report(join(path, key), "unknown key; there are no options here")
			continue
		}
		d.report(join(path, key), "unknown key; known: %s", strings.Join(known, ", "))
	}
}

func (d *decoder) list(path string, v any, s *jsonschema.Schema, at place, into reflect.Value) {
	items, ok := v.([]any)
	if !ok && at.alone {
		items, ok = []any{v}, true
	}
	if !ok {
		d.report(path, "must be a list, got %s", describe(v))
		return
	}
	if into.Kind() == reflect.Array && len(items) != into.Len() {
		d.report(path, "must have exactly %s, got %s", count(uint64(into.Len())), count(uint64(len(items))))
		return
	}
	d.checkItems(path, items, s)
	list := into
	if into.Kind() == reflect.Slice {
		list = reflect.MakeSlice(into.Type(), len(items), len(items))
	}
	_, bracketed := v.([]any)
	for i, v := range items {
		at, where := at, path
		at.alone = false
		if bracketed {
			where = item(path, i)
		}
		d.value(where, v, s.Items, at, list.Index(i))
	}
	into.Set(list)
}

func (d *decoder) dictionary(path string, v any, s *jsonschema.Schema, at place, into reflect.Value) {
	m, ok := d.object(path, v, "must be a map")
	if !ok {
		return
	}
	t := into.Type()
	fresh := reflect.MakeMapWithSize(t, len(m))
	for _, key := range slices.Sorted(maps.Keys(m)) {
		value := reflect.New(t.Elem()).Elem()
		d.value(join(path, key), m[key], s.AdditionalProperties, at, value)
		fresh.SetMapIndex(reflect.ValueOf(key).Convert(t.Key()), value)
	}
	into.Set(fresh)
}

func (d *decoder) scalar(path string, v any, s *jsonschema.Schema, at place, into reflect.Value) {
	switch into.Kind() {
	case reflect.String:
		d.text(path, v, s, at, into)
	case reflect.Bool:
		b, ok := v.(bool)
		if !ok {
			d.report(path, "must be true or false, got %s", describe(v))
			return
		}
		into.SetBool(b)
	case reflect.Float32, reflect.Float64:
		d.float(path, v, s, into)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		d.integer(path, v, s, into)
	default:
		panic(fmt.Sprintf("config: %s: a field of type %s cannot be decoded; use registry.Raw", path, into.Type()))
	}
}

func (d *decoder) text(path string, v any, s *jsonschema.Schema, at place, into reflect.Value) {
	text, ok := v.(string)
	if !ok {
		d.report(path, "must be text, got %s%s", describe(v), quoteAdvice(v))
		return
	}
	if text, ok = d.expand(path, text, at); !ok || !d.checkText(path, text, s) {
		return
	}
	if at.path != "" {
		if text, ok = d.locate(path, text, at.path); !ok {
			return
		}
	}
	into.SetString(text)
}

func quoteAdvice(v any) string {
	switch v.(type) {
	case int, int64, uint64, float64, bool:
		return "; put it in quotes"
	}
	return ""
}

func (d *decoder) duration(path string, v any, into *time.Duration) {
	const must = "must be a duration of at least 0s such as 60s or 1m30s, got %s"
	text, ok := v.(string)
	if !ok {
		d.report(path, must, describe(v))
		return
	}
	if !compiled(durationPattern).MatchString(text) {
		d.report(path, must, describe(v))
		return
	}
	length, err := time.ParseDuration(text)
	if err != nil {
		d.report(path, "must be less than 292 years, got %s", quote(text))
		return
	}
	*into = length
}

// raw keeps a value to be decoded when its type is known, with the keys of
// head taken by whoever hosts it.
func (doc *document) raw(path string, v any, head []string) registry.Raw {
	return registry.Raw{Value: v, DecodeInto: func(into any) error {
		target := reflect.ValueOf(into)
		if target.Kind() != reflect.Pointer || target.IsNil() {
			return fmt.Errorf("config: cannot decode %s into %T; give a pointer", path, into)
		}
		d := decoder{doc: doc}
		d.late(path, v, head, target.Elem())
		return d.issues.err()
	}}
}

func (d *decoder) late(path string, v any, head []string, into reflect.Value) {
	if len(head) == 0 || into.Kind() != reflect.Struct {
		d.value(path, v, &jsonschema.Schema{}, place{}, into)
		return
	}
	m, ok := d.object(path, v, "must be a map of keys")
	if !ok {
		return
	}
	s := shapeOf(into.Type())
	d.unknown(path, m, append(slices.Clone(head), s.names()...))
	d.fields(path, m, s, into)
}
