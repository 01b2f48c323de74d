package parquetio

import (
	"fmt"
	"sync"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/file"
)

// Leaf is a column with one plain value in each row. One that is a field of a
// struct has the struct's name before its own: "image.bytes".
type Leaf struct {
	Name string
	Type string // Parquet's physical type, such as INT64 or BYTE_ARRAY
}

// Cell is the value of a leaf in one row: in Int for the types INT32 and
// INT64, in Bytes for BYTE_ARRAY. A value in a struct that is null is null.
type Cell struct {
	Null  bool
	Int   int64
	Bytes []byte // borrowed: the next row takes its place
}

// Leaves lists the leaves of a file in their order.
func Leaves(path string) ([]Leaf, error) {
	var leaves []Leaf
	err := withReader(path, memory.DefaultAllocator, func(r *reader) error {
		return guard(func() error {
			leaves = r.leaves()
			return nil
		})
	})
	return leaves, err
}

// ReadCells gives the rows of a file in their order, counted from 0, with the
// named leaves in the order of their names. It is for values as large as
// images: it holds one page and one value of each leaf. The cells are borrowed.
// An error of visit ends the reading and is returned as it is. A damaged file
// gives an error, never a panic.
func ReadCells(path string, names []string, visit func(row int64, cells []Cell) error) error {
	return withReader(path, memory.DefaultAllocator, func(r *reader) error { return r.readCells(names, visit) })
}

func (r *reader) leaves() []Leaf {
	var leaves []Leaf
	schema := r.parquet.MetaData().Schema
	for i := range schema.NumColumns() {
		if c := schema.Column(i); c.MaxRepetitionLevel() == 0 {
			leaves = append(leaves, Leaf{Name: c.Path(), Type: c.PhysicalType().String()})
		}
	}
	return leaves
}

// leafIndexes finds the leaves among all columns.
func (r *reader) leafIndexes(names []string) ([]int, error) {
	schema := r.parquet.MetaData().Schema
	indexes := make([]int, len(names))
	for i, name := range names {
		indexes[i] = schema.ColumnIndexByName(name)
		if indexes[i] < 0 {
			return nil, fmt.Errorf("column %q is missing", name)
		}
		c := schema.Column(indexes[i])
		if c.MaxRepetitionLevel() > 0 {
			return nil, fmt.Errorf("column %q has lists, must have one value in each row", name)
		}
		switch c.PhysicalType() {
		case parquet.Types.Int32, parquet.Types.Int64, parquet.Types.ByteArray:
		default:
			return nil, fmt.Errorf("column %q is %s, must be INT32, INT64 or BYTE_ARRAY", name, c.PhysicalType())
		}
	}
	return indexes, nil
}

func (r *reader) readCells(names []string, visit func(int64, []Cell) error) error {
	var indexes []int
	err := guard(func() (err error) {
		indexes, err = r.leafIndexes(names)
		return err
	})
	if err != nil {
		return err
	}
	first := int64(0)
	for group := range r.parquet.NumRowGroups() {
		if err := r.readGroup(group, first, indexes, visit); err != nil {
			return err
		}
		first += r.parquet.MetaData().GetRowGroups()[group].GetNumRows()
	}
	return nil
}

// readGroup gives the rows of a row group, of which first is the first.
func (r *reader) readGroup(group int, first int64, indexes []int, visit func(int64, []Cell) error) error {
	columns := make([]*leafReader, len(indexes))
	defer func() {
		for _, c := range columns {
			c.release()
		}
	}()
	err := guard(func() (err error) {
		for i, index := range indexes {
			if columns[i], err = r.openLeaf(group, index); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("row group %d: %w", group, err)
	}
	cells := make([]Cell, len(columns))
	for row := first; row < first+r.parquet.MetaData().GetRowGroups()[group].GetNumRows(); row++ {
		for i, c := range columns {
			err := guard(func() (err error) {
				cells[i], err = c.next()
				return err
			})
			if err != nil {
				return fmt.Errorf("row %d: column %q: %w", row, c.name, err)
			}
		}
		if err := visit(row, cells); err != nil {
			return &visitError{err}
		}
	}
	return nil
}

// leafReader reads a leaf in one row group.
type leafReader struct {
	name    string
	pages   file.PageReader
	records file.RecordReader
	chunk   arrow.Array // of the last bytes
}

// openLeaf does not go through file.ColumnChunkReader, whose ReadBatch never
// ends for a page with too few definition levels.
func (r *reader) openLeaf(group, index int) (*leafReader, error) {
	pages, err := r.parquet.RowGroup(group).GetColumnPageReader(index)
	if err != nil {
		return nil, err
	}
	column := r.parquet.MetaData().Schema.Column(index)
	levels := file.LevelInfo{NullSlotUsage: 1, DefLevel: column.MaxDefinitionLevel()}
	records := file.NewRecordReader(column, levels, arrow.BinaryTypes.Binary, r.mem, new(sync.Pool))
	records.SetPageReader(pages)
	return &leafReader{name: column.Path(), pages: pages, records: records}, nil
}

// next reads the next row.
func (l *leafReader) next() (Cell, error) {
	l.records.Reset()
	if err := l.records.Reserve(1); err != nil {
		return Cell{}, err
	}
	n, err := l.records.ReadRecords(1)
	if err == nil && n != 1 {
		err = l.pages.Err()
	}
	if err == nil && n != 1 {
		err = fmt.Errorf("the row group has fewer values than rows")
	}
	if err != nil {
		return Cell{}, err
	}
	if l.records.Type() == parquet.Types.ByteArray {
		return l.bytes()
	}
	return l.integer()
}

func (l *leafReader) bytes() (Cell, error) {
	l.drop()
	chunks := l.records.(file.BinaryRecordReader).GetBuilderChunks()
	if len(chunks) != 1 || chunks[0].Len() != 1 {
		return Cell{}, fmt.Errorf("%d arrays for one row", len(chunks))
	}
	l.chunk = chunks[0]
	if err := validate(l.chunk); err != nil {
		return Cell{}, err
	}
	if l.chunk.IsNull(0) {
		return Cell{Null: true}, nil
	}
	return Cell{Bytes: l.chunk.(*array.Binary).Value(0)}, nil
}

func (l *leafReader) integer() (Cell, error) {
	if l.records.NullCount() > 0 {
		return Cell{Null: true}, nil
	}
	values := l.records.Values()
	if l.records.Type() == parquet.Types.Int32 {
		return Cell{Int: int64(arrow.Int32Traits.CastFromBytes(values)[0])}, nil
	}
	return Cell{Int: arrow.Int64Traits.CastFromBytes(values)[0]}, nil
}

func (l *leafReader) drop() {
	if l.chunk != nil {
		l.chunk.Release()
		l.chunk = nil
	}
}

func (l *leafReader) release() {
	if l == nil {
		return
	}
	l.drop()
	l.records.Release()
}
