package config

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/invopop/jsonschema"

	"quba/pipeline/registry"
)

var patterns sync.Map // of *regexp.Regexp by its text

func compiled(pattern string) *regexp.Regexp {
	if known, ok := patterns.Load(pattern); ok {
		return known.(*regexp.Regexp)
	}
	re := regexp.MustCompile(pattern)
	patterns.Store(pattern, re)
	return re
}

func (d *decoder) checkText(path, text string, s *jsonschema.Schema) bool {
	length := uint64(utf8.RuneCountInString(text))
	switch {
	case len(s.Enum) > 0:
		return d.checkEnum(path, text, s.Enum)
	case s.MinLength != nil && length < *s.MinLength && length == 0:
		d.report(path, "must not be empty")
	case s.MinLength != nil && length < *s.MinLength:
		d.report(path, "must have at least %d letters, got %s", *s.MinLength, quote(text))
	case s.MaxLength != nil && length > *s.MaxLength:
		d.report(path, "must have at most %d letters, got %s", *s.MaxLength, quote(text))
	case s.Pattern != "" && !compiled(s.Pattern).MatchString(text):
		d.report(path, "must match %s, got %s", s.Pattern, quote(text))
	default:
		return true
	}
	return false
}

func (d *decoder) checkEnum(path, text string, enum []any) bool {
	known := make([]string, len(enum))
	for i, e := range enum {
		known[i] = fmt.Sprint(e)
		if known[i] == text {
			return true
		}
	}
	advice := ""
	if guess := registry.Nearest(text, known); guess != "" {
		advice = fmt.Sprintf("; did you mean %q?", guess)
	}
	d.report(path, "must be %s, got %s%s", alternatives(known), quote(text), advice)
	return false
}

func (d *decoder) integer(path string, v any, s *jsonschema.Schema, into reflect.Value) {
	if !isNumber(v) || math.Trunc(toFloat(v)) != toFloat(v) {
		d.report(path, "must be a whole number, got %s", describe(v))
		return
	}
	if !d.checkNumber(path, v, s) {
		return
	}
	if !setInteger(into, v) {
		low, high := integerRange(into.Type())
		low, high = cmp.Or(s.Minimum.String(), low), cmp.Or(s.Maximum.String(), high)
		d.report(path, "must be %s..%s, got %s", low, high, describe(v))
	}
}

// setInteger reports whether v fits into without loss.
func setInteger(into reflect.Value, v any) bool {
	n, negative, ok := magnitude(v)
	if !ok {
		return false
	}
	if into.CanUint() {
		if negative || into.OverflowUint(n) {
			return false
		}
		into.SetUint(n)
		return true
	}
	signed := int64(n)
	if negative {
		signed = -signed
	}
	if (signed < 0) != negative || into.OverflowInt(signed) {
		return false
	}
	into.SetInt(signed)
	return true
}

// magnitude splits a whole number into its absolute value and its sign.
func magnitude(v any) (n uint64, negative, ok bool) {
	switch x := v.(type) {
	case float64:
		if math.Abs(x) >= 1<<64 {
			return 0, false, false
		}
		return uint64(math.Abs(x)), x < 0, true
	case uint64:
		return x, false, true
	}
	signed := reflect.ValueOf(v).Int()
	if signed < 0 {
		return -uint64(signed), true, true
	}
	return uint64(signed), false, true
}

func integerRange(t reflect.Type) (low, high string) {
	bits := t.Bits()
	if reflect.Zero(t).CanUint() {
		return "0", strconv.FormatUint(math.MaxUint64>>(64-bits), 10)
	}
	return strconv.FormatInt(math.MinInt64>>(64-bits), 10), strconv.FormatInt(math.MaxInt64>>(64-bits), 10)
}

func (d *decoder) float(path string, v any, s *jsonschema.Schema, into reflect.Value) {
	if !isNumber(v) {
		d.report(path, "must be a number, got %s", describe(v))
		return
	}
	if !d.checkNumber(path, v, s) {
		return
	}
	f := toFloat(v)
	if into.OverflowFloat(f) {
		d.report(path, "must fit in %d bits, got %s", into.Type().Bits(), describe(v))
		return
	}
	into.SetFloat(f)
}

func (d *decoder) checkNumber(path string, v any, s *jsonschema.Schema) bool {
	n := toFloat(v)
	for _, e := range s.Enum {
		if bound(e.(json.Number)) == n {
			return true
		}
	}
	if len(s.Enum) > 0 {
		d.report(path, "must be %s, got %s", alternatives(s.Enum), describe(v))
		return false
	}
	below := s.Minimum != "" && n < bound(s.Minimum) || s.ExclusiveMinimum != "" && n <= bound(s.ExclusiveMinimum)
	above := s.Maximum != "" && n > bound(s.Maximum) || s.ExclusiveMaximum != "" && n >= bound(s.ExclusiveMaximum)
	if below || above {
		d.report(path, "must be %s, got %s", interval(s), describe(v))
		return false
	}
	return true
}

// interval says in words what minimum and maximum allow.
func interval(s *jsonschema.Schema) string {
	if s.Minimum != "" && s.Maximum != "" {
		return fmt.Sprintf("%s..%s", s.Minimum, s.Maximum)
	}
	var parts []string
	for _, limit := range []struct {
		words string
		value json.Number
	}{
		{"at least", s.Minimum},
		{"more than", s.ExclusiveMinimum},
		{"at most", s.Maximum},
		{"less than", s.ExclusiveMaximum},
	} {
		if limit.value != "" {
			parts = append(parts, limit.words+" "+limit.value.String())
		}
	}
	return strings.Join(parts, " and ")
}

func (d *decoder) checkItems(path string, items []any, s *jsonschema.Schema) {
	n := uint64(len(items))
	if s.MinItems != nil && n < *s.MinItems {
		d.report(path, "must have at least %s, got %s", count(*s.MinItems), count(n))
	}
	if s.MaxItems != nil && n > *s.MaxItems {
		d.report(path, "must have at most %s, got %s", count(*s.MaxItems), count(n))
	}
	if !s.UniqueItems {
		return
	}
	first := map[string]int{}
	for i, v := range items {
		key, err := json.Marshal(v) // as JSON Schema compares: 1 equals 1.0
		if _, known := v.(reported); known || err != nil {
			continue
		}
		if j, ok := first[string(key)]; ok {
			d.report(item(path, i), "must not repeat %s of item %d", describe(v), j)
			continue
		}
		first[string(key)] = i
	}
}

func isNumber(v any) bool {
	switch v.(type) {
	case int, int64, uint64, float64:
		return true
	}
	return false
}

func toFloat(v any) float64 {
	switch n := v.(type) {
	case int:
		return float64(n)
	case int64:
		return float64(n)
	case uint64:
		return float64(n)
	}
	return v.(float64)
}

func bound(n json.Number) float64 {
	f, _ := n.Float64() // the reflector lets nothing but numbers through
	return f
}

// describe names a value in messages; long texts are cut.
func describe(v any) string {
	switch v := v.(type) {
	case nil:
		return "nothing"
	case string:
		return "text " + quote(v)
	case []any:
		return "a list"
	case map[string]any:
		return "a map"
	}
	return fmt.Sprint(v)
}

func quote(text string) string {
	const most = 60
	if runes := []rune(text); len(runes) > most {
		text = string(runes[:most]) + "..."
	}
	return strconv.Quote(text)
}

func count(n uint64) string {
	switch n {
	case 0:
		return "none"
	case 1:
		return "1 item"
	}
	return fmt.Sprintf("%d items", n)
}

// alternatives joins values as "a, b or c".
func alternatives[T any](values []T) string {
	words := make([]string, len(values))
	for i, v := range values {
		words[i] = fmt.Sprint(v)
	}
	last := len(words) - 1
	if last == 0 {
		return words[0]
	}
	return strings.Join(words[:last], ", ") + " or " + words[last]
}
