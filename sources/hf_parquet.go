package sources

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"math"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"

	"quba/internal/parquetio"
	"quba/pipeline"
	"quba/pipeline/record"
	"quba/pipeline/registry"
)

func init() {
	registry.Register(Sources, "hf_parquet", "Images and labels in the Parquet files of a Hugging Face data set.",
		hfParquetConfig{Image: "image", Label: "label", Labels: "index"}, newHFParquet)
}

type hfParquetConfig struct {
	Root     string   `koanf:"root" jsonschema:"required" path:"dir" env:"true" jsonschema_description:"Folder that the files lie in, such as a copy of the repository."`
	Files    []string `koanf:"files" alone:"true" jsonschema:"required,minItems=1" jsonschema_description:"Parquet files below root, in the order in which they are read: names, or patterns such as data/validation-*.parquet."`
	Image    string   `koanf:"image" jsonschema:"minLength=1" jsonschema_description:"Column of the images: the encoded bytes, or a struct with a field bytes."`
	Label    string   `koanf:"label" jsonschema:"minLength=1" jsonschema_description:"Column of the labels: whole numbers or text."`
	Labels   string   `koanf:"labels" jsonschema:"enum=index,enum=imagenet,enum=map" jsonschema_description:"index: labels are class indexes; imagenet: the classes are named by wnids, or are indexes where they have no names; map: label_map has the names of the classes."`
	LabelMap string   `koanf:"label_map" path:"file" env:"true" jsonschema_description:"CSV (name,index) or JSON ({name: index}) from class names to class indexes."`
}

func (c hfParquetConfig) Validate() error {
	return errors.Join(checkPatterns("files", c.Files), checkLabelMap(c.Labels, c.LabelMap))
}

// Layout shows the files and the columns.
func (c hfParquetConfig) Layout() string {
	return `root
└── data
    ├── validation-00000-of-00014.parquet    columns image: struct<bytes: binary, path: string>, or binary,
    │                                        and label: int64, whose names are in the metadata huggingface
    └── ...`
}

// hfParquet gives the rows file by file. IDs are the name of the file and the
// number of the row in it, from 0. A sample holds the bytes of its image: they
// lie in compressed pages, which cannot be read from the middle.
type hfParquet struct {
	config hfParquetConfig
	cached cachedInfo
}

var _ pipeline.Source = (*hfParquet)(nil)

func newHFParquet(c hfParquetConfig) (pipeline.Source, error) {
	return &hfParquet{config: c}, nil
}

// Describe reads the labels. The size in the digest is that of the file, as
// those of the images are only known when all is read.
func (s *hfParquet) Describe(ctx context.Context) (pipeline.SourceInfo, error) {
	return s.cached.get(func() (pipeline.SourceInfo, error) { return s.list(ctx) })
}

func (s *hfParquet) list(ctx context.Context) (pipeline.SourceInfo, error) {
	tables, err := s.open()
	if err != nil {
		return pipeline.SourceInfo{}, err
	}
	list := newListing()
	highest := record.NoClass
	err = tables.walk(ctx, false, func(row tableRow) error {
		list.add(row.id(), row.label, row.table.size)
		highest = max(highest, row.label)
		return nil
	})
	if err == nil && list.samples == 0 {
		err = fmt.Errorf("%s: has no row", tables.files[0].path)
	}
	if tables.classes == 0 {
		tables.classes = int(highest) + 1
	}
	return list.info(tables.classes), err
}

// Samples gives the rows while it reads the files.
func (s *hfParquet) Samples(ctx context.Context) iter.Seq2[pipeline.Sample, error] {
	return func(yield func(pipeline.Sample, error) bool) {
		seq := uint64(0)
		err := s.walk(ctx, func(row tableRow) error {
			sample := row.sample(seq)
			seq++
			if !yield(sample, nil) {
				return errStopped
			}
			return nil
		})
		if err != nil && !errors.Is(err, errStopped) {
			yield(pipeline.Sample{}, err)
		}
	}
}

func (s *hfParquet) walk(ctx context.Context, visit func(tableRow) error) error {
	tables, err := s.open()
	if err != nil {
		return err
	}
	return tables.walk(ctx, true, visit)
}

// imageTable is a file with the leaves that are read of it.
type imageTable struct {
	path         string
	base         string // part of the IDs
	size         int64
	image, label string
	textLabels   bool
	names        []string // of the classes; nil when the file has none
}

// tableRow is a row with what was read of it.
type tableRow struct {
	table  *imageTable
	number int64 // in the file, from 0
	label  int32
	image  parquetio.Cell
}

func (r tableRow) id() string { return stableID(r.table.base + "#" + strconv.FormatInt(r.number, 10)) }

// sample keeps a copy of the image.
func (r tableRow) sample(seq uint64) pipeline.Sample {
	name := fmt.Sprintf("%s#%d", r.table.path, r.number)
	sample := pipeline.Sample{Seq: seq, ID: r.id(), Path: name, Label: r.label, Cue: record.NoClass}
	if r.image.Null {
		missing := fmt.Errorf("%s: column %s has no bytes; images must be embedded in the file", name, r.table.image)
		sample.Read = func(*bytes.Buffer) error { return missing }
		return sample
	}
	data := bytes.Clone(r.image.Bytes)
	sample.Read = func(into *bytes.Buffer) error {
		into.Write(data)
		return nil
	}
	return sample
}

// imageTables are the files of a data set and the rule of their labels.
type imageTables struct {
	files   []imageTable
	labels  func(string) (int32, error)
	byName  bool // labels are read by the names of the classes
	classes int  // 0 when the labels must tell
}

// walk calls visit for each row until it returns an error. The image is read
// on demand, and borrowed.
func (s *imageTables) walk(ctx context.Context, images bool, visit func(tableRow) error) error {
	for i := range s.files {
		table := &s.files[i]
		columns := []string{table.label}
		if images {
			columns = append(columns, table.image)
		}
		err := parquetio.ReadCells(table.path, columns, func(number int64, cells []parquetio.Cell) error {
			if err := ctx.Err(); err != nil {
				return err
			}
			label, err := s.class(table, cells[0])
			if err != nil {
				return fmt.Errorf("%s: row %d: %w", table.path, number, err)
			}
			row := tableRow{table: table, number: number, label: label}
			if images {
				row.image = cells[1]
			}
			return visit(row)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// open finds the files and their columns.
func (s *hfParquet) open() (*imageTables, error) {
	files, err := filesOf(s.config.Root, s.config.Files)
	if err != nil {
		return nil, err
	}
	tables := &imageTables{byName: s.config.Labels != "index"}
	for _, file := range files {
		table, err := s.openTable(file)
		if err != nil {
			return nil, err
		}
		tables.files = append(tables.files, table)
	}
	first := tables.files[0]
	for _, table := range tables.files {
		if !slices.Equal(table.names, first.names) {
			return nil, fmt.Errorf("%s: the names of the classes must be those of %s, are others", table.path, first.path)
		}
	}
	rule := labelRule{labels: s.config.Labels, file: s.config.LabelMap, classes: len(first.names)}
	tables.labels, tables.classes, err = rule.reader()
	return tables, err
}

func (s *hfParquet) openTable(file string) (imageTable, error) {
	t := imageTable{path: filepath.Join(s.config.Root, filepath.FromSlash(file)), base: path.Base(file)}
	info, err := os.Stat(t.path)
	if err != nil {
		return t, err
	}
	if err := checkRegular(t.path, info); err != nil {
		return t, err
	}
	t.size = info.Size()
	if err := s.findColumns(&t); err != nil {
		return t, err
	}
	meta, err := parquetio.Metadata(t.path)
	if err != nil {
		return t, err
	}
	if t.names, err = classNames(meta["huggingface"], s.config.Label); err != nil {
		return t, fmt.Errorf("%s: metadata huggingface: %w", t.path, err)
	}
	return t, nil
}

func (s *hfParquet) findColumns(t *imageTable) error {
	leaves, err := parquetio.Leaves(t.path)
	if err != nil {
		return err
	}
	if len(leaves) == 0 {
		return fmt.Errorf("%s: has no column", t.path)
	}
	found := make([]string, len(leaves))
	for i, leaf := range leaves {
		found[i] = leaf.Name + ": " + leaf.Type
		switch {
		case leaf.Type == "BYTE_ARRAY" && (leaf.Name == s.config.Image || leaf.Name == s.config.Image+".bytes"):
			t.image = leaf.Name
		case leaf.Name == s.config.Label && slices.Contains([]string{"INT32", "INT64", "BYTE_ARRAY"}, leaf.Type):
			t.label, t.textLabels = leaf.Name, leaf.Type == "BYTE_ARRAY"
		}
	}
	if t.image != "" && t.label != "" {
		return nil
	}
	return fmt.Errorf("%s: expected the columns %[2]s or %[2]s.bytes: BYTE_ARRAY, and %[3]s: INT64, INT32 or BYTE_ARRAY; found %[4]s; choose others with image and label",
		t.path, s.config.Image, s.config.Label, some("column", found))
}

// classNames are the names of the classes of a column in the features that
// Hugging Face's library writes; nil when there are none.
func classNames(metadata, column string) ([]string, error) {
	if metadata == "" {
		return nil, nil
	}
	var described struct {
		Info struct {
			Features map[string]json.RawMessage `json:"features"`
		} `json:"info"`
	}
	if err := json.Unmarshal([]byte(metadata), &described); err != nil {
		return nil, err
	}
	raw, ok := described.Info.Features[column]
	if !ok {
		return nil, nil
	}
	var feature struct {
		Type  string   `json:"_type"`
		Names []string `json:"names"`
	}
	if err := json.Unmarshal(raw, &feature); err != nil {
		return nil, fmt.Errorf(`feature %s must be as in {"_type": "ClassLabel", "names": ["cat", "dog"]}, got %s`, column, raw)
	}
	if feature.Type != "ClassLabel" {
		return nil, nil
	}
	return feature.Names, nil
}

// class turns a label into a class index.
func (s *imageTables) class(t *imageTable, cell parquetio.Cell) (int32, error) {
	text, err := s.labelText(t, cell)
	if err != nil {
		return 0, err
	}
	return s.labels(text)
}

// labelText is the label as labelRule reads it.
func (s *imageTables) labelText(t *imageTable, cell parquetio.Cell) (string, error) {
	switch {
	case cell.Null:
		return "", errors.New("has no label")
	case t.textLabels:
		return string(cell.Bytes), nil
	case cell.Int < 0 || cell.Int >= math.MaxInt32:
		return "", fmt.Errorf("label must be a class index from 0 on, got %d; -1 means that the labels of this split are not published", cell.Int)
	case !s.byName || t.names == nil:
		return strconv.FormatInt(cell.Int, 10), nil
	case cell.Int >= int64(len(t.names)):
		return "", fmt.Errorf("label must be below %d, the number of class names, got %d", len(t.names), cell.Int)
	}
	return t.names[cell.Int], nil
}
