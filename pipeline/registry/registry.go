// Package registry holds the named components of one kind: sources, stages,
// models, sinks, metrics. A component registers itself from an init function
// in its own file, so adding one edits no list.
package registry

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// Registry is the set of components of one kind. The zero value is not
// usable; make one with New.
type Registry[T any] struct {
	kind    string
	entries map[string]Entry[T]
}

// Entry describes one registered component.
type Entry[T any] struct {
	Name    string
	Summary string
	// Layout is that of the config, "" where it has none: see Layouter.
	Layout string
	// Defaults is the filled config struct that the user's options are
	// decoded over. Its type and tags are the schema of the options.
	Defaults any
	// New makes the component from options that decode writes over a copy of
	// the defaults. decode may be nil: the defaults are then used as they are.
	New func(decode func(into any) error) (T, error)
}

// New returns an empty registry; kind names what it holds in messages
// ("source", "stage").
func New[T any](kind string) *Registry[T] {
	return &Registry[T]{kind: kind, entries: map[string]Entry[T]{}}
}

// Validator is implemented by configs with rules that struct tags cannot
// state. Validate reports every broken rule, joined with errors.Join; wrap
// each in a FieldError to name the key it is about.
type Validator interface{ Validate() error }

// Layouter is implemented by configs of components that read files which must
// lie in a certain way. Layout shows it as a tree of an example, a line for
// each folder or file, without a line break at the end.
type Layouter interface{ Layout() string }

// Register adds a component. It panics on an empty or repeated name, an empty
// summary, a config that is not a struct, or no build: those are faults of
// the program, found by the first test that links it.
//
// build must not open, read or contact anything: it runs when a config is
// checked. It may return FieldErrors.
func Register[C, T any](r *Registry[T], name, summary string, defaults C, build func(C) (T, error)) {
	if name == "" || summary == "" {
		panic(fmt.Sprintf("registry: %s %q needs a name and a summary", r.kind, name))
	}
	if _, taken := r.entries[name]; taken {
		panic(fmt.Sprintf("registry: %s %q is registered twice", r.kind, name))
	}
	if t := reflect.TypeFor[C](); t.Kind() != reflect.Struct {
		panic(fmt.Sprintf("registry: %s %q: config must be a struct, is %s", r.kind, name, t))
	}
	if build == nil {
		panic(fmt.Sprintf("registry: %s %q has no build function", r.kind, name))
	}
	r.entries[name] = Entry[T]{
		Name: name, Summary: summary, Layout: layoutOf(defaults), Defaults: defaults,
		New: func(decode func(any) error) (T, error) { return construct(defaults, decode, build) },
	}
}

func layoutOf[C any](defaults C) string {
	if l, ok := any(&defaults).(Layouter); ok {
		return l.Layout()
	}
	return ""
}

func construct[C, T any](defaults C, decode func(any) error, build func(C) (T, error)) (T, error) {
	var none T
	config := clone(defaults)
	if decode != nil {
		if err := decode(&config); err != nil {
			return none, err
		}
	}
	if v, ok := any(&config).(Validator); ok {
		if err := v.Validate(); err != nil {
			return none, err
		}
	}
	return build(config)
}

// Names returns the registered names in alphabetical order.
func (r *Registry[T]) Names() []string {
	names := make([]string, 0, len(r.entries))
	for name := range r.entries {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Entries returns the components in alphabetical order of their names.
func (r *Registry[T]) Entries() []Entry[T] {
	entries := make([]Entry[T], 0, len(r.entries))
	for _, name := range r.Names() {
		entries = append(entries, r.entries[name])
	}
	return entries
}

// Lookup finds a component. The error of an unknown name lists the known ones
// and the one most likely meant.
func (r *Registry[T]) Lookup(name string) (Entry[T], error) {
	entry, ok := r.entries[name]
	if ok {
		return entry, nil
	}
	return entry, Unknown(r.kind, name, r.Names())
}

// Unknown is the error for a name that does not exist among known.
func Unknown(kind, name string, known []string) error {
	if len(known) == 0 {
		return fmt.Errorf("unknown %s %q; none is defined", kind, name)
	}
	if guess := Nearest(name, known); guess != "" {
		return fmt.Errorf("unknown %s %q; did you mean %q?", kind, name, guess)
	}
	return fmt.Errorf("unknown %s %q; known: %s", kind, name, strings.Join(known, ", "))
}

// FieldError is an error about one key of a component's options, such as
// "on.clean" or "severities[2]".
type FieldError struct {
	Field string
	Err   error
}

func (e *FieldError) Error() string { return e.Field + ": " + e.Err.Error() }

func (e *FieldError) Unwrap() error { return e.Err }

// Fieldf makes a FieldError.
func Fieldf(field, format string, args ...any) error {
	return &FieldError{Field: field, Err: fmt.Errorf(format, args...)}
}

// Raw is an option whose type is known only later: a component that hosts
// others (a sink that hosts a metric) decodes it with the strictness and the
// positions of the file it came from.
type Raw struct {
	// Value is the plain tree of maps, lists and scalars; nil when absent.
	Value any
	// DecodeInto writes the value over into; nil when the value is absent.
	DecodeInto func(into any) error
}

// Decode writes the value over into; an absent value leaves into as it is.
func (r Raw) Decode(into any) error {
	if r.DecodeInto == nil {
		if r.Value == nil {
			return nil
		}
		return errors.New("registry: raw value has no decoder")
	}
	return r.DecodeInto(into)
}
