package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// settingHelp documents the language of --stage and --metric.
const settingHelp = `A stage or metric is written NAME[:KEY=VALUE[,KEY=VALUE...]]. Values are YAML
scalars; a list is 1|2|3 or the key several times, and one value is enough where
the option is a list. A dot leads into a map: probe.timeout=10s. Put a value in
'single' or "double" quotes to make it text that may hold , and |. The options
are those of a config; ` + "`pipeline list stages`" + ` shows them.`

// component is a component as the command line writes it.
type component struct {
	text     string // as given
	name     string
	settings []setting
}

// setting is an option with its values; several make a list.
type setting struct {
	key    []string // the way to it through maps
	values []*yaml.Node
	list   bool
}

// parseComponent reads NAME[:KEY=VALUE[,KEY=VALUE...]].
func parseComponent(text string) (component, error) {
	name, rest, more := strings.Cut(text, ":")
	c := component{text: text, name: name}
	if name == "" {
		return c, fmt.Errorf("must begin with a name, as in corruption:kinds=fog")
	}
	if !more {
		return c, nil
	}
	at := len(name) + 1
	parts, err := split(rest, ',')
	if err != nil {
		return c, err
	}
	for _, part := range parts {
		key, value, ok := strings.Cut(part, "=")
		if !ok || key == "" {
			return c, fmt.Errorf("character %d: must be KEY=VALUE, got %q", at+1, part)
		}
		if err := c.add(strings.Split(key, "."), value); err != nil {
			return c, fmt.Errorf("character %d: %s: %w", at+1, key, err)
		}
		at += len(part) + 1
	}
	return c, nil
}

// add appends values to the setting of the key.
func (c *component) add(key []string, value string) error {
	if slices.Contains(key, "") {
		return errors.New("a key is empty")
	}
	pieces, err := split(value, '|')
	if err != nil {
		return err
	}
	s := c.setting(key)
	s.list = len(pieces) > 1 || len(s.values) > 0
	for _, piece := range pieces {
		s.values = append(s.values, scalar(piece))
	}
	return nil
}

func (c *component) setting(key []string) *setting {
	for i := range c.settings {
		if strings.Join(c.settings[i].key, ".") == strings.Join(key, ".") {
			return &c.settings[i]
		}
	}
	c.settings = append(c.settings, setting{key: key})
	return &c.settings[len(c.settings)-1]
}

// scalar is a value as YAML would read it; quotes make it text.
func scalar(text string) *yaml.Node {
	if n := len(text); n >= 2 && (text[0] == '\'' || text[0] == '"') && text[n-1] == text[0] {
		return &yaml.Node{Kind: yaml.ScalarNode, Value: text[1 : n-1], Tag: "!!str", Style: yaml.DoubleQuotedStyle}
	}
	if text == "" {
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Style: yaml.DoubleQuotedStyle}
	}
	return &yaml.Node{Kind: yaml.ScalarNode, Value: text}
}

// split cuts text at a separator that does not stand in quotes.
func split(text string, separator byte) ([]string, error) {
	var parts []string
	start, quote := 0, byte(0)
	for i := range len(text) {
		switch c := text[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case (c == '\'' || c == '"') && (i == start || text[i-1] == '=' || text[i-1] == '|'):
			quote = c
		case c == separator:
			parts = append(parts, text[start:i])
			start = i + 1
		}
	}
	if quote != 0 {
		return nil, fmt.Errorf("a quote %c is not closed", quote)
	}
	return append(parts, text[start:]), nil
}

// node is the component in YAML, below the key that names it. isList says
// which options are lists, where one value does not show it.
func (c component) node(nameKey string, isList func(key string) bool) *yaml.Node {
	m := &yaml.Node{Kind: yaml.MappingNode, Style: yaml.FlowStyle}
	put(m, []string{nameKey}, &yaml.Node{Kind: yaml.ScalarNode, Value: c.name})
	for _, s := range c.settings {
		put(m, s.key, s.node(isList(strings.Join(s.key, "."))))
	}
	return m
}

func (s setting) node(list bool) *yaml.Node {
	if !list && !s.list {
		return s.values[0]
	}
	return &yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle, Content: s.values}
}

// put sets the value at a key of nested maps. A key that is both a value and
// a map stands twice, which is then reported.
func put(m *yaml.Node, key []string, value *yaml.Node) {
	if len(key) > 1 {
		for i := 0; i+1 < len(m.Content); i += 2 {
			if m.Content[i].Value == key[0] && m.Content[i+1].Kind == yaml.MappingNode {
				put(m.Content[i+1], key[1:], value)
				return
			}
		}
		inner := &yaml.Node{Kind: yaml.MappingNode, Style: yaml.FlowStyle}
		put(inner, key[1:], value)
		value = inner
	}
	m.Content = append(m.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: key[0], Tag: "!!str"}, value)
}
