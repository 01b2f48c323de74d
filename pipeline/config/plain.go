package config

import (
	"fmt"
	"math"

	"go.yaml.in/yaml/v3"
)

// plainer turns nodes into plain values and reports what no config may have.
type plainer struct {
	doc  *document
	left int // values that aliases may still repeat
	// aliases counts those that the value at hand is reached through.
	aliases int
	full    bool     // a limit was passed and reported
	keys    []string // the way from the root, for messages
	issues  Issues
}

func (p *plainer) report(node *yaml.Node, format string, args ...any) reported {
	if len(p.issues) < maxIssues {
		path := ""
		for _, key := range p.keys {
			path = join(path, key)
		}
		p.issues = append(p.issues, Issue{
			File: p.doc.file, Line: node.Line, Col: node.Column,
			Path: path, Message: fmt.Sprintf(format, args...),
		})
	}
	return reported{}
}

func (p *plainer) value(node *yaml.Node, depth int) any {
	for node.Kind == yaml.AliasNode {
		node = node.Alias
		p.aliases++
		defer func() { p.aliases-- }()
	}
	if depth > maxDepth {
		p.full = true
		return p.report(node, "must not be nested more than %d levels deep", maxDepth)
	}
	if p.aliases > 0 {
		p.left--
	}
	if p.left < 0 {
		p.full = true
		return p.report(node, "aliases must not repeat more than %d values", maxAliased)
	}
	switch node.Kind {
	case yaml.MappingNode:
		return p.mapping(node, depth)
	case yaml.SequenceNode:
		list := make([]any, 0, len(node.Content))
		for i, child := range node.Content {
			if p.full {
				break
			}
			list = append(list, p.child(item("", i), child, depth))
		}
		return list
	}
	return p.scalar(node)
}

func (p *plainer) child(key string, node *yaml.Node, depth int) any {
	p.keys = append(p.keys, key)
	value := p.value(node, depth+1)
	p.keys = p.keys[:len(p.keys)-1]
	return value
}

func (p *plainer) mapping(node *yaml.Node, depth int) map[string]any {
	m := make(map[string]any, len(node.Content)/2)
	lines := make(map[string]int, len(node.Content)/2)
	for i := 0; i+1 < len(node.Content) && !p.full; i += 2 {
		key := node.Content[i]
		if !p.usable(key) {
			continue
		}
		if first, ok := lines[key.Value]; ok {
			p.keys = append(p.keys, key.Value)
			p.report(key, "duplicate key; first set in line %d", first)
			p.keys = p.keys[:len(p.keys)-1]
			continue
		}
		lines[key.Value] = key.Line
		m[key.Value] = p.child(key.Value, node.Content[i+1], depth)
	}
	return m
}

func (p *plainer) usable(key *yaml.Node) bool {
	switch {
	case key.Kind != yaml.ScalarNode:
		p.report(key, "a key must be text, got %s", kindWord(key))
	case key.ShortTag() == "!!merge":
		p.report(key, `merge keys ("<<") are not supported; repeat the keys, or give the whole map by an alias`)
	case len(key.Value) > maxKey:
		p.report(key, "a key must have at most %d bytes, got %d", maxKey, len(key.Value))
	default:
		return true
	}
	return false
}

func (p *plainer) scalar(node *yaml.Node) any {
	switch tag := node.ShortTag(); tag {
	case "!!str", "!!timestamp":
		return node.Value
	case "!!null":
		return nil
	case "!!bool", "!!int", "!!float":
		var value any
		if err := node.Decode(&value); err != nil {
			return p.report(node, "must be what its tag %s says, got %s", tag, quote(node.Value))
		}
		if f, ok := value.(float64); ok && (math.IsNaN(f) || math.IsInf(f, 0)) {
			return p.report(node, "must be a finite number, got %s", node.Value)
		}
		return value
	default:
		return p.report(node, "the tag %s is not supported; remove it", printable(tag))
	}
}

func kindWord(node *yaml.Node) string {
	switch node.Kind {
	case yaml.MappingNode:
		return "a map"
	case yaml.SequenceNode:
		return "a list"
	case yaml.AliasNode:
		return kindWord(node.Alias)
	}
	return "text " + quote(node.Value)
}
