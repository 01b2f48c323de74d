package parquetio

import (
	"fmt"
	"maps"
	"math"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"quba/pipeline/record"
)

// scoreSchema is the long form: one row for each score.
var scoreSchema = arrow.NewSchema([]arrow.Field{
	{Name: "model", Type: arrow.BinaryTypes.String},
	{Name: "dimension", Type: arrow.BinaryTypes.String},
	{Name: "part", Type: arrow.BinaryTypes.String},
	{Name: "value", Type: arrow.PrimitiveTypes.Float64},
	{Name: "n", Type: arrow.PrimitiveTypes.Int64},
	{Name: "partial", Type: arrow.FixedWidthTypes.Boolean},
	{Name: "note", Type: arrow.BinaryTypes.String},
}, nil)

// WriteScores writes scores in their order. It refuses values that are not
// finite.
func WriteScores(path string, scores []record.Score, meta map[string]string) error {
	for _, s := range scores {
		if err := checkScore(s); err != nil {
			return err
		}
	}
	meta = maps.Clone(meta)
	if meta == nil {
		meta = map[string]string{}
	}
	meta[record.MetaSchema] = record.Version
	w, err := Create(path, scoreSchema, meta)
	if err != nil {
		return err
	}
	defer w.Abort()
	rec := scoreRecord(scores)
	defer rec.Release()
	if err := w.Write(rec); err != nil {
		return err
	}
	return w.Close()
}

func checkScore(s record.Score) error {
	if math.IsNaN(s.Value) || math.IsInf(s.Value, 0) {
		return fmt.Errorf("score of model %q in dimension %q, part %q: must be a finite number, is %v", s.Model, s.Dimension, s.Part, s.Value)
	}
	return nil
}

func scoreRecord(scores []record.Score) arrow.Record {
	b := array.NewRecordBuilder(memory.DefaultAllocator, scoreSchema)
	defer b.Release()
	for _, s := range scores {
		b.Field(0).(*array.StringBuilder).Append(s.Model)
		b.Field(1).(*array.StringBuilder).Append(s.Dimension)
		b.Field(2).(*array.StringBuilder).Append(s.Part)
		b.Field(3).(*array.Float64Builder).Append(s.Value)
		b.Field(4).(*array.Int64Builder).Append(s.N)
		b.Field(5).(*array.BooleanBuilder).Append(s.Partial)
		b.Field(6).(*array.StringBuilder).Append(s.Note)
	}
	return b.NewRecord()
}

// ReadScores reads the scores of a file with its metadata.
func ReadScores(path string) ([]record.Score, map[string]string, error) {
	meta, err := Metadata(path)
	if err != nil {
		return nil, nil, err
	}
	if version, ok := meta[record.MetaSchema]; ok && version != record.Version {
		return nil, nil, fmt.Errorf("%s: schema version %q is not the one this program reads, %q", path, version, record.Version)
	}
	names := make([]string, scoreSchema.NumFields())
	for i, field := range scoreSchema.Fields() {
		names[i] = field.Name
	}
	var scores []record.Score
	err = ReadRecords(path, names, func(rec arrow.Record) error {
		rows, err := scoresOf(rec)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		scores = append(scores, rows...)
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	return scores, meta, nil
}

func scoresOf(rec arrow.Record) ([]record.Score, error) {
	for i, field := range scoreSchema.Fields() {
		column := rec.Column(i)
		if !arrow.TypeEqual(column.DataType(), field.Type) {
			return nil, fmt.Errorf("not a score table: column %q is %s, must be %s", field.Name, column.DataType(), field.Type)
		}
		if column.NullN() > 0 {
			return nil, fmt.Errorf("not a score table: column %q has nulls", field.Name)
		}
	}
	text := func(column, row int) string {
		return strings.Clone(rec.Column(column).(*array.String).Value(row))
	}
	scores := make([]record.Score, rec.NumRows())
	for i := range scores {
		scores[i] = record.Score{
			Model: text(0, i), Dimension: text(1, i), Part: text(2, i),
			Value:   rec.Column(3).(*array.Float64).Value(i),
			N:       rec.Column(4).(*array.Int64).Value(i),
			Partial: rec.Column(5).(*array.Boolean).Value(i),
			Note:    text(6, i),
		}
		if err := checkScore(scores[i]); err != nil {
			return nil, err
		}
	}
	return scores, nil
}
