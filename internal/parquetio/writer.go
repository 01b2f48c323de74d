// Package parquetio writes and reads Parquet files so that a file is either
// whole or absent. It is the only importer of arrow's parquet packages, whose
// writer hides errors and whose reader panics on damaged files.
package parquetio

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/compress"
	"github.com/apache/arrow/go/v17/parquet/pqarrow"
	"github.com/google/renameio/v2"
)

// createdBy does not change with the version of a library, so that the bytes
// of a file do not either.
const createdBy = "quba pipeline"

// Writer writes one file. Nothing is visible at its path before Close has
// succeeded. The bytes depend on the schema, the metadata and the rows, not
// on how the rows were divided into records. It is used from one goroutine.
type Writer struct {
	path    string
	schema  *arrow.Schema
	file    pendingFile
	out     *stickyWriter
	parquet *pqarrow.FileWriter
	queue   rowQueue
	rows    int64
	groups  int
	err     error
	done    bool
}

// pendingFile is the part of renameio.PendingFile that a Writer uses; tests
// put failing ones in its place.
type pendingFile interface {
	io.Writer
	io.ReaderAt
	io.Seeker
	CloseAtomicallyReplace() error
	Cleanup() error
}

// errClosed is the sticky error of a Writer after Close or Abort.
var errClosed = errors.New("parquetio: the file was already closed or aborted")

// Create starts a file. Its folder must exist. The metadata is written in the
// order of its keys. Columns may be strings, 32- and 64-bit integers and
// floats, booleans, and lists of those.
func Create(path string, schema *arrow.Schema, meta map[string]string) (*Writer, error) {
	if err := checkColumns(schema); err != nil {
		return nil, err
	}
	file, err := renameio.NewPendingFile(path, renameio.WithTempDir(filepath.Dir(path)), renameio.WithPermissions(0o644))
	if err != nil {
		return nil, fmt.Errorf("cannot start a Parquet file: %w", err)
	}
	return newWriter(path, file, schema, meta, memory.DefaultAllocator)
}

func newWriter(path string, file pendingFile, schema *arrow.Schema, meta map[string]string, mem memory.Allocator) (*Writer, error) {
	keys := slices.Sorted(maps.Keys(meta))
	values := make([]string, len(keys))
	for i, key := range keys {
		values[i] = meta[key]
	}
	sorted := arrow.NewMetadata(keys, values)
	w := &Writer{
		path: path, file: file,
		schema: arrow.NewSchema(schema.Fields(), &sorted),
		out:    &stickyWriter{w: file},
	}
	w.queue = rowQueue{schema: w.schema, mem: mem}
	err := guard(func() (err error) {
		w.parquet, err = pqarrow.NewFileWriter(w.schema, w.out, properties(schema), pqarrow.DefaultWriterProps())
		return err
	})
	if err != nil {
		return nil, w.fail(w.check(err))
	}
	return w, nil
}

// properties turns dictionaries off for everything but strings: a dictionary
// of floats is larger than the floats.
func properties(schema *arrow.Schema) *parquet.WriterProperties {
	options := []parquet.WriterProperty{
		parquet.WithCompression(compress.Codecs.Zstd),
		parquet.WithCreatedBy(createdBy),
		parquet.WithDictionaryDefault(false),
		parquet.WithVersion(parquet.V2_6),
		parquet.WithMaxRowGroupLength(groupRows),
	}
	for _, field := range schema.Fields() {
		switch field.Type.ID() {
		case arrow.STRING:
			options = append(options, parquet.WithDictionaryFor(field.Name, true))
		case arrow.LIST:
			// The least and greatest element of all lists help nobody.
			options = append(options, parquet.WithStatsFor(field.Name+".list.element", false))
		}
	}
	return parquet.NewWriterProperties(options...)
}

// checkColumns refuses the types that arrow's writer gets wrong, such as the
// fixed-size list that it stores as nulls.
func checkColumns(schema *arrow.Schema) error {
	seen := map[string]bool{}
	for _, field := range schema.Fields() {
		if seen[field.Name] {
			return fmt.Errorf("parquetio: column %q is there twice", field.Name)
		}
		seen[field.Name] = true
		if list, ok := field.Type.(*arrow.ListType); ok && isPlain(list.Elem()) {
			continue
		}
		if !isPlain(field.Type) {
			return fmt.Errorf("parquetio: column %q has type %s, which cannot be stored safely", field.Name, field.Type)
		}
	}
	return nil
}

func isPlain(t arrow.DataType) bool {
	switch t.ID() {
	case arrow.STRING, arrow.INT32, arrow.INT64, arrow.FLOAT32, arrow.FLOAT64, arrow.BOOL:
		return true
	}
	return false
}

// Write adds the rows of a record, which keeps its owner. After an error
// every further call returns that error.
func (w *Writer) Write(rec arrow.Record) error {
	if w.err != nil {
		return w.err
	}
	if err := w.checkRecord(rec); err != nil {
		return w.fail(err)
	}
	for start := int64(0); start < rec.NumRows(); {
		n, full := w.queue.push(rec, start)
		start += n
		if !full {
			continue
		}
		if err := w.flush(); err != nil {
			return w.fail(err)
		}
	}
	if err := w.queue.compact(); err != nil {
		return w.fail(err)
	}
	return nil
}

func (w *Writer) checkRecord(rec arrow.Record) error {
	if rec.NumCols() != int64(w.schema.NumFields()) {
		return fmt.Errorf("record has %d columns, must have %d", rec.NumCols(), w.schema.NumFields())
	}
	for i, field := range w.schema.Fields() {
		column := rec.Column(i)
		if rec.ColumnName(i) != field.Name || !sameType(column.DataType(), field.Type) {
			return fmt.Errorf("column %d of the record is %s %s, must be %s %s", i, rec.ColumnName(i), column.DataType(), field.Name, field.Type)
		}
		if !field.Nullable && column.NullN() > 0 {
			return fmt.Errorf("column %s has %d nulls, must have none", field.Name, column.NullN())
		}
	}
	return nil
}

// flush writes the queued rows as one row group.
func (w *Writer) flush() error {
	rec, err := w.queue.take()
	if err != nil || rec == nil {
		return err
	}
	defer rec.Release()
	w.rows += rec.NumRows()
	w.groups++
	return w.check(guard(func() error { return w.parquet.Write(rec) }))
}

// check puts the error of the output before what the parquet writer made of
// it.
func (w *Writer) check(err error) error {
	if w.out.err != nil {
		return w.out.err
	}
	return err
}

// Close writes what is left, checks the finished file and makes it visible.
// After an error there is no file.
func (w *Writer) Close() error {
	if w.err != nil {
		return w.err
	}
	if err := w.finish(); err != nil {
		return w.fail(err)
	}
	w.err, w.done = errClosed, true
	if err := SyncFolder(filepath.Dir(w.path)); err != nil {
		return fmt.Errorf("%s: %w", w.path, err)
	}
	return nil
}

func (w *Writer) finish() error {
	if err := w.flush(); err != nil {
		return err
	}
	// The parquet writer's Close hides errors of the footer; the sticky
	// writer saw them.
	if err := w.check(guard(w.parquet.Close)); err != nil {
		return err
	}
	if err := w.verify(); err != nil {
		return fmt.Errorf("the written file is damaged: %w", err)
	}
	return w.file.CloseAtomicallyReplace()
}

// verify reads the footer back.
func (w *Writer) verify() error {
	r, err := newReader(w.file, memory.DefaultAllocator)
	if err != nil {
		return err
	}
	if r.size != w.out.n {
		return fmt.Errorf("it has %d bytes, %d were written", r.size, w.out.n)
	}
	if r.rows != w.rows || r.parquet.NumRowGroups() != w.groups {
		return fmt.Errorf("it has %d rows in %d groups, %d in %d were written", r.rows, r.parquet.NumRowGroups(), w.rows, w.groups)
	}
	return nil
}

// Abort gives the file up. It does nothing after Close or Abort.
func (w *Writer) Abort() {
	if w.done {
		return
	}
	_ = w.fail(errClosed)
}

// fail drops what was written and keeps the reason.
func (w *Writer) fail(reason error) error {
	if w.done {
		return w.err
	}
	w.done = true
	w.err = reason
	if !errors.Is(reason, errClosed) {
		w.err = fmt.Errorf("%s: %w", w.path, reason)
	}
	w.queue.drop()
	_ = w.file.Cleanup()
	return w.err
}

// SyncFolder makes a rename in the folder last through a loss of power. File
// systems that cannot do that are left alone.
func SyncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	defer folder.Close()
	err = folder.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	return err
}

// stickyWriter counts bytes and keeps the first error.
type stickyWriter struct {
	w   io.Writer
	n   int64
	err error
}

func (s *stickyWriter) Write(p []byte) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	n, err := s.w.Write(p)
	s.n += int64(n)
	if err == nil && n < len(p) {
		err = io.ErrShortWrite
	}
	s.err = err
	return n, err
}

// sameType compares types but not the names of list items.
func sameType(a, b arrow.DataType) bool {
	la, okA := a.(*arrow.ListType)
	lb, okB := b.(*arrow.ListType)
	if okA && okB {
		return arrow.TypeEqual(la.Elem(), lb.Elem())
	}
	return arrow.TypeEqual(a, b)
}

// retype returns the array as one of type t, which is sameType as its own.
// The caller releases it.
func retype(a arrow.Array, t arrow.DataType) arrow.Array {
	d := a.Data()
	data := array.NewData(t, d.Len(), d.Buffers(), d.Children(), d.NullN(), d.Offset())
	defer data.Release()
	return array.MakeFromData(data)
}
