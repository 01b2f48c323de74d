package sources

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"quba/internal/imagenet"
	"quba/pipeline"
	"quba/pipeline/record"
	"quba/pipeline/registry"
)

func init() {
	registry.Register(Sources, "file_list", "Images named in a CSV or JSONL file with their labels.",
		fileListConfig{Labels: "index"}, newFileList)
}

type fileListConfig struct {
	Path     string `koanf:"path" jsonschema:"required" path:"file" env:"true" jsonschema_description:"List of images: .csv with a header that has path (or file_name) and label, or .jsonl with objects that have them."`
	Root     string `koanf:"root" path:"dir" env:"true" jsonschema_description:"Folder that relative paths start from; that of the list when left out."`
	Labels   string `koanf:"labels" jsonschema:"enum=index,enum=imagenet,enum=map" jsonschema_description:"index: labels are class indexes; imagenet: wnids or indexes; map: label_map says."`
	LabelMap string `koanf:"label_map" path:"file" env:"true" jsonschema_description:"CSV (name,index) or JSON ({name: index}) from labels to class indexes."`
	Classes  int    `koanf:"classes" jsonschema:"minimum=0" jsonschema_description:"Number of classes with labels: index; 0 is one more than the highest label."`
}

var listExtensions = []string{".csv", ".jsonl", ".ndjson"}

func (c fileListConfig) Validate() error {
	var faults []error
	if !slices.Contains(listExtensions, listFormat(c.Path)) {
		faults = append(faults, registry.Fieldf("path", "must end in %s, got %q", strings.Join(listExtensions, " or "), filepath.Base(c.Path)))
	}
	if c.Classes > 0 && c.Labels != "index" {
		faults = append(faults, registry.Fieldf("classes", "has no effect with labels: %s", c.Labels))
	}
	return errors.Join(append(faults, checkLabelMap(c.Labels, c.LabelMap))...)
}

// Layout shows a list in both formats.
func (fileListConfig) Layout() string {
	return `list.csv
    path,label                           or file_name; more columns may follow
    cats/1.jpg,281                       relative to root
    ...
or list.jsonl
    {"path": "cats/1.jpg", "label": 281}
    ...`
}

func listFormat(path string) string { return strings.ToLower(filepath.Ext(path)) }

// fileList gives the images in the order of the list. IDs are the paths of
// the list, cleaned. The list is read as a stream.
type fileList struct {
	config fileListConfig
	cached cachedInfo
}

var _ pipeline.Source = (*fileList)(nil)

func newFileList(c fileListConfig) (pipeline.Source, error) {
	if c.Root == "" {
		c.Root = filepath.Dir(c.Path)
	}
	return &fileList{config: c}, nil
}

// listed is one good row.
type listed struct {
	path  string // as in the list, cleaned
	label int32
}

func (s *fileList) file(row listed) string {
	p := filepath.FromSlash(row.path)
	if filepath.IsAbs(p) {
		return p
	}
	return filepath.Join(s.config.Root, p)
}

func (s *fileList) Describe(ctx context.Context) (pipeline.SourceInfo, error) {
	return s.cached.get(func() (pipeline.SourceInfo, error) {
		list := newListing()
		highest := record.NoClass
		seen := map[string]int{}
		classes, err := s.walk(ctx, func(row listed, line int) (bool, error) {
			if first, twice := seen[row.path]; twice {
				return true, fmt.Errorf("%q is also in line %d; a path may be there only once", row.path, first)
			}
			seen[row.path] = line
			size := int64(-1)
			if info, err := os.Stat(s.file(row)); err == nil {
				size = info.Size()
			}
			list.add(stableID(row.path), row.label, size)
			highest = max(highest, row.label)
			return true, nil
		})
		if classes == 0 {
			classes = int(highest) + 1
		}
		return list.info(classes), err
	})
}

func (s *fileList) Samples(ctx context.Context) iter.Seq2[pipeline.Sample, error] {
	return func(yield func(pipeline.Sample, error) bool) {
		seq := uint64(0)
		stopped := false
		_, err := s.walk(ctx, func(row listed, _ int) (bool, error) {
			file := s.file(row)
			sample := pipeline.Sample{
				Seq: seq, ID: stableID(row.path), Path: file, Label: row.label, Cue: record.NoClass,
				Read: func(into *bytes.Buffer) error { return readRegular(into, file) },
			}
			seq++
			stopped = !yield(sample, nil)
			return !stopped, nil
		})
		if err != nil && !stopped {
			yield(pipeline.Sample{}, err)
		}
	}
}

// readRegular appends a whole file of bounded size to a buffer.
func readRegular(into *bytes.Buffer, path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	return readWhole(into, info, func() (*os.File, error) { return os.Open(path) })
}

// openRegular opens a file of any size.
func openRegular(path string) (*os.File, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if err := checkRegular(path, info); err != nil {
		return nil, err
	}
	return os.Open(path)
}

// walk calls visit for each good row until it returns false, and returns the
// number of classes, 0 when the labels must tell. Bad rows are collected and
// reported after the last row.
func (s *fileList) walk(ctx context.Context, visit func(row listed, line int) (bool, error)) (int, error) {
	labels, classes, err := s.labels()
	if err != nil {
		return 0, err
	}
	f, err := openRegular(s.config.Path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	faults := rowFaults{file: s.config.Path}
	rows := 0
	for row, err := range listRows(listFormat(s.config.Path), f) {
		if ctx.Err() != nil {
			return 0, ctx.Err()
		}
		rows++
		item, err := s.check(row, labels, err)
		if err != nil {
			faults.add(row.line, err)
			continue
		}
		more, err := visit(item, row.line)
		if err != nil {
			faults.add(row.line, err)
		}
		if !more {
			return classes, nil
		}
	}
	if faults.count == 0 && rows == 0 {
		return 0, fmt.Errorf("%s: has no image; each row must have a path and a label", s.config.Path)
	}
	return classes, faults.err()
}

// check turns a row of text into a path and a class.
func (s *fileList) check(row listRow, labels func(string) (int32, error), err error) (listed, error) {
	if err != nil {
		return listed{}, err
	}
	if row.path == "" {
		return listed{}, errors.New("path must not be empty")
	}
	label, err := labels(row.label)
	if err != nil {
		return listed{}, err
	}
	return listed{path: path.Clean(filepath.ToSlash(row.path)), label: label}, nil
}

// labels returns what reads a label, and the number of classes.
func (s *fileList) labels() (func(string) (int32, error), int, error) {
	return labelRule{labels: s.config.Labels, file: s.config.LabelMap, classes: s.config.Classes}.reader()
}

// indexLabel reads an index below classes, if that is given.
func indexLabel(text string, classes int) (int32, error) {
	index, err := parseIndex(text)
	if err == nil && classes > 0 && int(index) >= classes {
		err = fmt.Errorf("label must be below %d, the number of classes, got %d", classes, index)
	}
	return index, err
}

func imagenetLabel(text string) (int32, error) {
	if index, ok := imagenet.ByWNID()[text]; ok {
		return index, nil
	}
	index, err := indexLabel(text, imagenet.Classes)
	if err != nil {
		return 0, fmt.Errorf("label must be a wnid or an index below %d, got %q", imagenet.Classes, text)
	}
	return index, nil
}

func mappedLabel(known labelMap, text, file string) (int32, error) {
	index, ok := known[text]
	if !ok {
		return 0, fmt.Errorf("label %q is not in %s", text, file)
	}
	return index, nil
}

// rowFaults collects the bad rows of a list.
type rowFaults struct {
	file  string
	count int
	shown []string
}

func (f *rowFaults) add(line int, err error) {
	if f.count++; f.count <= maxShown {
		f.shown = append(f.shown, fmt.Sprintf("%s:%d: %v", f.file, line, err))
	}
}

func (f *rowFaults) err() error {
	if f.count == 0 {
		return nil
	}
	text := strings.Join(f.shown, "\n")
	if more := f.count - len(f.shown); more > 0 {
		text += fmt.Sprintf("\n%s: and %d more bad rows", f.file, more)
	}
	return errors.New(text)
}
