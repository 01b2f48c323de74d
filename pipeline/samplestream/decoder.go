package samplestream

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"quba/pipeline"
	"quba/pipeline/record"
)

// maxPixels is the largest image that a stream may hold.
const maxPixels = 64 << 20

// Decoder reads samples from a stream. It is not safe for concurrent use.
type Decoder struct {
	r      *Reader
	header Header
	at     [columns]int // where each column stands; -1 when the stream lacks it
	rows   int64
}

// NewDecoder reads the head of a stream and checks that it holds samples.
// Close the decoder when done.
func NewDecoder(r io.Reader, mem memory.Allocator) (*Decoder, error) {
	reader, err := NewReader(r, mem)
	if err != nil {
		return nil, err
	}
	d := &Decoder{r: reader}
	if d.header, err = parseHeader(reader.Schema().Metadata()); err == nil {
		err = d.locate(reader.Schema())
	}
	if err != nil {
		d.Close()
		return nil, err
	}
	return d, nil
}

// locate finds the columns by their names.
func (d *Decoder) locate(schema *arrow.Schema) error {
	var faults []error
	for i, want := range Schema.Fields() {
		d.at[i] = -1
		found := schema.FieldIndices(want.Name)
		if len(found) == 0 {
			if i == colID || i >= colWidth {
				faults = append(faults, fmt.Errorf("not a stream of samples: column %q is missing", want.Name))
			}
			continue
		}
		if len(found) > 1 {
			faults = append(faults, fmt.Errorf("column %q stands %d times in the stream", want.Name, len(found)))
			continue
		}
		d.at[i] = found[0]
		if got := schema.Field(found[0]).Type; !arrow.TypeEqual(got, want.Type) {
			faults = append(faults, fmt.Errorf("column %q must be of type %s, is %s", want.Name, want.Type, got))
		}
	}
	return errors.Join(faults...)
}

// Header is what the stream says of itself.
func (d *Decoder) Header() Header { return d.header }

// Close frees what the decoder holds.
func (d *Decoder) Close() { d.r.Close() }

// Samples gives the samples in the order of the stream; they stay valid. An
// error is the last thing it gives.
func (d *Decoder) Samples() iter.Seq2[pipeline.Sample, error] {
	return func(yield func(pipeline.Sample, error) bool) {
		for {
			rec, err := d.r.Next()
			if errors.Is(err, io.EOF) {
				return
			}
			var batch batch
			if err == nil {
				batch, err = d.batch(rec)
			}
			if err != nil {
				yield(pipeline.Sample{}, err)
				return
			}
			for i := range int(rec.NumRows()) {
				s, err := batch.sample(i)
				if !yield(s, err) || err != nil {
					return
				}
			}
			d.rows += rec.NumRows()
		}
	}
}

// batch is a record with its columns at hand; those that the stream lacks are
// nil.
type batch struct {
	first                  int64 // rows before the record
	decision               *record.Decision
	seq                    *array.Int64
	id, path, perturbation *array.String
	label, cue, severity   *array.Int32
	width, height          *array.Int32
	whole                  *array.Boolean
	pixels                 *array.Binary
}

func (d *Decoder) batch(rec arrow.Record) (batch, error) {
	for i, at := range d.at {
		if at >= 0 && rec.Column(at).NullN() > 0 {
			return batch{}, fmt.Errorf("column %q must have no nulls, has %d", Schema.Field(i).Name, rec.Column(at).NullN())
		}
	}
	return batch{
		first:        d.rows,
		decision:     d.header.Decision,
		seq:          column[*array.Int64](d, rec, colSeq),
		id:           column[*array.String](d, rec, colID),
		path:         column[*array.String](d, rec, colPath),
		label:        column[*array.Int32](d, rec, colLabel),
		cue:          column[*array.Int32](d, rec, colCue),
		perturbation: column[*array.String](d, rec, colPerturbation),
		severity:     column[*array.Int32](d, rec, colSeverity),
		whole:        column[*array.Boolean](d, rec, colWhole),
		width:        column[*array.Int32](d, rec, colWidth),
		height:       column[*array.Int32](d, rec, colHeight),
		pixels:       column[*array.Binary](d, rec, colPixels),
	}, nil
}

func column[T arrow.Array](d *Decoder, rec arrow.Record, i int) (found T) {
	if d.at[i] >= 0 {
		found = rec.Column(d.at[i]).(T) // locate checked the type
	}
	return found
}

func (b *batch) sample(i int) (pipeline.Sample, error) {
	s := pipeline.Sample{
		Seq: uint64(b.first) + uint64(i), ID: strings.Clone(b.id.Value(i)),
		Label: value(b.label, i, record.NoClass), Cue: value(b.cue, i, record.NoClass),
		Variant: pipeline.Variant{Severity: value(b.severity, i, 0)},
		Whole:   b.whole != nil && b.whole.Value(i), Decision: b.decision,
	}
	s.Path = s.ID
	if b.path != nil {
		s.Path = strings.Clone(b.path.Value(i))
	}
	if b.perturbation != nil && b.perturbation.Value(i) != record.CleanPerturbation {
		s.Variant.Perturbation = strings.Clone(b.perturbation.Value(i))
	}
	if b.seq != nil {
		if b.seq.Value(i) < 0 {
			return s, fmt.Errorf("%s: seq must be at least 0, got %d", s.ID, b.seq.Value(i))
		}
		s.Seq = uint64(b.seq.Value(i))
	}
	if s.Label < record.NoClass || s.Cue < record.NoClass || s.Variant.Severity < 0 {
		return s, fmt.Errorf("%s: label and cue must be at least -1 and severity at least 0, got %d, %d and %d", s.ID, s.Label, s.Cue, s.Variant.Severity)
	}
	image, err := b.image(i)
	if err != nil {
		return s, fmt.Errorf("%s: %w", s.ID, err)
	}
	s.Image = image
	return s, nil
}

func value(column *array.Int32, i int, missing int32) int32 {
	if column == nil {
		return missing
	}
	return column.Value(i)
}

func (b *batch) image(i int) (*pipeline.Image, error) {
	w, h := int64(b.width.Value(i)), int64(b.height.Value(i))
	if w < 1 || h < 1 || w*h > maxPixels {
		return nil, fmt.Errorf("an image must have between 1 and %d pixels, got %dx%d", maxPixels, w, h)
	}
	pixels := b.pixels.Value(i)
	if int64(len(pixels)) != 3*w*h {
		return nil, fmt.Errorf("an image of %dx%d has %d bytes of RGB pixels, got %d", w, h, 3*w*h, len(pixels))
	}
	return &pipeline.Image{W: int(w), H: int(h), Pix: bytes.Clone(pixels)}, nil
}
