package parquetio

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/compress"
	"github.com/apache/arrow/go/v17/parquet/pqarrow"
	"pgregory.net/rapid"
)

// picture is a row of an image table.
type picture struct {
	noStruct, noBytes, noLabel bool
	bytes                      []byte
	label                      int64
}

func (p picture) String() string {
	image, label := fmt.Sprintf("%q", p.bytes), fmt.Sprint(p.label)
	if p.noStruct || p.noBytes {
		image = "null"
	}
	if p.noLabel {
		label = "null"
	}
	return image + "=" + label
}

var imageType = arrow.StructOf(
	arrow.Field{Name: "bytes", Type: arrow.BinaryTypes.Binary, Nullable: true},
	arrow.Field{Name: "path", Type: arrow.BinaryTypes.String, Nullable: true},
)

var pictureSchema = arrow.NewSchema([]arrow.Field{
	{Name: "image", Type: imageType, Nullable: true},
	{Name: "label", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
	{Name: "tags", Type: arrow.ListOf(arrow.PrimitiveTypes.Int32), Nullable: true},
	{Name: "score", Type: arrow.PrimitiveTypes.Float64, Nullable: true},
}, nil)

// pictureTable writes rows as Hugging Face does, with columns that the reader
// does not know.
func pictureTable(t testing.TB, rows []picture, options ...parquet.WriterProperty) []byte {
	t.Helper()
	b := array.NewRecordBuilder(memory.DefaultAllocator, pictureSchema)
	image := b.Field(0).(*array.StructBuilder)
	for _, p := range rows {
		b.Field(2).(*array.ListBuilder).AppendNull()
		b.Field(3).(*array.Float64Builder).Append(1)
		if p.noLabel {
			b.Field(1).AppendNull()
		} else {
			b.Field(1).(*array.Int64Builder).Append(p.label)
		}
		if p.noStruct {
			image.AppendNull()
			continue
		}
		image.Append(true)
		image.FieldBuilder(1).AppendNull()
		if p.noBytes {
			image.FieldBuilder(0).AppendNull()
		} else {
			image.FieldBuilder(0).(*array.BinaryBuilder).Append(p.bytes)
		}
	}
	rec := b.NewRecord()
	table := array.NewTableFromRecords(pictureSchema, []arrow.Record{rec})
	var out bytes.Buffer
	props := parquet.NewWriterProperties(options...)
	if err := pqarrow.WriteTable(table, &out, max(props.MaxRowGroupLength(), 1), props, pqarrow.DefaultWriterProps()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

var pictureLeaves = []string{"image.bytes", "label"}

func pictureRows(data []byte, mem memory.Allocator) (string, error) {
	r, err := newReader(bytes.NewReader(data), mem)
	if err != nil {
		return "", err
	}
	var text []string
	err = r.readCells(pictureLeaves, func(row int64, cells []Cell) error {
		if int(row) != len(text) {
			return fmt.Errorf("row %d comes after %d rows", row, len(text))
		}
		text = append(text, picture{noBytes: cells[0].Null, bytes: cells[0].Bytes, noLabel: cells[1].Null, label: cells[1].Int}.String())
		return nil
	})
	return strings.Join(text, " "), err
}

func drawPictures(t *rapid.T) []picture {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) picture {
		return picture{
			noStruct: rapid.IntRange(0, 5).Draw(t, "no struct") == 0,
			noBytes:  rapid.IntRange(0, 5).Draw(t, "no bytes") == 0,
			noLabel:  rapid.IntRange(0, 5).Draw(t, "no label") == 0,
			bytes:    rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "bytes"),
			label:    rapid.Int64().Draw(t, "label"),
		}
	}), 1, 30).Draw(t, "rows")
}

func TestReadCellsGivesWhatWasWritten(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
		rows := drawPictures(rt)
		data := pictureTable(t, rows,
			parquet.WithMaxRowGroupLength(rapid.Int64Range(1, 12).Draw(rt, "group")),
			parquet.WithDataPageSize(rapid.Int64Range(1, 2000).Draw(rt, "page")),
			parquet.WithBatchSize(rapid.Int64Range(1, 10).Draw(rt, "batch")),
			parquet.WithDictionaryDefault(rapid.Bool().Draw(rt, "dictionary")),
			parquet.WithCompression(rapid.SampledFrom([]compress.Compression{compress.Codecs.Uncompressed, compress.Codecs.Snappy, compress.Codecs.Zstd}).Draw(rt, "codec")),
			parquet.WithDataPageVersion(rapid.SampledFrom([]parquet.DataPageVersion{parquet.DataPageV1, parquet.DataPageV2}).Draw(rt, "version")),
		)
		var want []string
		for _, p := range rows {
			want = append(want, p.String())
		}
		got, err := pictureRows(data, mem)
		if err != nil || got != strings.Join(want, " ") {
			rt.Fatalf("read %s, %v\nwrote %s", got, err, want)
		}
	})
}

func TestReadCellsHoldsOnePage(t *testing.T) {
	rows := make([]picture, 400)
	for i := range rows {
		rows[i].bytes = bytes.Repeat([]byte{byte(i)}, 100_000)
	}
	data := pictureTable(t, rows, parquet.WithDictionaryDefault(false), parquet.WithBatchSize(1), parquet.WithDataPageSize(1<<20))
	mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
	r, err := newReader(bytes.NewReader(data), mem)
	if err != nil {
		t.Fatal(err)
	}
	most := 0
	err = r.readCells(pictureLeaves, func(int64, []Cell) error {
		most = max(most, mem.CurrentAlloc())
		return nil
	})
	if err != nil || most > 8<<20 {
		t.Errorf("%d bytes of %d are held, %v", most, len(data), err)
	}
}

func TestLeavesAndFaultsOfColumns(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.parquet")
	if err := os.WriteFile(path, pictureTable(t, []picture{{label: 1}}), 0o600); err != nil {
		t.Fatal(err)
	}
	leaves, err := Leaves(path)
	const want = "[{image.bytes BYTE_ARRAY} {image.path BYTE_ARRAY} {label INT64} {score DOUBLE}]"
	if err != nil || fmt.Sprint(leaves) != want {
		t.Errorf("leaves are %v, %v", leaves, err)
	}
	for name, words := range map[string]string{
		"none":              `column "none" is missing`,
		"score":             `column "score" is DOUBLE, must be INT32, INT64 or BYTE_ARRAY`,
		"tags.list.element": `column "tags.list.element" has lists`,
	} {
		err := ReadCells(path, []string{name}, func(int64, []Cell) error { return nil })
		if err == nil || !strings.Contains(err.Error(), words) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: error is %v", name, err)
		}
	}
	enough := errors.New("enough")
	if err := ReadCells(path, pictureLeaves, func(int64, []Cell) error { return enough }); err != enough { //nolint:errorlint // it must be the same value
		t.Errorf("error is %v", err)
	}
}

func someRows() []picture {
	return []picture{{bytes: []byte("one"), label: 3}, {noBytes: true, label: 4}, {noStruct: true}, {bytes: []byte("four"), noLabel: true}, {bytes: bytes.Repeat([]byte("5"), 90)}}
}

func TestCutAndDamagedTablesDoNotPanic(t *testing.T) {
	for _, version := range []parquet.DataPageVersion{parquet.DataPageV1, parquet.DataPageV2} {
		whole := pictureTable(t, someRows(), parquet.WithMaxRowGroupLength(3), parquet.WithDataPageVersion(version))
		for n := range whole {
			if _, err := pictureRows(whole[:n], memory.DefaultAllocator); err == nil {
				t.Fatalf("no error for the first %d of %d bytes", n, len(whole))
			}
			for _, flip := range []byte{0x01, 0x40, 0xff} {
				damaged := bytes.Clone(whole)
				damaged[n] ^= flip
				_, _ = pictureRows(damaged, memory.DefaultAllocator)
			}
		}
	}
}

// FuzzReadCells checks that no bytes make the reader panic or hang.
func FuzzReadCells(f *testing.F) {
	f.Add(pictureTable(f, someRows()))
	f.Add(pictureTable(f, someRows(), parquet.WithDataPageVersion(parquet.DataPageV2), parquet.WithDictionaryDefault(false)))
	f.Fuzz(func(_ *testing.T, data []byte) { _, _ = pictureRows(data, memory.DefaultAllocator) })
}

// asHuggingFace writes two files as the library datasets does: images in a
// struct, the names of the classes in the metadata.
const asHuggingFace = `
import sys, json, pyarrow as pa, pyarrow.parquet as pq
image = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
features = {"info": {"features": {"image": {"_type": "Image"}, "label": {"names": ["cat", "dog"], "_type": "ClassLabel"}}}}
schema = pa.schema([("image", image), ("label", pa.int64())], metadata={"huggingface": json.dumps(features)})
rows = [{"image": {"bytes": bytes([i]) * 50000, "path": None}, "label": i % 2} for i in range(250)]
pq.write_table(pa.Table.from_pylist(rows, schema), sys.argv[1], row_group_size=100)
`

func TestReadCellsOfPyarrow(t *testing.T) {
	interpreter := python(t, "pyarrow")
	path := filepath.Join(t.TempDir(), "hf.parquet")
	if out, err := exec.Command(interpreter, "-c", asHuggingFace, path).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	rows := 0
	err := ReadCells(path, pictureLeaves, func(row int64, cells []Cell) error {
		rows++
		if !bytes.Equal(cells[0].Bytes, bytes.Repeat([]byte{byte(row)}, 50000)) || cells[1].Int != row%2 {
			t.Errorf("row %d is %v", row, cells[1])
		}
		return nil
	})
	meta, metaErr := Metadata(path)
	if err != nil || rows != 250 || metaErr != nil || !strings.Contains(meta["huggingface"], "ClassLabel") {
		t.Errorf("%d rows, %v, metadata %v, %v", rows, err, meta["huggingface"], metaErr)
	}
}
