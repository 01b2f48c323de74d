package sources

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/pqarrow"

	"quba/pipeline"
	"quba/pipeline/registry"
)

// tableRowOf is a row of a fixture; its label is an int64, a string or nil,
// its image nil for null.
type tableRowOf struct {
	image []byte
	label any
}

// tableOf writes a Parquet file with the columns image and label as Hugging
// Face's library does; flat is for images that are in no struct.
func tableOf(t testing.TB, features string, flat bool, rows ...tableRowOf) string {
	t.Helper()
	image := arrow.DataType(arrow.BinaryTypes.Binary)
	if !flat {
		image = arrow.StructOf(
			arrow.Field{Name: "bytes", Type: arrow.BinaryTypes.Binary, Nullable: true},
			arrow.Field{Name: "path", Type: arrow.BinaryTypes.String, Nullable: true})
	}
	label := arrow.DataType(arrow.PrimitiveTypes.Int64)
	if _, text := rows[0].label.(string); text {
		label = arrow.BinaryTypes.String
	}
	meta := arrow.NewMetadata([]string{"huggingface"}, []string{features})
	schema := arrow.NewSchema([]arrow.Field{{Name: "image", Type: image, Nullable: true}, {Name: "label", Type: label, Nullable: true}}, &meta)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	for _, row := range rows {
		appendImage(b.Field(0), row.image)
		switch label := row.label.(type) {
		case int:
			b.Field(1).(*array.Int64Builder).Append(int64(label))
		case string:
			b.Field(1).(*array.StringBuilder).Append(label)
		default:
			b.Field(1).AppendNull()
		}
	}
	table := array.NewTableFromRecords(schema, []arrow.Record{b.NewRecord()})
	var out bytes.Buffer
	props := pqarrow.NewArrowWriterProperties(pqarrow.WithStoreSchema())
	if err := pqarrow.WriteTable(table, &out, 2, parquet.NewWriterProperties(), props); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func appendImage(b array.Builder, image []byte) {
	if s, ok := b.(*array.StructBuilder); ok {
		s.Append(true)
		s.FieldBuilder(1).AppendNull()
		b = s.FieldBuilder(0)
	}
	if image == nil {
		b.AppendNull()
		return
	}
	b.(*array.BinaryBuilder).Append(image)
}

const (
	petFeatures  = `{"info": {"features": {"image": {"_type": "Image"}, "label": {"names": ["cat", "dog", "emu"], "_type": "ClassLabel"}}}}`
	wnidFeatures = `{"info": {"features": {"label": {"names": ["n15075141", "n01440764"], "_type": "ClassLabel"}}}}`
)

func init() {
	fixtures["hf_parquet"] = func(t *testing.T) fixture {
		root := t.TempDir()
		image := []byte(pngText(t))
		first := []tableRowOf{{image, 1}, {nil, 0}, {image, 2}}
		writeFile(t, filepath.Join(root, "data", "v-0.parquet"), tableOf(t, petFeatures, false, first...))
		writeFile(t, filepath.Join(root, "data", "v-1.parquet"), tableOf(t, petFeatures, true, tableRowOf{image, 0}))
		return fixture{
			source: func() pipeline.Source { return hfParquetOf(t, root, hfParquetConfig{}) },
			add: func() {
				writeFile(t, filepath.Join(root, "data", "v-0.parquet"), tableOf(t, petFeatures, false, append(first, tableRowOf{image, 1})...))
			},
		}
	}
}

// hfParquetOf fills what is left out with the defaults.
func hfParquetOf(t testing.TB, root string, c hfParquetConfig) pipeline.Source {
	t.Helper()
	c.Root = root
	if c.Files == nil {
		c.Files = []string{"data/*.parquet"}
	}
	for option, value := range map[*string]string{&c.Image: "image", &c.Label: "label", &c.Labels: "index"} {
		if *option == "" {
			*option = value
		}
	}
	return makeSource(t, "hf_parquet", c)
}

// oneTable gives the samples of a file and the number of classes, or the error
// after the path.
func oneTable(t testing.TB, file string, c hfParquetConfig) (string, int, error) {
	t.Helper()
	root := t.TempDir()
	path := filepath.Join(root, "data", "a.parquet")
	writeFile(t, path, file)
	s := hfParquetOf(t, root, c)
	samples, err := collect(s)
	info, again := s.Describe(context.Background())
	if fmt.Sprint(err) != fmt.Sprint(again) {
		t.Errorf("Samples says %v, Describe %v", err, again)
	}
	if err != nil {
		err = errors.New(strings.TrimPrefix(err.Error(), path))
	}
	return ids(samples), info.Classes, err
}

func TestHFParquetLabels(t *testing.T) {
	pets := filepath.Join(t.TempDir(), "m.csv")
	writeFile(t, pets, "cat,30\ndog,10\nemu,20\n1,5\n0,4\n")
	numbers := []tableRowOf{{nil, 1}, {nil, 0}}
	for name, c := range map[string]struct {
		features string
		rows     []tableRowOf
		config   hfParquetConfig
		want     string
		classes  int
	}{
		"index":              {petFeatures, numbers, hfParquetConfig{}, "a.parquet#0=1 a.parquet#1=0", 3},
		"no metadata":        {"", numbers, hfParquetConfig{}, "a.parquet#0=1 a.parquet#1=0", 2},
		"no class label":     {`{"info": {"features": {"label": {"dtype": "int64", "_type": "Value"}}}}`, numbers, hfParquetConfig{}, "a.parquet#0=1 a.parquet#1=0", 2},
		"wnids":              {wnidFeatures, numbers, hfParquetConfig{Labels: "imagenet"}, "a.parquet#0=0 a.parquet#1=999", 1000},
		"imagenet, no names": {"", numbers, hfParquetConfig{Labels: "imagenet"}, "a.parquet#0=1 a.parquet#1=0", 1000},
		"map":                {petFeatures, numbers, hfParquetConfig{Labels: "map", LabelMap: pets}, "a.parquet#0=10 a.parquet#1=30", 31},
		"map, no names":      {"", numbers, hfParquetConfig{Labels: "map", LabelMap: pets}, "a.parquet#0=5 a.parquet#1=4", 31},
		"text":               {"", []tableRowOf{{nil, "n01443537"}}, hfParquetConfig{Labels: "imagenet"}, "a.parquet#0=1", 1000},
		"other columns":      {"", numbers, hfParquetConfig{Image: "image.bytes"}, "a.parquet#0=1 a.parquet#1=0", 2},
	} {
		for _, flat := range []bool{false, true} {
			if flat && c.config.Image != "" {
				continue
			}
			got, classes, err := oneTable(t, tableOf(t, c.features, flat, c.rows...), c.config)
			if err != nil || got != c.want || classes != c.classes {
				t.Errorf("%s: got %s of %d, %v, want %s of %d", name, got, classes, err, c.want, c.classes)
			}
		}
	}
}

func TestHFParquetFaults(t *testing.T) {
	pets := filepath.Join(t.TempDir(), "m.csv")
	writeFile(t, pets, "cat,30\n")
	const columns = ": expected the columns %s or %[1]s.bytes: BYTE_ARRAY, and %s: INT64, INT32 or BYTE_ARRAY; found the columns image.bytes: BYTE_ARRAY, image.path: BYTE_ARRAY, label: INT64; choose others with image and label"
	for name, c := range map[string]struct {
		features string
		label    any
		config   hfParquetConfig
		want     string
	}{
		"image column":    {"", 1, hfParquetConfig{Image: "img"}, fmt.Sprintf(columns, "img", "label")},
		"label column":    {"", 1, hfParquetConfig{Label: "fine_label"}, fmt.Sprintf(columns, "image", "fine_label")},
		"image is number": {"", 1, hfParquetConfig{Image: "label"}, fmt.Sprintf(columns, "label", "label")},
		"no label":        {"", nil, hfParquetConfig{}, ": row 0: has no label"},
		"hidden labels":   {petFeatures, -1, hfParquetConfig{}, ": row 0: label must be a class index from 0 on, got -1; -1 means that the labels of this split are not published"},
		"too high":        {petFeatures, 3, hfParquetConfig{}, ": row 0: label must be below 3, the number of classes, got 3"},
		"no name":         {petFeatures, 3, hfParquetConfig{Labels: "map", LabelMap: pets}, ": row 0: label must be below 3, the number of class names, got 3"},
		"not in map":      {petFeatures, 1, hfParquetConfig{Labels: "map", LabelMap: pets}, `: row 0: label "dog" is not in ` + pets},
		"words":           {petFeatures, 1, hfParquetConfig{Labels: "imagenet"}, `: row 0: label must be a wnid or an index below 1000, got "dog"`},
		"metadata":        {"{", 1, hfParquetConfig{}, ": metadata huggingface: unexpected end of JSON input"},
		"feature":         {`{"info": {"features": {"label": [1]}}}`, 1, hfParquetConfig{}, `: metadata huggingface: feature label must be as in {"_type": "ClassLabel", "names": ["cat", "dog"]}, got [1]`},
	} {
		t.Run(name, func(t *testing.T) {
			if _, _, err := oneTable(t, tableOf(t, c.features, false, tableRowOf{nil, c.label}), c.config); fmt.Sprint(err) != c.want {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
}

func TestHFParquetFiles(t *testing.T) {
	root := t.TempDir()
	checkLayoutError(t, root, hfParquetOf(t, root, hfParquetConfig{}), ": expected files such as data/*.parquet; found nothing in data")
	b := filepath.Join(root, "data", "b.parquet")
	writeFile(t, b, "PAR1 and more PAR1")
	_, err := collect(hfParquetOf(t, root, hfParquetConfig{}))
	wantError(t, err, b, "cannot read as Parquet")
	writeFile(t, b, tableOf(t, petFeatures, false, tableRowOf{nil, 1}))
	a := filepath.Join(root, "data", "a.parquet")
	writeFile(t, a, tableOf(t, wnidFeatures, false, tableRowOf{nil, 1}))
	checkLayoutError(t, b, hfParquetOf(t, root, hfParquetConfig{}), ": the names of the classes must be those of "+a+", are others")
	_, err = tryMakeSource("hf_parquet", hfParquetConfig{Root: root, Files: []string{"https://host/a.parquet"}, Labels: "index"})
	var field *registry.FieldError
	if !errors.As(err, &field) || field.Field != "files[0]" {
		t.Errorf("error is %v", err)
	}
}

// Samples keep their own bytes, read in parallel after others were read.
func TestHFParquetReads(t *testing.T) {
	root := t.TempDir()
	var rows []tableRowOf
	for i := range 20 {
		rows = append(rows, tableRowOf{bytes.Repeat([]byte{byte(i)}, 1000*i), i})
	}
	rows[7].image = nil
	writeFile(t, filepath.Join(root, "data", "a.parquet"), tableOf(t, "", false, rows...))
	var wg sync.WaitGroup
	for sample, err := range hfParquetOf(t, root, hfParquetConfig{}).Samples(context.Background()) {
		if err != nil {
			t.Fatal(err)
		}
		wg.Go(func() {
			data, err := readSample(sample)
			if sample.Label == 7 {
				if err == nil || !strings.Contains(err.Error(), "a.parquet#7: column image.bytes has no bytes") {
					t.Errorf("null gives %v", err)
				}
				return
			}
			if err != nil || !bytes.Equal(data, rows[sample.Label].image) {
				t.Errorf("%s: %d bytes, %v", sample.ID, len(data), err)
			}
		})
	}
	wg.Wait()
}

// FuzzClassNames checks that no metadata makes the parser panic.
func FuzzClassNames(f *testing.F) {
	f.Add(petFeatures)
	f.Fuzz(func(t *testing.T, metadata string) {
		if names, err := classNames(metadata, "label"); err != nil && names != nil {
			t.Fatalf("%q and %v", names, err)
		}
	})
}
