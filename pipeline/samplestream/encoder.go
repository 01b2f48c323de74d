package samplestream

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/ipc"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"quba/pipeline"
	"quba/pipeline/record"
)

// A record batch is cut when it has so many rows or so many bytes of pixels.
// A single image may be larger.
const (
	batchRows  = 32
	batchBytes = 4 << 20
)

// Encoder writes samples as a stream. It is not safe for concurrent use.
type Encoder struct {
	out    *bufio.Writer
	w      *ipc.Writer
	b      *array.RecordBuilder
	rows   int
	pixels int
}

// NewEncoder returns an encoder that writes to w. Release it when done.
func NewEncoder(w io.Writer, h Header, mem memory.Allocator) *Encoder {
	metadata := h.metadata()
	schema := arrow.NewSchema(Schema.Fields(), &metadata)
	out := bufio.NewWriter(w)
	return &Encoder{
		out: out,
		w:   ipc.NewWriter(out, ipc.WithSchema(schema), ipc.WithAllocator(mem)),
		b:   array.NewRecordBuilder(mem, schema),
	}
}

// Append adds a sample, which must have its pixels.
func (e *Encoder) Append(s pipeline.Sample) error {
	if s.Image == nil {
		return fmt.Errorf("%s: a sample needs its pixels to be written", s.ID)
	}
	if s.Image.W > math.MaxInt32 || s.Image.H > math.MaxInt32 || len(s.Image.Pix) > maxPixels*3 {
		return fmt.Errorf("%s: an image of %dx%d is too large; a stream holds at most %d pixels", s.ID, s.Image.W, s.Image.H, maxPixels)
	}
	if e.rows > 0 && (e.rows >= batchRows || e.pixels+len(s.Image.Pix) > batchBytes) {
		if err := e.flush(); err != nil {
			return err
		}
	}
	perturbation := s.Variant.Perturbation
	if perturbation == "" {
		perturbation = record.CleanPerturbation
	}
	e.b.Field(colSeq).(*array.Int64Builder).Append(int64(s.Seq))
	e.b.Field(colID).(*array.StringBuilder).Append(s.ID)
	e.b.Field(colPath).(*array.StringBuilder).Append(s.Path)
	e.b.Field(colLabel).(*array.Int32Builder).Append(s.Label)
	e.b.Field(colCue).(*array.Int32Builder).Append(s.Cue)
	e.b.Field(colPerturbation).(*array.StringBuilder).Append(perturbation)
	e.b.Field(colSeverity).(*array.Int32Builder).Append(s.Variant.Severity)
	e.b.Field(colWhole).(*array.BooleanBuilder).Append(s.Whole)
	e.b.Field(colWidth).(*array.Int32Builder).Append(int32(s.Image.W))
	e.b.Field(colHeight).(*array.Int32Builder).Append(int32(s.Image.H))
	e.b.Field(colPixels).(*array.BinaryBuilder).Append(s.Image.Pix)
	e.rows++
	e.pixels += len(s.Image.Pix)
	return nil
}

// flush sends what was appended on its way, so that the next program of a
// pipe can work on it.
func (e *Encoder) flush() error {
	e.rows, e.pixels = 0, 0
	rec := e.b.NewRecord()
	defer rec.Release()
	if err := e.w.Write(rec); err != nil {
		return err
	}
	return e.out.Flush()
}

// Close writes what is left and the end mark. Without it a reader takes the
// stream for a broken one.
func (e *Encoder) Close() error {
	var err error
	if e.rows > 0 {
		err = e.flush()
	}
	if err != nil {
		return err
	}
	return errors.Join(e.w.Close(), e.out.Flush())
}

// Release frees what the encoder still holds.
func (e *Encoder) Release() { e.b.Release() }
