package config

import (
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/knadh/koanf/providers/confmap"
	"github.com/knadh/koanf/providers/env/v2"
	"github.com/knadh/koanf/v2"

	"quba/pipeline/registry"
)

// Options are the settings from outside the file. Flags go over variables,
// and those over the file.
type Options struct {
	// Flags holds the flags that were given, by the key that they set: seed
	// and the settings of the machine.
	Flags map[string]any
	// Environ is as of os.Environ. PIPELINE_<KEY> sets a setting of the
	// machine unless it is empty; ${env:NAME} reads any variable.
	Environ []string
}

const (
	envPrefix = "PIPELINE_"
	// probeChild marks the child process in which a model is probed.
	probeChild = envPrefix + "PROBE_CHILD"
)

// Load reads a config file. The error is Issues: everything that is wrong
// with the file and the settings around it, but not with the options of the
// components, which are decoded when their types are known. The config holds
// all that could be decoded, so that more issues can be found.
func Load(path string, o Options) (Config, error) {
	data, err := read(path)
	if err != nil {
		c := Defaults()
		c.doc = newDocument(path, filepath.Dir(path), o)
		return c, Issues{{File: path, Message: err.Error()}}
	}
	return Parse(path, filepath.Dir(path), data, o)
}

// read does not open what is no regular file: a pipe without a writer would
// wait for ever.
func read(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("cannot be read: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("cannot be read: %s", notRegular(info))
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("cannot be read: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxBytes+1))
	if err != nil {
		return nil, fmt.Errorf("cannot be read: %w", err)
	}
	return data, nil
}

func notRegular(info os.FileInfo) string {
	if info.IsDir() {
		return "is a directory; give a file"
	}
	return "is a pipe or a device; give a regular file"
}

// Parse is Load for a config in memory. The name stands for the file in
// messages, and relative paths start in dir.
func Parse(name, dir string, data []byte, o Options) (Config, error) {
	doc := newDocument(name, dir, o)
	c := Defaults()
	c.doc = doc
	d := decoder{doc: doc}
	file, issues := doc.parse(data)
	tree := d.layer(file, o)
	if file == nil {
		d.machine(tree, &c)
		return c, append(issues, d.issues...).err()
	}
	d.value("", tree, nil, place{}, reflect.ValueOf(&c).Elem())
	for i := range c.Pipelines {
		c.Pipelines[i].Path = item("pipelines", i)
	}
	d.names(&c)
	return c, append(issues, d.issues...).err()
}

func newDocument(name, dir string, o Options) *document {
	if absolute, err := filepath.Abs(dir); err == nil {
		dir = absolute
	}
	doc := &document{
		file: name, dir: dir,
		origin: map[string]string{}, resolved: map[string]string{}, environ: map[string]string{},
	}
	for _, entry := range o.Environ {
		key, value, _ := strings.Cut(entry, "=")
		doc.environ[key] = value
	}
	return doc
}

// layer puts the variables and the flags over the file. The defaults are not
// a layer: the result is decoded over them.
func (d *decoder) layer(file map[string]any, o Options) map[string]any {
	layers := koanf.New(".")
	for _, provider := range []koanf.Provider{
		confmap.Provider(file, ""),
		env.Provider("", env.Opt{
			Prefix:        envPrefix,
			EnvironFunc:   func() []string { return o.Environ },
			TransformFunc: d.fromEnv,
		}),
		confmap.Provider(d.fromFlags(o.Flags), ""),
	} {
		if err := layers.Load(provider, nil); err != nil {
			d.report("", "cannot be combined with the environment and flags: %v", err)
		}
	}
	return layers.Raw()
}

// fromEnv gives the key that a variable sets and its value; "" to ignore it.
func (d *decoder) fromEnv(name, text string) (string, any) {
	if name == probeChild || text == "" {
		return "", nil
	}
	key := strings.ToLower(strings.TrimPrefix(name, envPrefix))
	known := map[string]field{}
	for _, f := range shapeOf(reflect.TypeFor[Config]()).fields {
		if f.local {
			known[envPrefix+strings.ToUpper(f.name)] = f
			continue
		}
		if f.name == key {
			d.aside(name, "%s changes results, so it cannot come from the environment; write it in the config", key)
			return "", nil
		}
	}
	f, ok := known[name]
	if !ok {
		d.aside(name, "%s", registry.Unknown("variable", name, sortedKeys(known)))
		return "", nil
	}
	d.doc.origin[f.name] = name
	return f.name, fromText(text, f)
}

// fromText reads the value of a variable; a text that is no number is left
// for decoding to report.
func fromText(text string, f field) any {
	if f.schema.Type != "integer" {
		return text
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n
	}
	return text
}

func (d *decoder) fromFlags(flags map[string]any) map[string]any {
	set := map[string]any{}
	known := map[string]bool{}
	for _, f := range shapeOf(reflect.TypeFor[Config]()).fields {
		known[f.name] = f.local || f.name == "seed"
	}
	for _, key := range sortedKeys(flags) {
		name := "--" + strings.ReplaceAll(key, "_", "-")
		if !known[key] {
			d.aside(name, "%s is not a setting of the machine; write it in the config", key)
			continue
		}
		set[key] = flags[key]
		d.doc.origin[key] = name
	}
	return set
}

// aside reports a fault that is not in the file.
func (d *decoder) aside(name, format string, args ...any) {
	d.issues = append(d.issues, Issue{Path: name, Message: fmt.Sprintf(format, args...)})
}

// machine decodes what came from outside a file that is no config at all.
func (d *decoder) machine(tree map[string]any, c *Config) {
	into := reflect.ValueOf(c).Elem()
	for _, f := range shapeOf(into.Type()).fields {
		if v, given := tree[f.name]; given {
			d.value(f.name, v, f.schema, f.place, into.FieldByIndex(f.index))
		}
	}
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
