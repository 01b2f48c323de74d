package config

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"reflect"

	"go.yaml.in/yaml/v3"
)

// Effective is the config as it took effect, as YAML that loads again: with
// the settings of the environment and the flags, the defaults of the top
// level, and absolute paths. Options of components are given as written, but
// for the paths that a component has decoded, so call it after the components
// have been made.
func Effective(c Config) ([]byte, error) {
	var root ordered
	values := reflect.ValueOf(c)
	for _, f := range shapeOf(values.Type()).fields {
		value := values.FieldByIndex(f.index)
		if f.place.path != "" && value.IsZero() {
			continue
		}
		root.set(f.name, c.effective(value.Interface()))
	}
	var b bytes.Buffer
	encoder := yaml.NewEncoder(&b)
	encoder.SetIndent(2)
	if err := encoder.Encode(root.node()); err != nil {
		return nil, fmt.Errorf("effective config: %w", err)
	}
	return b.Bytes(), encoder.Close()
}

func (c Config) effective(value any) any {
	switch v := value.(type) {
	case []Named:
		return each(v, func(named Named) any { return c.component(named.Name, named.Component) })
	case []Component:
		return each(v, func(component Component) any { return c.component("", component) })
	case []Pipeline:
		return each(v, func(p Pipeline) any { return c.pipeline(p) })
	}
	return value
}

func each[T any](list []T, convert func(T) any) []any {
	converted := make([]any, len(list))
	for i, v := range list {
		converted[i] = convert(v)
	}
	return converted
}

func (c Config) pipeline(p Pipeline) *yaml.Node {
	var m ordered
	m.set("name", p.Name)
	m.set("source", c.component("", p.Source))
	if len(p.Stages) > 0 {
		m.set("stages", c.effective(p.Stages))
	}
	if p.Models != nil {
		m.set("models", p.Models)
	}
	if p.Sample > 0 {
		m.set("sample", p.Sample)
	}
	if p.Limit > 0 {
		m.set("limit", p.Limit)
	}
	if p.Optional {
		m.set("optional", true)
	}
	return m.node()
}

func (c Config) component(name string, component Component) *yaml.Node {
	var m ordered
	if name != "" {
		m.set("name", name)
	}
	m.set("type", component.Type)
	options, _ := component.Options.Value.(map[string]any)
	for _, key := range sortedKeys(options) {
		m.set(key, c.doc.located(join(component.Path, key), options[key]))
	}
	return m.node()
}

// located replaces the texts that were decoded as paths by the absolute ones.
func (d *document) located(path string, value any) any {
	if d == nil {
		return value
	}
	switch v := value.(type) {
	case string:
		d.mu.Lock()
		defer d.mu.Unlock()
		if absolute, ok := d.resolved[path]; ok {
			return absolute
		}
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = d.located(item(path, i), v[i])
		}
		return list
	case map[string]any:
		m := make(map[string]any, len(v))
		for key := range v {
			m[key] = d.located(join(path, key), v[key])
		}
		return m
	}
	return value
}

// ordered is a map that is written in the order it was filled.
type ordered struct{ content []any }

func (o *ordered) set(key string, value any) { o.content = append(o.content, key, value) }

func (o *ordered) node() *yaml.Node {
	node := &yaml.Node{Kind: yaml.MappingNode}
	for _, part := range o.content {
		child, ok := part.(*yaml.Node)
		if !ok {
			child = &yaml.Node{}
			if err := child.Encode(part); err != nil {
				// Only types that no config holds, such as functions, fail.
				panic("config: " + err.Error())
			}
		}
		node.Content = append(node.Content, child)
	}
	return node
}

// Hash is the hex SHA-256 over all that can change a number: the components
// with their options as written, so that the folders of a machine do not
// matter where they are relative or given by ${env:NAME}, and the settings of
// the top level but those of the machine.
func Hash(c Config) string {
	parts := map[string]any{}
	values := reflect.ValueOf(c)
	for _, f := range shapeOf(values.Type()).fields {
		if !f.local {
			parts[f.name] = written(values.FieldByIndex(f.index).Interface())
		}
	}
	// Maps are encoded in the order of their keys.
	text, err := json.Marshal(parts)
	if err != nil {
		panic("config: " + err.Error())
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

func written(value any) any {
	switch v := value.(type) {
	case []Named:
		return each(v, func(named Named) any { return []any{named.Name, written(named.Component)} })
	case []Component:
		return each(v, func(component Component) any { return written(component) })
	case Component:
		return []any{v.Type, v.Options.Value}
	case []Pipeline:
		return each(v, func(p Pipeline) any {
			return []any{p.Name, written(p.Source), written(p.Stages), p.Models, p.Sample, p.Limit}
		})
	}
	return value
}
