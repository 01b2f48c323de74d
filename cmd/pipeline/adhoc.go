package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"quba/metrics"
	"quba/pipeline"
	"quba/pipeline/config"
	"quba/pipeline/registry"
)

// adhoc is a config that the command line spells out. It becomes the YAML
// that a person would write, so that it is checked as any config is.
type adhoc struct {
	models  []string
	images  string // folder, or list of images
	labels  string // how folders are read: imagenet or folders; "" is the default
	stages  []component
	metrics []component
	limit   int
	batch   int
	// source replaces images: a component that only this program has.
	source string
	// pipelines are those of records that exist already.
	pipelines []string
	sink      *yaml.Node // replaces the sink of predictions
	seed      uint64

	text   []byte // the config, once compiled
	places []flagPlace
}

// flagPlace says which words of the command line a part of the config is.
type flagPlace struct{ path, words string }

// adhocFile stands for the file of a config that has none.
const adhocFile = "command line"

// The pipelines of an ad-hoc config: one, or two where a metric compares.
const (
	imagesPipeline    = "images"
	cleanPipeline     = "clean"
	perturbedPipeline = "perturbed"
)

// parseComponents reads the values of a repeatable flag.
func parseComponents(flag string, texts []string) ([]component, error) {
	var list []component
	var faults []error
	for _, text := range texts {
		c, err := parseComponent(text)
		if err == nil && !utf8.ValidString(text) {
			err = errors.New("must be UTF-8 text")
		}
		if err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", words(flag, text), err))
		}
		list = append(list, c)
	}
	if len(faults) > 0 {
		return nil, usagef("%w", errors.Join(faults...))
	}
	return list, nil
}

// words is a flag with its value, as messages name it.
func words(flag, value string) string {
	if flag == "" {
		return value
	}
	return flag + " " + value
}

// yaml writes the config and remembers where its parts came from. stageFlag is
// what stages are called on the command line.
func (h *adhoc) yaml(stageFlag string) ([]byte, error) {
	root := mapping()
	if h.seed > 0 {
		add(root, "seed", plainNode(h.seed))
	}
	h.addModels(root)
	h.addPipelines(root, stageFlag)
	h.addSinks(root)
	var text bytes.Buffer
	encoder := yaml.NewEncoder(&text)
	encoder.SetIndent(2)
	if err := encoder.Encode(root); err != nil {
		return nil, usagef("the command line cannot be written as a config: %w", err)
	}
	return text.Bytes(), encoder.Close()
}

func (h *adhoc) place(path, words string) { h.places = append(h.places, flagPlace{path, words}) }

func (h *adhoc) addModels(root *yaml.Node) {
	if len(h.models) == 0 {
		return
	}
	list := sequence()
	taken := map[string]bool{}
	for i, path := range h.models {
		h.place(fmt.Sprintf("models[%d]", i), words("--model", path))
		m := flowMapping()
		add(m, "name", textNode(recordName(path, taken)))
		add(m, "path", textNode(path))
		if h.batch > 0 {
			add(m, "batch", plainNode(h.batch))
			h.place(fmt.Sprintf("models[%d].batch", i), words("--batch", fmt.Sprint(h.batch)))
		}
		list.Content = append(list.Content, m)
	}
	add(root, "models", list)
}

// recordName makes a name of a path that records can hold, each once.
func recordName(path string, taken map[string]bool) string {
	stem := strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
	stem = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._-", r) {
			return r
		}
		return '_'
	}, stem)
	if stem = strings.TrimLeft(stem, "._-"); stem == "" {
		stem = "model"
	}
	name := stem
	for n := 2; taken[name]; n++ {
		name = fmt.Sprintf("%s-%d", stem, n)
	}
	taken[name] = true
	return name
}

func (h *adhoc) addPipelines(root *yaml.Node, stageFlag string) {
	list := sequence()
	for i, name := range h.pipelineNames() {
		p := mapping()
		add(p, "name", textNode(name))
		add(p, "source", h.sourceNode(fmt.Sprintf("pipelines[%d].source", i)))
		if len(h.stages) > 0 && name != cleanPipeline && len(h.pipelines) == 0 {
			add(p, "stages", h.stageNodes(fmt.Sprintf("pipelines[%d].stages", i), stageFlag))
		}
		if h.limit > 0 {
			add(p, "limit", plainNode(h.limit))
		}
		list.Content = append(list.Content, p)
	}
	add(root, "pipelines", list)
}

// pipelineNames are two where stages are given and a metric compares clean
// images with others.
func (h *adhoc) pipelineNames() []string {
	if len(h.pipelines) > 0 {
		return h.pipelines
	}
	compares := func(c component) bool {
		roles := rolesOf(c)
		return len(roles) > 1 && slices.ContainsFunc(roles, func(r metrics.Role) bool { return r.Name == cleanPipeline })
	}
	if len(h.stages) > 0 && slices.ContainsFunc(h.metrics, compares) {
		return []string{cleanPipeline, perturbedPipeline}
	}
	return []string{imagesPipeline}
}

// rolesOf are the inputs of a metric; none when it does not exist or needs
// options to be made, which is then reported where it is made.
func rolesOf(c component) []metrics.Role {
	entry, err := metrics.Registry.Lookup(c.name)
	if err != nil {
		return nil
	}
	spec, err := entry.New(nil)
	if err != nil {
		return nil
	}
	return spec.Roles
}

func (h *adhoc) sourceNode(path string) *yaml.Node {
	m := flowMapping()
	if h.source != "" {
		add(m, "type", textNode(h.source))
		return m
	}
	h.place(path, words("--images", h.images))
	if info, err := os.Stat(h.images); err == nil && !info.IsDir() {
		add(m, "type", textNode("file_list"))
		add(m, "path", textNode(h.images))
		if h.labels == "imagenet" {
			add(m, "labels", textNode(h.labels))
		}
		return m
	}
	add(m, "type", textNode("image_folder"))
	add(m, "root", textNode(h.images))
	if h.labels != "" {
		add(m, "labels", textNode(h.labels))
		h.place(path+".labels", words("--labels", h.labels))
	}
	return m
}

func (h *adhoc) stageNodes(path, flag string) *yaml.Node {
	list := sequence()
	for i, c := range h.stages {
		h.place(fmt.Sprintf("%s[%d]", path, i), words(flag, c.text))
		list.Content = append(list.Content, c.node("type", listOptions(components().Stages, c.name)))
	}
	return list
}

// listOptions says which options of a component are lists.
func listOptions[T any](r *registry.Registry[T], name string) func(key string) bool {
	entry, err := r.Lookup(name)
	if err != nil {
		return func(string) bool { return false }
	}
	options := config.Describe(entry.Defaults)
	return func(key string) bool {
		return slices.ContainsFunc(options, func(o config.Option) bool { return o.Name == key && o.Type == "list" })
	}
}

func (h *adhoc) addSinks(root *yaml.Node) {
	list := sequence()
	switch {
	case h.sink != nil:
		list.Content = append(list.Content, h.sink)
	case len(h.models) > 0:
		m := flowMapping()
		add(m, "type", textNode("predictions"))
		list.Content = append(list.Content, m)
	}
	for _, c := range h.metrics {
		h.place(fmt.Sprintf("sinks[%d]", len(list.Content)), words("--metric", c.text))
		h.place(fmt.Sprintf("sinks[%d].options", len(list.Content)), words("--metric", c.text))
		list.Content = append(list.Content, h.scoresNode(c))
	}
	if len(list.Content) > 0 {
		add(root, "sinks", list)
	}
}

// scoresNode is the sink of a metric. Of its settings, as and on are the
// sink's, and the rest are the metric's.
func (h *adhoc) scoresNode(c component) *yaml.Node {
	m := flowMapping()
	add(m, "type", textNode("scores"))
	add(m, "metric", textNode(c.name))
	isList := listOptions(metrics.Registry, c.name)
	bound := map[string]bool{}
	for _, s := range c.settings {
		switch {
		case s.key[0] == "as" || s.key[0] == "on":
			put(m, s.key, s.node(false))
			bound[strings.Join(s.key, ".")] = true
		default:
			put(m, append([]string{"options"}, s.key...), s.node(isList(strings.Join(s.key, "."))))
		}
	}
	if bound["on"] {
		return m
	}
	for _, role := range rolesOf(c) {
		if name := h.playing(role); name != "" && !bound["on."+role.Name] {
			put(m, []string{"on", role.Name}, textNode(name))
		}
	}
	return m
}

// playing is the pipeline of a role: the one of its name, or the only one, or
// the only one that is not clean. An optional role is left out unless there
// are images made for it.
func (h *adhoc) playing(role metrics.Role) string {
	names := h.pipelineNames()
	if slices.Contains(names, role.Name) {
		return role.Name
	}
	if last := len(h.stages) - 1; last >= 0 && h.stages[last].name == role.Name {
		// Roles of attacks are called as the stages that end in them.
		return names[len(names)-1]
	}
	if role.Optional && (len(names) == 1 || len(h.pipelines) > 0) {
		return ""
	}
	if len(names) == 1 {
		return names[0]
	}
	others := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return name == cleanPipeline })
	if len(others) == 1 {
		return others[0]
	}
	return ""
}

// compile checks the config and makes its components. Of a part of a config,
// what is missing is no mistake.
func (h *adhoc) compile(stageFlag string, o config.Options, reg pipeline.Registries, part bool) (*pipeline.Plan, config.Config, error) {
	var err error
	if h.text, err = h.yaml(stageFlag); err != nil {
		return nil, config.Config{}, err
	}
	c, parseErr := config.Parse(adhocFile, ".", h.text, o)
	plan, compileErr := pipeline.Compile(c, reg)
	issues := h.translate(c.Place("", errors.Join(parseErr, compileErr)), part)
	if issues = c.Place("", issues); len(issues) > 0 {
		return nil, c, issues
	}
	return plan, c, nil
}

// translate names the words of the command line instead of places in a config
// that nobody wrote.
func (h *adhoc) translate(issues config.Issues, part bool) config.Issues {
	var kept config.Issues
	for _, issue := range issues {
		if issue.File != adhocFile {
			kept = append(kept, issue)
			continue
		}
		var found flagPlace
		for _, p := range h.places {
			rest, below := strings.CutPrefix(issue.Path, p.path)
			if below && len(p.path) > len(found.path) && (rest == "" || rest[0] == '.' || rest[0] == '[') {
				found = p
			}
		}
		if found.path == "" && part {
			continue
		}
		issue.Line, issue.Col = 0, 0
		if found.path != "" {
			issue.File = found.words
			issue.Path = strings.TrimPrefix(strings.TrimPrefix(issue.Path, found.path), ".")
		}
		kept = append(kept, issue)
	}
	return kept
}

func mapping() *yaml.Node     { return &yaml.Node{Kind: yaml.MappingNode} }
func flowMapping() *yaml.Node { return &yaml.Node{Kind: yaml.MappingNode, Style: yaml.FlowStyle} }
func sequence() *yaml.Node    { return &yaml.Node{Kind: yaml.SequenceNode} }

func add(m *yaml.Node, key string, value *yaml.Node) {
	m.Content = append(m.Content, textNode(key), value)
}

// textNode is a text, whatever it looks like.
func textNode(text string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: text}
}

func plainNode(value any) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Value: fmt.Sprint(value)}
}
