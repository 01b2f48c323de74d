package pipeline

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"quba/pipeline/record"
)

// How a column of a journal's record stores its nulls.
const (
	noNulls   byte = iota
	allNulls       // and no values
	someNulls      // a byte for each row comes first: 1 where there is a value
)

// appendRecord writes a prediction record: the number of rows (uvarint), then
// column by column how nulls are stored and the values, those of null rows too.
// Numbers are as they lie in memory, a bool is a byte, a string or list comes
// after its length (uvarint). An Arrow IPC message of a few rows is several times
// as long: most of it describes the columns.
func appendRecord(dst []byte, rec arrow.Record) ([]byte, error) {
	if !rec.Schema().Equal(record.Predictions) {
		return dst, fmt.Errorf("not a prediction record: %s", rec.Schema())
	}
	dst = binary.AppendUvarint(dst, uint64(rec.NumRows()))
	for _, column := range rec.Columns() {
		dst = appendNulls(dst, column)
		if column.NullN() < column.Len() || column.Len() == 0 {
			dst = appendValues(dst, column)
		}
	}
	return dst, nil
}

func appendNulls(dst []byte, column arrow.Array) []byte {
	switch {
	case column.NullN() == 0:
		return append(dst, noNulls)
	case column.NullN() == column.Len():
		return append(dst, allNulls)
	}
	dst = append(dst, someNulls)
	for i := range column.Len() {
		dst = append(dst, truth(column.IsValid(i)))
	}
	return dst
}

func truth(is bool) byte {
	if is {
		return 1
	}
	return 0
}

func appendValues(dst []byte, column arrow.Array) []byte {
	switch c := column.(type) {
	case *array.String:
		return appendStrings(dst, c)
	case *array.Boolean:
		for i := range c.Len() {
			dst = append(dst, truth(c.Value(i)))
		}
	case *array.Int32:
		return append(dst, arrow.Int32Traits.CastToBytes(c.Int32Values())...)
	case *array.Int64:
		return append(dst, arrow.Int64Traits.CastToBytes(c.Int64Values())...)
	case *array.Float32:
		return append(dst, arrow.Float32Traits.CastToBytes(c.Float32Values())...)
	case *array.List:
		return appendLists(dst, c)
	}
	return dst
}

// appendStrings writes a string that is the same in all rows once.
func appendStrings(dst []byte, c *array.String) []byte {
	n := c.Len()
	same := n > 0
	for i := 1; i < n && same; i++ {
		same = c.Value(i) == c.Value(0)
	}
	if same {
		n = 1
	}
	dst = append(dst, truth(same))
	for i := range n {
		dst = binary.AppendUvarint(dst, uint64(len(c.Value(i))))
		dst = append(dst, c.Value(i)...)
	}
	return dst
}

func appendLists(dst []byte, c *array.List) []byte {
	values := c.ListValues().(*array.Float32).Float32Values()
	for i := range c.Len() {
		start, end := c.ValueOffsets(i)
		dst = binary.AppendUvarint(dst, uint64(end-start))
		dst = append(dst, arrow.Float32Traits.CastToBytes(values[start:end])...)
	}
	return dst
}

// decodeRecord reads what appendRecord wrote and returns what comes after it. The
// caller releases the record.
func decodeRecord(data []byte) (rec arrow.Record, rest []byte, err error) {
	d := &recordDecoder{data: data}
	rows := d.length(4) // every row has a severity of 4 bytes
	b := array.NewRecordBuilder(memory.DefaultAllocator, record.Predictions)
	defer b.Release()
	for i, field := range record.Predictions.Fields() {
		d.column(b.Field(i), rows, field.Nullable)
	}
	if d.damaged {
		return nil, nil, errJournal
	}
	return b.NewRecord(), d.data, nil
}

// recordDecoder takes values off the front of data. Once it is damaged, it gives
// nothing.
type recordDecoder struct {
	data    []byte
	damaged bool
}

// take returns the next n bytes, nil when there are not so many.
func (d *recordDecoder) take(n int) []byte {
	if d.damaged || n < 0 || n > len(d.data) {
		d.damaged = true
		return nil
	}
	taken := d.data[:n]
	d.data = d.data[n:]
	return taken
}

func (d *recordDecoder) byte() byte {
	if b := d.take(1); b != nil {
		return b[0]
	}
	return 0
}

// length reads a number of things that take at least so many bytes each.
func (d *recordDecoder) length(bytes int) int {
	n, size := binary.Uvarint(d.data)
	if size <= 0 || n > uint64(len(d.data)/bytes) {
		d.damaged = true
		return 0
	}
	d.take(size)
	return int(n)
}

func (d *recordDecoder) column(b array.Builder, rows int, nullable bool) {
	nulls := d.byte()
	var valid []bool // nil when all are
	switch {
	case nulls == noNulls:
	case nulls == allNulls && nullable:
		b.AppendNulls(rows)
		return
	case nulls == someNulls && nullable:
		valid = d.truths(rows)
	default:
		d.damaged = true
	}
	if !d.damaged {
		d.values(b, rows, valid)
	}
}

func (d *recordDecoder) truths(rows int) []bool {
	values := make([]bool, rows)
	for i, b := range d.take(rows) {
		values[i] = b != 0
	}
	return values
}

func (d *recordDecoder) values(b array.Builder, rows int, valid []bool) {
	switch b := b.(type) {
	case *array.StringBuilder:
		b.AppendValues(d.strings(rows), valid)
	case *array.BooleanBuilder:
		b.AppendValues(d.truths(rows), valid)
	case *array.Int32Builder:
		values := make([]int32, rows)
		d.copyTo(arrow.Int32Traits.CastToBytes(values))
		b.AppendValues(values, valid)
	case *array.Int64Builder:
		values := make([]int64, rows)
		d.copyTo(arrow.Int64Traits.CastToBytes(values))
		b.AppendValues(values, valid)
	case *array.Float32Builder:
		b.AppendValues(d.floats(rows), valid)
	case *array.ListBuilder:
		d.lists(b, rows, valid)
	}
}

// copyTo fills dst, which unlike data is aligned.
func (d *recordDecoder) copyTo(dst []byte) { copy(dst, d.take(len(dst))) }

func (d *recordDecoder) floats(n int) []float32 {
	values := make([]float32, n)
	d.copyTo(arrow.Float32Traits.CastToBytes(values))
	return values
}

func (d *recordDecoder) strings(rows int) []string {
	if same := d.byte(); same != 0 {
		return slices.Repeat([]string{string(d.take(d.length(1)))}, rows)
	}
	values := make([]string, rows)
	for i := range values {
		values[i] = string(d.take(d.length(1)))
	}
	return values
}

func (d *recordDecoder) lists(b *array.ListBuilder, rows int, valid []bool) {
	elements := b.ValueBuilder().(*array.Float32Builder)
	for i := range rows {
		values := d.floats(d.length(4))
		if valid != nil && !valid[i] {
			b.AppendNull()
			continue
		}
		b.Append(true)
		elements.AppendValues(values, nil)
	}
}
