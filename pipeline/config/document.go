package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// Limits that keep the time and memory of a hostile file bounded.
const (
	maxBytes   = 1 << 20
	maxDepth   = 100
	maxAliased = 20_000 // scalars, lists and maps that aliases repeat
	maxKey     = 256    // bytes
	maxIssues  = 100
)

// document is a parsed file: the tree for places, and what decoding needs to
// know about where values come from. All configs made from it share it.
type document struct {
	file string // as named in messages
	dir  string // absolute; relative paths of the file start here
	root *yaml.Node
	// origin names the variable or flag that set a top-level key.
	origin  map[string]string
	environ map[string]string

	mu sync.Mutex
	// resolved holds the absolute form of the paths decoded so far.
	resolved map[string]string
}

// reported stands for a value whose fault is already among the issues.
type reported struct{}

// parse reads YAML into plain maps, lists and scalars, and keeps the tree.
func (d *document) parse(data []byte) (map[string]any, Issues) {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if issue, bad := d.unreadable(data); bad {
		return nil, Issues{issue}
	}
	var tree yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	switch err := decoder.Decode(&tree); {
	case errors.Is(err, io.EOF):
		return nil, Issues{d.empty()}
	case err != nil:
		return nil, Issues{d.syntax(data, err)}
	}
	if issue, more := d.secondDocument(decoder, data); more {
		return nil, Issues{issue}
	}
	root := tree.Content[0]
	if root.ShortTag() == "!!null" {
		return nil, Issues{d.empty()}
	}
	d.root = root
	p := plainer{doc: d, left: maxAliased}
	m, ok := p.value(root, 0).(map[string]any)
	if !ok && len(p.issues) == 0 {
		p.issues = Issues{d.issue("", "must be a map of keys such as models: and pipelines:, got %s", kindWord(root))}
	}
	if p.full {
		m = nil // what is left out would only lead to wrong issues
	}
	return m, p.issues
}

func (d *document) empty() Issue {
	return Issue{File: d.file, Line: 1, Col: 1, Message: "is empty; a config needs models, pipelines and sinks"}
}

func (d *document) secondDocument(decoder *yaml.Decoder, data []byte) (Issue, bool) {
	var second yaml.Node
	err := decoder.Decode(&second)
	if errors.Is(err, io.EOF) {
		return Issue{}, false
	}
	if err != nil {
		return d.syntax(data, err), true
	}
	return Issue{
		File: d.file, Line: second.Line, Col: second.Column,
		Message: `a second document begins here; a config is one document, so remove "---"`,
	}, true
}

// unreadable reports bytes that no YAML text has, which the library rejects
// without a place.
func (d *document) unreadable(data []byte) (Issue, bool) {
	if len(data) > maxBytes {
		return Issue{File: d.file, Message: fmt.Sprintf("must be at most %d MiB, got %d bytes or more", maxBytes>>20, maxBytes+1)}, true
	}
	at := -1
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		if (r == utf8.RuneError && size == 1) || (r < ' ' && !strings.ContainsRune("\t\n\r", r)) || r == 0x7f {
			at = i
			break
		}
		i += size
	}
	if at < 0 {
		return Issue{}, false
	}
	line := 1 + bytes.Count(data[:at], []byte("\n"))
	col := 1 + utf8.RuneCount(data[bytes.LastIndexByte(data[:at], '\n')+1:at])
	return Issue{File: d.file, Line: line, Col: col, Message: fmt.Sprintf("must be UTF-8 text, got byte 0x%02x", data[at])}, true
}

func (d *document) issue(path, format string, args ...any) Issue {
	issue := Issue{Path: path, Message: fmt.Sprintf(format, args...)}
	if d == nil {
		return issue
	}
	if origin, ok := d.origin[path]; ok {
		issue.Path = origin
		return issue
	}
	issue.File = d.file
	issue.Line, issue.Col = d.at(path)
	return issue
}

// at walks the tree along path. Keys may hold dots, so the longest key that
// fits is followed.
func (d *document) at(path string) (line, col int) {
	if d == nil || d.root == nil || d.origin[path] != "" {
		return 0, 0
	}
	node := d.root
	line, col = node.Line, node.Column
	for path != "" {
		place, value, rest := step(node, path)
		if place == nil {
			break
		}
		line, col = place.Line, place.Column
		node, path = value, rest
	}
	return line, col
}

// step follows the first key or index of path; place is nil when node has no
// such child.
func step(node *yaml.Node, path string) (place, value *yaml.Node, rest string) {
	for node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	switch node.Kind {
	case yaml.SequenceNode:
		index, after, ok := strings.Cut(strings.TrimPrefix(path, "["), "]")
		i, err := strconv.Atoi(index)
		if !ok || err != nil || i < 0 || i >= len(node.Content) {
			return nil, nil, ""
		}
		return node.Content[i], node.Content[i], strings.TrimPrefix(after, ".")
	case yaml.MappingNode:
		longest := -1
		for i := 0; i+1 < len(node.Content); i += 2 {
			key := node.Content[i].Value
			after, ok := strings.CutPrefix(path, key)
			if !ok || len(key) <= longest || (after != "" && after[0] != '.' && after[0] != '[') {
				continue
			}
			longest = len(key)
			place, value, rest = node.Content[i], node.Content[i+1], strings.TrimPrefix(after, ".")
		}
		return place, value, rest
	}
	return nil, nil, ""
}

// resolve makes a path of the file absolute and remembers it for Effective.
// Paths from variables and flags start in the working directory, as a shell
// user expects.
func (d *document) resolve(path, value string) string {
	base := d.dir
	if d.origin[path] != "" {
		base = ""
	}
	absolute := value
	if !filepath.IsAbs(absolute) {
		absolute = filepath.Join(base, value)
	}
	if full, err := filepath.Abs(absolute); err == nil {
		absolute = full
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.resolved[path] = absolute
	return absolute
}
