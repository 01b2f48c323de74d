package modelcard

import (
	"fmt"
	"path/filepath"
	"strings"
)

// MissingError names all settings that no source gives.
type MissingError struct {
	Model  string
	Fields []string
	// SideCar is the file beside the model that has the other settings, ""
	// when there is none.
	SideCar string
}

// examples are the values of a common case, as YAML.
var examples = map[string]string{
	"preprocess.resize_shorter_side": "256",
	"preprocess.interpolation":       "bilinear",
	"preprocess.center_crop":         "224",
	"preprocess.scale":               "1/255",
	"preprocess.mean":                "[0.485, 0.456, 0.406]",
	"preprocess.std":                 "[0.229, 0.224, 0.225]",
	"input.layout":                   "NCHW",
	"input.color":                    "RGB",
	"class_order":                    "imagenet",
}

// Error shows what to write, in the form of the file that it belongs into.
func (e *MissingError) Error() string {
	order, form := "Add to "+e.SideCar, e.yaml
	switch filepath.Ext(e.SideCar) {
	case "":
		order = "Write into " + strings.TrimSuffix(e.Model, filepath.Ext(e.Model)) + ".yaml"
	case ".json":
		form = e.json
	}
	return fmt.Sprintf("%s: it is not known how to use this model: %s. %s (or under the model in the config) the values that its training code used; these are examples:\n%s",
		e.Model, strings.Join(e.Fields, ", "), order, form())
}

// group is the missing keys of one section, "" for the top.
type group struct {
	section string
	keys    []string
}

func (e *MissingError) groups() []group {
	var groups []group
	for _, field := range e.Fields {
		section, key, nested := strings.Cut(field, ".")
		if !nested {
			section, key = "", field
		}
		if n := len(groups); n == 0 || groups[n-1].section != section {
			groups = append(groups, group{section: section})
		}
		last := &groups[len(groups)-1]
		last.keys = append(last.keys, key)
	}
	return groups
}

func (g group) example(key string) string {
	if g.section == "" {
		return examples[key]
	}
	return examples[g.section+"."+key]
}

func (e *MissingError) yaml() string {
	lines := []string{"# examples: replace them by the values your training code used"}
	for _, g := range e.groups() {
		indent := ""
		if g.section != "" {
			lines, indent = append(lines, g.section+":"), "  "
		}
		for _, key := range g.keys {
			lines = append(lines, indent+key+": "+g.example(key))
		}
	}
	return strings.Join(lines, "\n")
}

func (e *MissingError) json() string {
	var sections []string
	for _, g := range e.groups() {
		var pairs []string
		for _, key := range g.keys {
			pairs = append(pairs, fmt.Sprintf("%q: %s", key, jsonValue(g.example(key))))
		}
		text := strings.Join(pairs, ", ")
		if g.section != "" {
			text = fmt.Sprintf("%q: {%s}", g.section, text)
		}
		sections = append(sections, text)
	}
	return "{" + strings.Join(sections, ", ") + "}"
}

// jsonValue quotes what is neither a number nor a list.
func jsonValue(yaml string) string {
	if strings.HasPrefix(yaml, "[") || strings.Trim(yaml, "0123456789") == "" {
		return yaml
	}
	return fmt.Sprintf("%q", yaml)
}
