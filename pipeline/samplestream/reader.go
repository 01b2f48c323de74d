package samplestream

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/bitutil"
	"github.com/apache/arrow/go/v17/arrow/ipc"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// Reader reads the records of any Arrow IPC stream whose columns are numbers,
// booleans, texts, binaries and lists of those. All values of its records lie
// within their buffers. It is not safe for concurrent use.
type Reader struct{ r *ipc.Reader }

// NewReader reads the schema of a stream. Close the reader when done.
func NewReader(r io.Reader, mem memory.Allocator) (*Reader, error) {
	limit := &limitedAllocator{Allocator: mem}
	reader, err := ipc.NewReaderFromMessageReader(&messages{r: r, limit: limit}, ipc.WithAllocator(limit))
	if errors.Is(err, io.EOF) {
		return nil, errors.New("the stream is empty: it has no schema")
	}
	if err != nil {
		return nil, plain(err)
	}
	if reader.Schema().Endianness() != arrow.NewSchema(nil, nil).Endianness() {
		reader.Release()
		return nil, errors.New("the stream has the other byte order than this machine")
	}
	return &Reader{reader}, nil
}

// Schema is that of the stream, with its metadata.
func (r *Reader) Schema() *arrow.Schema { return r.r.Schema() }

// Next returns the next record, borrowed until the call after; io.EOF at the
// end of the stream.
func (r *Reader) Next() (arrow.Record, error) {
	if !r.r.Next() {
		if err := r.r.Err(); err != nil {
			return nil, err
		}
		return nil, io.EOF
	}
	rec := r.r.Record()
	for i, column := range rec.Columns() {
		if column.Len() != int(rec.NumRows()) {
			return nil, fmt.Errorf("column %q has %d values, the record %d rows", rec.ColumnName(i), column.Len(), rec.NumRows())
		}
		if err := checkArray(column); err != nil {
			return nil, fmt.Errorf("column %q: %w", rec.ColumnName(i), err)
		}
	}
	return rec, nil
}

// Close frees what the reader holds, but does not close what it reads from.
func (r *Reader) Close() { r.r.Release() }

// plain takes Arrow's words around the errors of this package away.
func plain(err error) error {
	if inner := errors.Unwrap(err); inner != nil && strings.HasPrefix(err.Error(), "arrow/ipc: could not read message") {
		return inner
	}
	return err
}

// checkArray checks that no value of an array lies outside its buffers:
// Arrow builds such arrays from damaged streams without an error.
func checkArray(a arrow.Array) error {
	data := a.Data()
	end := data.Offset() + data.Len()
	if len(data.Buffers()) == 0 {
		return fmt.Errorf("the type %s is not read", a.DataType())
	}
	bitmap := data.Buffers()[0]
	if bitmap != nil && bitmap.Len() < int(bitutil.BytesForBits(int64(end))) {
		return errors.New("the null bitmap is too short")
	}
	if n := a.NullN(); n < 0 || n > a.Len() || (n > 0 && bitmap == nil) {
		return fmt.Errorf("%d of %d values are null", n, a.Len())
	}
	switch a := a.(type) {
	case *array.List:
		if err := checkOffsets(data, a.ListValues().Len()); err != nil {
			return err
		}
		return checkArray(a.ListValues())
	case *array.String, *array.Binary:
		return checkOffsets(data, bufferSize(data, 2))
	}
	fixed, ok := a.DataType().(arrow.FixedWidthDataType)
	if !ok {
		return fmt.Errorf("the type %s is not read", a.DataType())
	}
	if need := bitutil.BytesForBits(int64(end) * int64(fixed.BitWidth())); int64(bufferSize(data, 1)) < need {
		return errors.New("the values are too short")
	}
	return nil
}

func bufferSize(data arrow.ArrayData, i int) int {
	if i >= len(data.Buffers()) || data.Buffers()[i] == nil {
		return 0
	}
	return data.Buffers()[i].Len()
}

// checkOffsets checks that the offsets go upwards and end within limit.
func checkOffsets(data arrow.ArrayData, limit int) error {
	if data.Len() == 0 {
		return nil
	}
	if bufferSize(data, 1) < arrow.Int32Traits.BytesRequired(data.Offset()+data.Len()+1) {
		return errors.New("the offsets are too short")
	}
	last := int32(0)
	for _, offset := range arrow.Int32Traits.CastFromBytes(data.Buffers()[1].Bytes())[data.Offset() : data.Offset()+data.Len()+1] {
		if offset < last || int(offset) > limit {
			return fmt.Errorf("an offset of %d comes after %d, of %d values", offset, last, limit)
		}
		last = offset
	}
	return nil
}
