package parquetio

import (
	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// A row group ends with the row that completes either number, wherever the
// records end: about 1 MiB in memory. A run may have a hundred files open.
const (
	groupRows   = 8192
	groupValues = 1 << 18 // elements of lists
)

// maxPieces is how many records are kept as they came before they are copied
// into one: small records cost more than their rows.
const maxPieces = 64

// rowQueue collects rows for a row group.
type rowQueue struct {
	schema *arrow.Schema
	mem    memory.Allocator
	pieces []arrow.Record
	rows   int64
	values int64
}

// push takes rows of rec from start on, as many as the group has room for.
// full says that the group is complete.
func (q *rowQueue) push(rec arrow.Record, start int64) (taken int64, full bool) {
	end := start
	for end < rec.NumRows() && !full {
		q.rows++
		q.values += listValues(rec, int(end))
		end++
		full = q.rows >= groupRows || q.values >= groupValues
	}
	q.pieces = append(q.pieces, rec.NewSlice(start, end))
	return end - start, full
}

// listValues counts the elements of the lists in a row.
func listValues(rec arrow.Record, row int) int64 {
	n := int64(0)
	for _, column := range rec.Columns() {
		list, ok := column.(*array.List)
		if !ok || list.IsNull(row) {
			continue
		}
		start, end := list.ValueOffsets(row)
		n += end - start
	}
	return n
}

// compact joins the pieces when there are many.
func (q *rowQueue) compact() error {
	if len(q.pieces) < maxPieces {
		return nil
	}
	joined, err := q.join()
	if err != nil {
		return err
	}
	q.release()
	q.pieces = append(q.pieces, joined)
	return nil
}

// take empties the queue into one record, nil when there are no rows. The
// caller releases it.
func (q *rowQueue) take() (arrow.Record, error) {
	if q.rows == 0 {
		return nil, nil
	}
	rec, err := q.join()
	q.drop()
	return rec, err
}

func (q *rowQueue) join() (arrow.Record, error) {
	columns := make([]arrow.Array, 0, q.schema.NumFields())
	defer func() {
		for _, column := range columns {
			column.Release()
		}
	}()
	parts := make([]arrow.Array, len(q.pieces))
	for i, field := range q.schema.Fields() {
		for j, piece := range q.pieces {
			parts[j] = piece.Column(i)
		}
		column, err := q.joinColumn(parts, field.Type)
		if err != nil {
			return nil, err
		}
		columns = append(columns, column)
	}
	return array.NewRecord(q.schema, columns, q.rows), nil
}

func (q *rowQueue) joinColumn(parts []arrow.Array, t arrow.DataType) (arrow.Array, error) {
	same := make([]arrow.Array, len(parts))
	for i, part := range parts {
		same[i] = retype(part, t)
		defer same[i].Release()
	}
	return array.Concatenate(same, q.mem)
}

// drop forgets all rows.
func (q *rowQueue) drop() {
	q.release()
	q.rows, q.values = 0, 0
}

func (q *rowQueue) release() {
	for _, piece := range q.pieces {
		piece.Release()
	}
	clear(q.pieces)
	q.pieces = q.pieces[:0]
}
