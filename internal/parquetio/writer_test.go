package parquetio

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/google/renameio/v2"
	"pgregory.net/rapid"

	"quba/pipeline/record"
)

// predictions makes rows with labels, nulls and probabilities; seed decides
// the values. Row numbers start at first.
func predictions(mem memory.Allocator, seed uint64, first, rows, classes int, probs bool) arrow.Record {
	b := record.NewBuilder(mem, probs)
	defer b.Release()
	output := make([]float32, classes)
	for i := first; i < first+rows; i++ {
		rng := rand.New(rand.NewPCG(seed, uint64(i)))
		for j := range output {
			output[j] = float32(rng.NormFloat64() * 5)
		}
		label := int32(rng.IntN(classes+1)) - 1
		b.Append(record.Row{
			Model: "net", Pipeline: "clean", Seq: uint64(i), ID: fmt.Sprintf("n%04d/%d.png", i%7, i),
			Label: label, Cue: record.NoClass, Severity: int32(i % 6),
		}, output, record.Logits)
	}
	return b.NewRecord()
}

// writeBatches writes rec in pieces of the given sizes, repeated.
func writeBatches(t testing.TB, path string, rec arrow.Record, meta map[string]string, sizes ...int64) {
	t.Helper()
	w, err := Create(path, rec.Schema(), meta)
	if err != nil {
		t.Fatal(err)
	}
	for start, i := int64(0), 0; start < rec.NumRows(); i++ {
		end := min(start+sizes[i%len(sizes)], rec.NumRows())
		piece := rec.NewSlice(start, end)
		err := w.Write(piece)
		piece.Release()
		if err != nil {
			t.Fatal(err)
		}
		start = end
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

// readAll joins the records of a file.
func readAll(t testing.TB, path string, columns []string) arrow.Record {
	t.Helper()
	rec, err := joined(path, columns)
	if err != nil {
		t.Fatal(err)
	}
	return rec
}

func joined(path string, columns []string) (arrow.Record, error) {
	var q *rowQueue
	err := ReadRecords(path, columns, func(rec arrow.Record) error {
		if q == nil {
			q = &rowQueue{schema: rec.Schema(), mem: memory.DefaultAllocator}
		}
		q.rows += rec.NumRows()
		q.pieces = append(q.pieces, rec.NewSlice(0, rec.NumRows()))
		return nil
	})
	if err != nil || q == nil {
		return nil, err
	}
	return q.take()
}

func TestRoundTripKeepsSchemaAndValues(t *testing.T) {
	for _, probs := range []bool{true, false} {
		rec := predictions(memory.DefaultAllocator, 1, 0, 700, 1000, probs)
		path := filepath.Join(t.TempDir(), "a.parquet")
		writeBatches(t, path, rec, nil, 32)
		got := readAll(t, path, nil)
		if !got.Schema().Equal(record.Predictions) {
			t.Errorf("schema is %s", got.Schema())
		}
		if !array.RecordEqual(got, rec) {
			t.Errorf("probabilities %t: the values differ", probs)
		}
		if got.Column(10).NullN() == 0 {
			t.Error("the test has no null")
		}
		if _, err := record.NewView(got); err != nil {
			t.Error(err)
		}
	}
}

// everyType has a column for each type that Create accepts.
var everyType = arrow.NewSchema([]arrow.Field{
	{Name: "s", Type: arrow.BinaryTypes.String, Nullable: true},
	{Name: "i", Type: arrow.PrimitiveTypes.Int32, Nullable: true},
	{Name: "l", Type: arrow.PrimitiveTypes.Int64},
	{Name: "f", Type: arrow.PrimitiveTypes.Float32, Nullable: true},
	{Name: "d", Type: arrow.PrimitiveTypes.Float64, Nullable: true},
	{Name: "b", Type: arrow.FixedWidthTypes.Boolean, Nullable: true},
	{Name: "fs", Type: arrow.ListOf(arrow.PrimitiveTypes.Float32), Nullable: true},
	{Name: "ss", Type: arrow.ListOf(arrow.BinaryTypes.String)},
}, nil)

func drawRecord(t *rapid.T, mem memory.Allocator, rows int) arrow.Record {
	b := array.NewRecordBuilder(mem, everyType)
	defer b.Release()
	for range rows {
		for i, field := range everyType.Fields() {
			if field.Nullable && rapid.IntRange(0, 3).Draw(t, "null") == 0 {
				b.Field(i).AppendNull()
				continue
			}
			drawValue(t, b.Field(i))
		}
	}
	return b.NewRecord()
}

func drawValue(t *rapid.T, b array.Builder) {
	switch b := b.(type) {
	case *array.StringBuilder:
		b.Append(rapid.String().Draw(t, "string"))
	case *array.Int32Builder:
		b.Append(rapid.Int32().Draw(t, "int32"))
	case *array.Int64Builder:
		b.Append(rapid.Int64().Draw(t, "int64"))
	case *array.Float32Builder:
		b.Append(rapid.Float32().Draw(t, "float32"))
	case *array.Float64Builder:
		b.Append(rapid.Float64().Draw(t, "float64"))
	case *array.BooleanBuilder:
		b.Append(rapid.Bool().Draw(t, "bool"))
	case *array.ListBuilder:
		b.Append(true)
		for range rapid.IntRange(0, 3).Draw(t, "length") {
			drawValue(t, b.ValueBuilder())
		}
	}
}

func TestAnyRecordRoundTrips(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
		defer mem.AssertSize(fatal{t}, 0)
		rec := drawRecord(t, mem, rapid.IntRange(1, 20).Draw(t, "rows"))
		defer rec.Release()
		path := filepath.Join(dir, "a.parquet")
		w, err := Create(path, everyType, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer w.Abort()
		for start := int64(0); start < rec.NumRows(); {
			end := min(rec.NumRows(), start+rapid.Int64Range(1, 9).Draw(t, "batch"))
			piece := rec.NewSlice(start, end)
			err := w.Write(piece)
			piece.Release()
			if err != nil {
				t.Fatal(err)
			}
			start = end
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		got, err := joined(path, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer got.Release()
		if !array.RecordEqual(got, rec) {
			t.Fatalf("wrote %v\nread %v", rec, got)
		}
	})
}

// fatal makes a rapid.T what CheckedAllocator reports to.
type fatal struct{ *rapid.T }

func (fatal) Helper() {}

func TestBytesDoNotDependOnBatches(t *testing.T) {
	dir := t.TempDir()
	meta := map[string]string{"b": "2", "a": "1", "c": ""}
	for _, c := range []struct {
		rows, classes int
		probs         bool
	}{{20000, 10, false}, {900, 1000, true}, {0, 10, true}} {
		rec := predictions(memory.DefaultAllocator, 2, 0, c.rows, c.classes, c.probs)
		var want []byte
		for i, sizes := range [][]int64{{100000}, {1}, {32}, {1, 500, 3}, {groupRows}, {groupRows - 1, 2}} {
			path := filepath.Join(dir, fmt.Sprint(i))
			writeBatches(t, path, rec, meta, sizes...)
			got, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if want == nil {
				want = got
			}
			if !bytes.Equal(got, want) {
				t.Errorf("%d rows in batches of %v give other bytes", c.rows, sizes)
			}
		}
		if c.rows == 0 {
			continue
		}
		if got := readAll(t, filepath.Join(dir, "1"), nil); !array.RecordEqual(got, rec) {
			t.Error("the values differ")
		}
	}
}

func TestMetadataIsKeptAndSorted(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.parquet")
	rec := predictions(memory.DefaultAllocator, 1, 0, 3, 4, true)
	meta := map[string]string{"z": "1", "a": "2", "m": "ü"}
	writeBatches(t, path, rec, meta, 1)
	got, err := Metadata(path)
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(got) != fmt.Sprint(meta) {
		t.Errorf("metadata is %v, want %v", got, meta)
	}
	err = withReader(path, memory.DefaultAllocator, func(r *reader) error {
		if keys := r.parquet.MetaData().KeyValueMetadata().Keys(); !slices.IsSorted(keys) {
			t.Errorf("keys are %v", keys)
		}
		if by := *r.parquet.MetaData().CreatedBy; by != createdBy {
			t.Errorf("created by %q", by)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestCreateRefusesUnsafeTypes(t *testing.T) {
	for _, unsafe := range []arrow.DataType{
		arrow.FixedSizeListOf(3, arrow.PrimitiveTypes.Float32),
		arrow.ListOf(arrow.ListOf(arrow.PrimitiveTypes.Float32)),
		arrow.StructOf(),
	} {
		path := filepath.Join(t.TempDir(), "a.parquet")
		_, err := Create(path, arrow.NewSchema([]arrow.Field{{Name: "x", Type: unsafe}}, nil), nil)
		if err == nil {
			t.Errorf("%s: no error", unsafe)
		}
	}
}

func TestWriteRefusesOtherRecords(t *testing.T) {
	nulls := array.NewRecordBuilder(memory.DefaultAllocator, record.Predictions)
	for i := range record.Predictions.Fields() {
		nulls.Field(i).AppendNull()
	}
	b := array.NewRecordBuilder(memory.DefaultAllocator, everyType)
	for name, rec := range map[string]arrow.Record{"nulls": nulls.NewRecord(), "schema": b.NewRecord()} {
		path := filepath.Join(t.TempDir(), "a.parquet")
		w, err := Create(path, record.Predictions, nil)
		if err != nil {
			t.Fatal(err)
		}
		first := w.Write(rec)
		if first == nil {
			t.Fatalf("%s: no error", name)
		}
		if again := w.Close(); !errors.Is(again, first) {
			t.Errorf("%s: the error is not sticky: %v", name, again)
		}
		assertEmpty(t, filepath.Dir(path))
	}
}

func TestNothingIsVisibleBeforeCloseOrAfterAbort(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.parquet")
	rec := predictions(memory.DefaultAllocator, 1, 0, 9000, 4, false)
	for _, written := range []bool{false, true} {
		w, err := Create(path, record.Predictions, nil)
		if err != nil {
			t.Fatal(err)
		}
		if written {
			if err := w.Write(rec); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
			t.Error("the file is visible before Close")
		}
		w.Abort()
		w.Abort()
		assertEmpty(t, dir)
		if w.Write(rec) == nil || w.Close() == nil {
			t.Error("an aborted writer takes rows")
		}
		assertEmpty(t, dir)
	}
}

func TestCloseReplacesAndAbortAfterwardsKeeps(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.parquet")
	if err := os.WriteFile(path, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	w, err := Create(path, record.Predictions, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	w.Abort()
	if w.Close() == nil {
		t.Error("a second Close gives no error")
	}
	if _, err := Metadata(path); err != nil {
		t.Error(err)
	}
}

func assertEmpty(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) > 0 {
		t.Errorf("%s is left over", entries[0].Name())
	}
}

func TestWriteBorrowsAndFreesRecords(t *testing.T) {
	for name, end := range map[string]func(*Writer){
		"close": func(w *Writer) {
			if err := w.Close(); err != nil {
				t.Error(err)
			}
		},
		"abort": (*Writer).Abort,
	} {
		mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
		path := filepath.Join(t.TempDir(), "a.parquet")
		pending, err := renameio.NewPendingFile(path)
		if err != nil {
			t.Fatal(err)
		}
		w, err := newWriter(path, pending, record.Predictions, nil, mem)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 100 {
			rec := predictions(mem, 4, 10*i, 10, 300, true)
			err := w.Write(rec)
			rec.Release()
			if err != nil {
				t.Fatal(err)
			}
		}
		end(w)
		t.Log(name)
		mem.AssertSize(t, 0)
	}
}
