package modelcard

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"quba/pipeline/registry"
)

// maxCardSize bounds side-cars; those of models with 20,000 named classes are
// about 1 MB.
const maxCardSize = 8 << 20

// maxSide bounds every size in pixels that a side-car may ask for.
const maxSide = 1 << 14

// object reads the keys of a JSON or YAML mapping, strictly: a value of the
// wrong type is a problem that names the file and the key. Problems gather in
// one list for the whole file.
type object struct {
	origin   string // the file, for messages and as the origin of fields
	path     string // of this object in the file, "" or "preprocess."
	values   map[string]any
	problems *[]error
}

// readObject reads a file. A file that does not exist gives no object. What
// is no regular file is not opened: a pipe without a writer would wait for
// ever.
func readObject(path, origin string) (*object, error) {
	info, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: must be a regular file", path)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxCardSize+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxCardSize {
		return nil, fmt.Errorf("%s: must be smaller than %d MB", path, maxCardSize>>20)
	}
	decode := decodeYAML
	if filepath.Ext(path) == ".json" {
		decode = decodeJSON
	}
	values, err := decode(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return newObject(origin, values), nil
}

// errNothing is the error of a file without any content.
var errNothing = errors.New("holds no settings; write some, or remove the file")

func newObject(origin string, values map[string]any) *object {
	return &object{origin: origin, values: values, problems: new([]error)}
}

func decodeJSON(data []byte) (map[string]any, error) {
	decoder := json.NewDecoder(bytes.NewReader(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))))
	decoder.UseNumber()
	var value any
	err := decoder.Decode(&value)
	if errors.Is(err, io.EOF) {
		return nil, errNothing
	}
	if err != nil {
		return nil, fmt.Errorf("must be a JSON object: %w", err)
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, errors.New("must be one JSON object, more follows it")
	}
	if value == nil {
		return nil, errNothing
	}
	values, ok := value.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("must be a JSON object, got %s", describe(value))
	}
	return values, nil
}

func decodeYAML(data []byte) (map[string]any, error) {
	var document yaml.Node
	if err := yaml.Unmarshal(data, &document); err != nil {
		return nil, notMapping(err)
	}
	if document.Kind == 0 || document.Content[0].ShortTag() == "!!null" {
		return nil, errNothing
	}
	if root := document.Content[0]; root.Kind != yaml.MappingNode {
		return nil, fmt.Errorf("must be a YAML mapping, got %s", yamlWord(root))
	}
	var values map[string]any
	if err := document.Decode(&values); err != nil {
		return nil, notMapping(err)
	}
	return values, nil
}

// notMapping takes the library's own words off an error, and puts several
// problems on one line.
func notMapping(err error) error {
	var problems *yaml.TypeError
	if errors.As(err, &problems) {
		return fmt.Errorf("must be a YAML mapping: %s", strings.Join(problems.Errors, "; "))
	}
	return fmt.Errorf("must be a YAML mapping: %s", strings.TrimPrefix(err.Error(), "yaml: "))
}

func yamlWord(node *yaml.Node) string {
	if node.Kind == yaml.SequenceNode {
		return "a list"
	}
	return describe(node.Value)
}

// problem records what is wrong with a key.
func (o *object) problem(key, format string, args ...any) {
	*o.problems = append(*o.problems, fmt.Errorf("%s: %s%s: %s", o.origin, o.path, key, fmt.Sprintf(format, args...)))
}

// err joins the problems found so far.
func (o *object) err() error { return errors.Join(*o.problems...) }

// has says whether a key is there and not null.
func (o *object) has(key string) bool { return o.values[key] != nil }

// onlyKeys reports every key that is not known.
func (o *object) onlyKeys(known ...string) {
	for _, key := range sortedKeys(o.values) {
		if !slices.Contains(known, key) {
			o.problem(key, "%s", registry.Unknown("key", key, known))
		}
	}
}

func sortedKeys(values map[string]any) []string {
	keys := make([]string, 0, len(values))
	for key := range values {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// child returns the object under key, an empty one when it is not there.
func (o *object) child(key string) *object {
	c := &object{origin: o.origin, path: o.path + key + ".", problems: o.problems}
	if !o.has(key) {
		return c
	}
	values, ok := o.values[key].(map[string]any)
	if !ok {
		o.problem(key, "must be a mapping, got %s", describe(o.values[key]))
	}
	c.values = values
	return c
}

func (o *object) text(key string) (string, bool) {
	if !o.has(key) {
		return "", false
	}
	s, ok := o.values[key].(string)
	if !ok {
		o.problem(key, "must be text, got %s", describe(o.values[key]))
	}
	return s, ok
}

func (o *object) boolean(key string) (value, ok bool) {
	if !o.has(key) {
		return false, false
	}
	value, ok = o.values[key].(bool)
	if !ok {
		o.problem(key, "must be true or false, got %s", describe(o.values[key]))
	}
	return value, ok
}

// whole reads a whole number within bounds.
func (o *object) whole(key string, low, high int64) (int64, bool) {
	if !o.has(key) {
		return 0, false
	}
	v, ok := number(o.values[key])
	if !ok || v != math.Trunc(v) || v < float64(low) || v > float64(high) {
		o.problem(key, "must be a whole number from %d to %d, got %s", low, high, describe(o.values[key]))
		return 0, false
	}
	return int64(v), true
}

// positive reads a number above 0.
func (o *object) positive(key string) (float64, bool) {
	if !o.has(key) {
		return 0, false
	}
	v, ok := number(o.values[key])
	if !ok || !(v > 0) || math.IsInf(v, 0) {
		o.problem(key, "must be a number above 0, got %s", describe(o.values[key]))
		return 0, false
	}
	return v, true
}

// triple reads one number for each of the channels R, G, B.
func (o *object) triple(key string) ([3]float64, bool) {
	var out [3]float64
	if !o.has(key) {
		return out, false
	}
	list, ok := o.values[key].([]any)
	if !ok || len(list) != 3 {
		o.problem(key, "must be a list of 3 numbers, got %s", describe(o.values[key]))
		return out, false
	}
	for i, item := range list {
		v, ok := number(item)
		if !ok || math.IsNaN(v) || math.IsInf(v, 0) {
			o.problem(fmt.Sprintf("%s[%d]", key, i), "must be a number, got %s", describe(item))
			return out, false
		}
		out[i] = v
	}
	return out, true
}

// size reads one side of a square, or [height, width].
func (o *object) size(key string) (Size, bool) {
	if list, ok := o.values[key].([]any); ok {
		if len(list) != 2 {
			o.problem(key, "must be one side, or [height, width], got %s", describe(list))
			return Size{}, false
		}
		pair := &object{origin: o.origin, path: o.path, problems: o.problems, values: map[string]any{key + "[0]": list[0], key + "[1]": list[1]}}
		h, okH := pair.whole(key+"[0]", 1, maxSide)
		w, okW := pair.whole(key+"[1]", 1, maxSide)
		return Size{W: int(w), H: int(h)}, okH && okW
	}
	side, ok := o.whole(key, 1, maxSide)
	return Size{W: int(side), H: int(side)}, ok
}

// word reads one word of an enumeration.
func word[T ~string](o *object, key string, words []T) (T, bool) {
	text, ok := o.text(key)
	if !ok {
		return "", false
	}
	if !slices.Contains(words, T(text)) {
		o.problem(key, "must be one of %s, got %q", names(words), text)
		return "", false
	}
	return T(text), true
}

// set stores a value that was read into a field.
func set[T any](field *Field[T], o *object, value T, ok bool) {
	if ok {
		*field = From(value, o.origin)
	}
}

func number(value any) (float64, bool) {
	switch v := value.(type) {
	case json.Number:
		f, err := v.Float64()
		return f, err == nil
	case int:
		return float64(v), true
	case uint64:
		return float64(v), true
	case float64:
		return v, true
	}
	return 0, false
}

// describe shows a value in a message, shortened.
func describe(value any) string {
	text := fmt.Sprintf("%v", value)
	if s, ok := value.(string); ok {
		text = fmt.Sprintf("%q", s)
	}
	if value == nil {
		text = "nothing"
	}
	if len(text) > 60 {
		text = strings.ToValidUTF8(text[:60], "") + "..."
	}
	return text
}

// scalar is a plain value in words; lists, mappings and null are none.
func scalar(value any) (string, bool) {
	switch v := value.(type) {
	case string:
		return v, true
	case bool, int, int64, uint64, float64, json.Number:
		return fmt.Sprint(v), true
	}
	return "", false
}
