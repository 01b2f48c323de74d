package ranking

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"go.yaml.in/yaml/v3"

	"quba/pipeline/record"
)

// keptConfig is what matters here of the config in a result folder.
type keptConfig struct {
	Sinks []keptSink `yaml:"sinks"`
}

type keptSink struct {
	Type    string         `yaml:"type"`
	Metric  string         `yaml:"metric"`
	As      string         `yaml:"as"`
	Options map[string]any `yaml:"options"`
}

// makes says whether the sink makes the scores of the metric.
func (s keptSink) makes(of record.MetricSpec) bool {
	name := s.As
	if name == "" {
		name = s.Metric
	}
	return s.Type == "scores" && s.Metric == of.Metric && name == of.Dimension
}

// locateOptions takes the options of metrics from the config that the folder
// keeps, where paths are absolute. The facts have them as they were written:
// relative to the folder of that config, or with variables. Options that the
// kept config does not have stay.
func (f *facts) locateOptions(folder string) error {
	if !slices.ContainsFunc(f.uses, func(u record.MetricSpec) bool { return u.Options != nil }) {
		return nil
	}
	path := filepath.Join(folder, record.ConfigFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var kept keptConfig
	if err := yaml.Unmarshal(text, &kept); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	for i, use := range f.uses {
		at := slices.IndexFunc(kept.Sinks, func(s keptSink) bool { return s.makes(use) })
		if at >= 0 && kept.Sinks[at].Options != nil {
			f.uses[i].Options = kept.Sinks[at].Options
		}
	}
	return nil
}
