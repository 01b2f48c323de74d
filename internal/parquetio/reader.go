package parquetio

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/file"
	"github.com/apache/arrow/go/v17/parquet/pqarrow"
)

// Records that are read have at most maxBatchRows rows, and fewer where rows
// are so wide that they would pass batchBytes.
const (
	maxBatchRows = 4096
	batchBytes   = 4 << 20
)

// reader reads one file. All of its work runs on the caller's goroutine, so
// that guard can catch the panics of arrow's reader; that is why it does not
// use pqarrow's record reader, which starts goroutines.
type reader struct {
	parquet *file.Reader
	arrow   *pqarrow.FileReader
	mem     memory.Allocator
	size    int64
	rows    int64
}

func newReader(source parquet.ReaderAtSeeker, mem memory.Allocator) (*reader, error) {
	mem = limitedAllocator{mem}
	r := &reader{mem: mem}
	size, err := source.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, err
	}
	r.size = size
	return r, guard(func() error { return r.open(source) })
}

func (r *reader) open(source parquet.ReaderAtSeeker) error {
	// Buffered streams read a page at a time; without them the reader
	// allocates whatever column size the file claims.
	props := parquet.NewReaderProperties(r.mem)
	props.BufferedStreamEnabled = true
	var err error
	if r.parquet, err = file.NewParquetReader(source, file.WithReadProps(props)); err != nil {
		return err
	}
	total := int64(0)
	for _, group := range r.parquet.MetaData().GetRowGroups() {
		if group.GetNumRows() < 0 {
			return fmt.Errorf("a row group claims %d rows", group.GetNumRows())
		}
		total += group.GetNumRows()
	}
	if r.rows = r.parquet.NumRows(); r.rows != total {
		return fmt.Errorf("the footer claims %d rows, its row groups have %d", r.rows, total)
	}
	r.arrow, err = pqarrow.NewFileReader(r.parquet, pqarrow.ArrowReadProperties{}, r.mem)
	return err
}

// fieldsOf finds the columns by name, all when names is nil.
func (r *reader) fieldsOf(names []string) ([]int, *arrow.Schema, error) {
	all := map[string]int{}
	var indexes []int
	for i, f := range r.arrow.Manifest.Fields {
		if _, twice := all[f.Field.Name]; twice {
			return nil, nil, fmt.Errorf("column %q is there twice", f.Field.Name)
		}
		all[f.Field.Name] = i
		indexes = append(indexes, i)
	}
	if names != nil {
		indexes = indexes[:0]
	}
	for _, name := range names {
		i, ok := all[name]
		if !ok {
			return nil, nil, fmt.Errorf("column %q is missing", name)
		}
		indexes = append(indexes, i)
	}
	if len(indexes) == 0 {
		return nil, nil, errors.New("no column to read")
	}
	fields := make([]arrow.Field, len(indexes))
	for i, index := range indexes {
		field := r.arrow.Manifest.Fields[index].Field
		t, err := readableType(field.Type)
		if err != nil {
			return nil, nil, fmt.Errorf("column %q: %w", field.Name, err)
		}
		fields[i] = arrow.Field{Name: field.Name, Type: t, Nullable: field.Nullable}
	}
	return indexes, arrow.NewSchema(fields, nil), nil
}

// readableType is the type a column is given out with: lists lose the item
// name and the nullability that the writing program chose.
func readableType(t arrow.DataType) (arrow.DataType, error) {
	list, ok := t.(*arrow.ListType)
	if ok {
		if _, nested := list.Elem().(arrow.NestedType); !nested {
			return arrow.ListOf(list.Elem()), nil
		}
	}
	if _, nested := t.(arrow.NestedType); nested {
		return nil, fmt.Errorf("cannot read the nested type %s", t)
	}
	return t, nil
}

// batchRows is how many rows a record gets.
func (r *reader) batchRows() int64 {
	bytes := int64(0)
	for _, group := range r.parquet.MetaData().GetRowGroups() {
		bytes += max(group.GetTotalByteSize(), 0)
	}
	if bytes <= 0 || r.rows <= 0 {
		return maxBatchRows
	}
	return max(1, min(maxBatchRows, batchBytes/max(bytes/r.rows, 1)))
}

// read gives the records to visit, which borrows them.
func (r *reader) read(names []string, visit func(arrow.Record) error) error {
	var (
		columns []*pqarrow.ColumnReader
		indexes []int
		schema  *arrow.Schema
	)
	defer func() {
		for _, column := range columns {
			column.Release()
		}
	}()
	err := guard(func() (err error) {
		if indexes, schema, err = r.fieldsOf(names); err != nil {
			return err
		}
		for _, i := range indexes {
			column, err := r.arrow.GetColumn(context.Background(), i)
			if err != nil {
				return err
			}
			columns = append(columns, column)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for left, batch := r.rows, r.batchRows(); left > 0; {
		n := min(left, batch)
		if err := r.readBatch(columns, schema, n, visit); err != nil {
			return err
		}
		left -= n
	}
	return nil
}

func (r *reader) readBatch(columns []*pqarrow.ColumnReader, schema *arrow.Schema, n int64, visit func(arrow.Record) error) error {
	arrays := make([]arrow.Array, 0, len(columns))
	defer func() {
		for _, a := range arrays {
			a.Release()
		}
	}()
	for i, column := range columns {
		field := schema.Field(i)
		err := guard(func() error {
			a, err := r.readColumn(column, field.Type, n)
			if err != nil {
				return err
			}
			arrays = append(arrays, a)
			return validate(a)
		})
		if err != nil {
			return fmt.Errorf("column %q: %w", field.Name, err)
		}
	}
	rec := array.NewRecord(schema, arrays, n)
	defer rec.Release()
	if err := visit(rec); err != nil {
		return &visitError{err}
	}
	return nil
}

func (r *reader) readColumn(column *pqarrow.ColumnReader, t arrow.DataType, n int64) (arrow.Array, error) {
	chunks, err := column.NextBatch(n)
	if err != nil {
		return nil, err
	}
	defer chunks.Release()
	if int64(chunks.Len()) != n {
		return nil, fmt.Errorf("%d of %d rows are missing", n-int64(chunks.Len()), n)
	}
	if !sameType(chunks.DataType(), t) {
		return nil, fmt.Errorf("type is %s, must be %s", chunks.DataType(), t)
	}
	if len(chunks.Chunks()) == 1 {
		return retype(chunks.Chunk(0), t), nil
	}
	joined, err := array.Concatenate(chunks.Chunks(), r.mem)
	if err != nil {
		return nil, err
	}
	defer joined.Release()
	return retype(joined, t), nil
}

// visitError tells an error of the visitor from a fault of the file.
type visitError struct{ error }

func (e *visitError) Unwrap() error { return e.error }

// ReadRecords gives the rows of a file in their order, in records of bounded
// size, with the named columns in the order of their names, or all for nil.
// The record is borrowed: Retain it to keep it. An error of visit ends the
// reading and is returned as it is. A damaged file gives an error, never a
// panic.
func ReadRecords(path string, columns []string, visit func(arrow.Record) error) error {
	return withReader(path, memory.DefaultAllocator, func(r *reader) error { return r.read(columns, visit) })
}

// Metadata returns the key-value metadata of a file.
func Metadata(path string) (map[string]string, error) {
	var meta map[string]string
	err := withReader(path, memory.DefaultAllocator, func(r *reader) error {
		meta = r.metadata()
		return nil
	})
	return meta, err
}

func (r *reader) metadata() map[string]string {
	meta := map[string]string{}
	for _, pair := range r.parquet.MetaData().KeyValueMetadata() {
		meta[pair.GetKey()] = pair.GetValue()
	}
	return meta
}

// withReader opens a file for use, and says which file an error is about.
func withReader(path string, mem memory.Allocator, use func(*reader) error) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	r, err := newReader(f, mem)
	if err == nil {
		err = use(r)
	}
	var visiting *visitError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &visiting):
		return visiting.error
	}
	return fmt.Errorf("%s: cannot read as Parquet: %w", path, err)
}

// guard turns the panics of arrow's parquet packages into errors.
func guard(f func() error) (err error) {
	defer func() {
		if reason := recover(); reason != nil {
			err = fmt.Errorf("damaged data: %v", reason)
		}
	}()
	return f()
}

// maxAllocation is far above what a page or a record needs.
const maxAllocation = 256 << 20

// limitedAllocator refuses, by a panic that guard catches, sizes that only a
// damaged file asks for.
type limitedAllocator struct{ memory.Allocator }

func (a limitedAllocator) Allocate(size int) []byte {
	checkAllocation(size)
	return a.Allocator.Allocate(size)
}

func (a limitedAllocator) Reallocate(size int, b []byte) []byte {
	checkAllocation(size)
	return a.Allocator.Reallocate(size, b)
}

func checkAllocation(size int) {
	if size < 0 || size > maxAllocation {
		panic(fmt.Sprintf("a buffer of %d bytes is asked for, at most %d are allowed", size, maxAllocation))
	}
}
