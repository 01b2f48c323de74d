package ranking

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"

	"quba/internal/parquetio"
	"quba/metrics"
	"quba/pipeline/record"
)

// Read reads models from any number of result folders, score files and wide
// tables (CSV or Parquet, one row for each model).
//
// A model that is in several results under the same name and with the same
// file is one model with the dimensions of all of them. Rows of wide tables
// are kept apart, whatever their names. Results of different protocols are an
// error.
func Read(paths []string) (Cohort, error) { return gather(paths, readPath) }

// gather joins what read makes of each path.
func gather(paths []string, read func(string) (content, error)) (Cohort, error) {
	if len(paths) == 0 {
		return Cohort{}, errors.New("nothing to read; name a result folder, a scores file or a table")
	}
	var c Cohort
	protocolFrom := ""
	results := map[string]int{}
	for _, path := range paths {
		p, err := read(path)
		if err != nil {
			return Cohort{}, err
		}
		c.Notes = append(c.Notes, p.notes...)
		if p.wide {
			c.Models = append(c.Models, p.models...)
			continue
		}
		if protocolFrom != "" && p.protocol != c.Protocol {
			return Cohort{}, fmt.Errorf("%s was made with protocol %q, %s with %q; their scores cannot be compared: rank them apart, or run one again with the other's protocol",
				protocolFrom, c.Protocol, path, p.protocol)
		}
		c.Protocol, protocolFrom = p.protocol, path
		if err := c.addResult(p.models, results); err != nil {
			return Cohort{}, err
		}
	}
	return c, nil
}

// content is what one path holds.
type content struct {
	models   []Model
	protocol metrics.Protocol
	notes    []string
	wide     bool // a table: its rows are not joined with results
}

// addResult adds models, or their dimensions to those that are there. results
// says where each model of a result stands.
func (c *Cohort) addResult(models []Model, results map[string]int) error {
	for _, m := range models {
		at, ok := results[m.Name]
		if !ok {
			results[m.Name] = len(c.Models)
			c.Models = append(c.Models, m)
			continue
		}
		joined, err := join(c.Models[at], m)
		if err != nil {
			return err
		}
		c.Models[at] = joined
	}
	return nil
}

func join(a, b Model) (Model, error) {
	if a.SHA256 == "" || a.SHA256 != b.SHA256 {
		return Model{}, fmt.Errorf("model %q of %s and of %s are not known to be the same file (sha256 %s, %s); give one of them another name in its config, or rank them apart",
			a.Name, a.Source, b.Source, shortHash(a.SHA256), shortHash(b.SHA256))
	}
	joined := a
	joined.Values = maps.Clone(a.Values)
	for _, dimension := range slices.Sorted(maps.Keys(b.Values)) {
		if _, twice := joined.Values[dimension]; twice {
			return Model{}, fmt.Errorf("model %q has %s in %s and in %s; leave one of them out", a.Name, dimension, a.Source, b.Source)
		}
		joined.Values[dimension] = b.Values[dimension]
	}
	joined.Source = a.Source + ", " + b.Source
	return joined, nil
}

func shortHash(sum string) string {
	if sum == "" {
		return "unknown"
	}
	return sum[:min(12, len(sum))]
}

func readPath(path string) (content, error) {
	info, err := os.Stat(path)
	if err != nil {
		return content{}, err
	}
	if info.IsDir() {
		return readResult(path)
	}
	switch strings.ToLower(filepath.Ext(path)) {
	case ".csv":
		models, err := readCSV(path)
		return content{models: models, wide: true}, err
	case ".parquet":
		return readParquet(path)
	}
	return content{}, fmt.Errorf("%s: must be a result folder, a .parquet file or a .csv file", path)
}

func readResult(folder string) (content, error) {
	if err := checkFinished(folder); err != nil {
		return content{}, err
	}
	return readScores(filepath.Join(folder, record.ScoresFile), folder)
}

// checkFinished refuses a folder without run.json, which a run writes last:
// its other files may be of several runs.
func checkFinished(folder string) error {
	_, err := os.Stat(filepath.Join(folder, record.RunFile))
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(folder); err != nil {
			return err
		}
		return fmt.Errorf("%s: is no finished result folder: there is no %s in it, which a run writes last; let the run end, or run it again", folder, record.RunFile)
	}
	return err
}

// readParquet tells a score file from a wide table by the column "dimension",
// which a wide table cannot have.
func readParquet(path string) (content, error) {
	columns, err := parquetColumns(path)
	if err != nil {
		return content{}, err
	}
	if slices.Contains(columns, "dimension") {
		return readScores(path, path)
	}
	if slices.Contains(columns, record.ColPerturbation) {
		return content{}, fmt.Errorf("%s: holds predictions, not scores; name the result folder that it is in", path)
	}
	header, rows, err := parquetio.ReadTable(path)
	if err != nil {
		return content{}, err
	}
	models, err := wideModels(path, header, rows)
	return content{models: models, wide: true}, err
}

// parquetColumns returns the names of the columns, none for a file without
// rows.
func parquetColumns(path string) ([]string, error) {
	var names []string
	enough := errors.New("seen the first rows")
	err := parquetio.ReadRecords(path, nil, func(rec arrow.Record) error {
		for _, field := range rec.Schema().Fields() {
			names = append(names, field.Name)
		}
		return enough
	})
	if errors.Is(err, enough) {
		err = nil
	}
	return names, err
}

func readScores(path, source string) (content, error) {
	scores, metadata, err := parquetio.ReadScores(path)
	if err != nil {
		return content{}, err
	}
	f, err := parseFacts(metadata)
	if err != nil {
		return content{}, fmt.Errorf("%s: %w", path, err)
	}
	models, err := modelsOf(scores, f, source)
	if err != nil {
		return content{}, fmt.Errorf("%s: %w", path, err)
	}
	if len(models) == 0 {
		return content{}, fmt.Errorf("%s: has no scores", path)
	}
	return content{models: models, protocol: f.protocol}, nil
}

// modelsOf turns scores in long form into models, in the order of their first
// rows; models that have facts but no score follow.
func modelsOf(scores []record.Score, f facts, source string) ([]Model, error) {
	var models []Model
	index := map[string]int{}
	add := func(name string) int {
		at, ok := index[name]
		if !ok {
			at = len(models)
			index[name] = at
			known := f.model(name)
			models = append(models, Model{Name: name, Values: map[string]Value{}, Labels: known.Labels, SHA256: known.SHA256, Source: source})
		}
		return at
	}
	for _, s := range scores {
		at := add(s.Model)
		if err := models[at].addScore(s, f); err != nil {
			return nil, err
		}
	}
	for _, m := range f.models {
		add(m.Name)
	}
	return models, nil
}

func (m *Model) addScore(s record.Score, f facts) error {
	v, known := m.Values[s.Dimension]
	if s.Part != "" {
		if !known {
			return fmt.Errorf("model %q: part %q of %s comes before the dimension itself", s.Model, s.Part, s.Dimension)
		}
		v.Parts = append(v.Parts, metrics.Part{Name: s.Part, Value: s.Value, N: s.N})
		m.Values[s.Dimension] = v
		return nil
	}
	if known {
		return fmt.Errorf("model %q has %s twice; two sinks of the run made it", s.Model, s.Dimension)
	}
	if d, ok := findDimension(s.Dimension); ok && d.Name == s.Dimension {
		if err := d.checkBounds(s.Value); err != nil {
			return fmt.Errorf("model %q: %s %w, is %v", s.Model, s.Dimension, err, s.Value)
		}
	}
	m.Values[s.Dimension] = Value{Value: s.Value, N: s.N, Partial: s.Partial, Note: s.Note, Origin: f.origin(m.Name, s.Dimension, m.Source)}
	return nil
}
