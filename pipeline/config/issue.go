package config

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"quba/pipeline/registry"
)

// Issue is one fault of a config and its place.
type Issue struct {
	// File is empty for settings that come from the environment or a flag;
	// Path is then the variable or the flag.
	File string
	// Line and Col count from 1; both are 0 when the place is not known.
	Line, Col int
	// Path is the place in the config, such as "pipelines[1].stages[2]".
	Path    string
	Message string
	// Absent says that only the machine lacks something: a folder or file that
	// is not there, an environment variable that is not set.
	Absent bool
}

// Error is "file:line:col: path: message", without the parts that are empty.
func (i Issue) Error() string {
	var b strings.Builder
	if i.File != "" {
		b.WriteString(i.File)
		if i.Line > 0 {
			fmt.Fprintf(&b, ":%d:%d", i.Line, i.Col)
		}
		b.WriteString(": ")
	}
	if i.Path != "" {
		b.WriteString(printable(i.Path) + ": ")
	}
	b.WriteString(i.Message)
	return b.String()
}

// Issues is everything that is wrong with a config, in the order of the file.
type Issues []Issue

// Error gives one issue per line.
func (is Issues) Error() string {
	lines := make([]string, len(is))
	for i, issue := range is {
		lines[i] = issue.Error()
	}
	return strings.Join(lines, "\n")
}

// Absent says whether the machine lacking something is all that is wrong.
func (is Issues) Absent() bool {
	return !slices.ContainsFunc(is, func(i Issue) bool { return !i.Absent })
}

// err is the sorted issues, or an untyped nil when there are none.
func (is Issues) err() error {
	if len(is) == 0 {
		return nil
	}
	is.sort()
	return is
}

func (is Issues) sort() {
	slices.SortStableFunc(is, func(a, b Issue) int {
		return cmp.Or(
			cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Col, b.Col),
			cmp.Compare(a.Path, b.Path), cmp.Compare(a.Message, b.Message),
		)
	})
}

// Issue makes an issue about the value at path.
func (c Config) Issue(path, format string, args ...any) Issue {
	return c.doc.issue(path, format, args...)
}

// At is the line and column, from 1, of the value at path, or of its nearest
// ancestor that the file has. Both are 0 when path was not set by a file.
func (c Config) At(path string) (line, col int) { return c.doc.at(path) }

// Place turns an error about the component at path into issues with their
// places: joined errors become one issue each, a registry.FieldError is about
// a key below path, and issues stay as they are. Compile errors can be joined
// with those of Load and placed with the path "". The result is sorted and
// has no repetitions; it is nil for a nil error.
func (c Config) Place(path string, err error) Issues {
	placed := c.doc.place(path, err)
	placed.sort()
	return slices.Compact(placed)
}

func (d *document) place(path string, err error) Issues {
	switch e := err.(type) {
	case nil:
		return nil
	case Issues:
		return slices.Clone(e)
	case Issue:
		return Issues{e}
	case *registry.FieldError:
		return d.place(join(path, e.Field), e.Err)
	}
	if parts := joined(err); parts != nil {
		var all Issues
		for _, part := range parts {
			all = append(all, d.place(path, part)...)
		}
		return all
	}
	return d.placeWrapped(path, err)
}

// placeWrapped keeps the words that were wrapped around a FieldError, but not
// those around issues, which say all there is to say.
func (d *document) placeWrapped(path string, err error) Issues {
	var issues Issues
	if errors.As(err, &issues) {
		return slices.Clone(issues)
	}
	var issue Issue
	if errors.As(err, &issue) {
		return Issues{issue}
	}
	var field *registry.FieldError
	if errors.As(err, &field) {
		words := strings.Replace(err.Error(), field.Error(), field.Err.Error(), 1)
		return Issues{d.issue(join(path, field.Field), "%s", words)}
	}
	return Issues{d.issue(path, "%s", err)}
}

// joined returns the parts of an error made by errors.Join; an error with
// several causes and words of its own is one error.
func joined(err error) []error {
	e, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return nil
	}
	parts := e.Unwrap()
	if errors.Join(parts...).Error() != err.Error() {
		return nil
	}
	return parts
}

// join appends a key or an index such as "[2]" to a path.
func join(path, key string) string {
	if path == "" || key == "" || key[0] == '[' {
		return path + key
	}
	return path + "." + key
}

func item(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }

// printable keeps an issue on one short line whatever the keys of the file
// are.
func printable(s string) string {
	const most = 200
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "..."
	}
	if strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return strconv.Quote(s)
	}
	return s
}
