package config

import (
	"maps"
	"reflect"

	"quba/pipeline/registry"
)

// defaultModelType is the type of a model whose type is left out.
const defaultModelType = "onnx"

// componentHead and modelHead are the keys that the config itself reads.
type componentHead struct {
	Type string `koanf:"type" jsonschema:"required,minLength=1" jsonschema_description:"What it is; the other keys depend on it."`
}

type modelHead struct {
	Name string `koanf:"name" jsonschema:"required,pattern=^[A-Za-z0-9][A-Za-z0-9._-]*$" jsonschema_description:"Name in records, tables and file names."`
	Type string `koanf:"type" jsonschema:"minLength=1" jsonschema_description:"What it is; the other keys depend on it."`
}

// component reads the head and leaves the rest to whoever knows the type. A
// component that has a name of its own also has a type when none is given.
// Its Type is empty when it could not be read, which is then reported.
func (d *decoder) component(path string, v any, named string) (c Component, name string) {
	must := "must be a map with the key type"
	if named != "" {
		must = "must be a map with the keys name and path"
	}
	m, ok := d.object(path, v, must)
	if !ok {
		return Component{Path: path}, ""
	}
	if named == "" {
		var head componentHead
		return d.headed(path, m, &head, &head.Type), ""
	}
	head := modelHead{Type: named}
	c = d.headed(path, m, &head, &head.Type)
	return c, head.Name
}

func (d *decoder) headed(path string, m map[string]any, head any, kind *string) Component {
	s := shapeOf(reflect.TypeOf(head).Elem())
	d.fields(path, m, s, reflect.ValueOf(head).Elem())
	options := maps.Clone(m)
	for _, key := range s.names() {
		delete(options, key)
	}
	return Component{Type: *kind, Path: path, Options: d.doc.raw(path, options, s.names())}
}

// names reports repeated names, and pipelines that name models which do not
// exist.
func (d *decoder) names(c *Config) {
	models := d.unique(len(c.Models), "models", func(i int) string { return c.Models[i].Name })
	d.unique(len(c.Pipelines), "pipelines", func(i int) string { return c.Pipelines[i].Name })
	for i, p := range c.Pipelines {
		for j, name := range p.Models {
			if name == "" {
				continue
			}
			if _, ok := models[name]; !ok {
				d.report(item(item("pipelines", i)+".models", j), "%s", registry.Unknown("model", name, sortedKeys(models)))
			}
		}
	}
}

func (d *decoder) unique(n int, path string, name func(int) string) map[string]int {
	first := map[string]int{}
	for i := range n {
		name := name(i)
		if name == "" {
			continue
		}
		if j, ok := first[name]; ok {
			d.report(item(path, i)+".name", "%q is also the name of %s; names must differ", name, item(path, j))
			continue
		}
		first[name] = i
	}
	return first
}
