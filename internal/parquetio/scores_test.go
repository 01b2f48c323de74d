package parquetio

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"pgregory.net/rapid"

	"quba/pipeline/record"
)

func drawScore(t *rapid.T) record.Score {
	return record.Score{
		Model: rapid.String().Draw(t, "model"), Dimension: rapid.String().Draw(t, "dimension"),
		Part: rapid.String().Draw(t, "part"), Value: rapid.Float64().Draw(t, "value"),
		N: rapid.Int64().Draw(t, "n"), Partial: rapid.Bool().Draw(t, "partial"), Note: rapid.String().Draw(t, "note"),
	}
}

func TestScoresRoundTrip(t *testing.T) {
	path := filepath.Join(t.TempDir(), "scores.parquet")
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.SliceOfN(rapid.Custom(drawScore), 0, 5).Draw(t, "scores")
		meta := map[string]string{"key": rapid.String().Draw(t, "meta")}
		if err := WriteScores(path, want, meta); err != nil {
			t.Fatal(err)
		}
		got, gotMeta, err := ReadScores(path)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, want) {
			t.Fatalf("wrote %v, read %v", want, got)
		}
		if gotMeta["key"] != meta["key"] || gotMeta[record.MetaSchema] != record.Version || len(meta) != 1 {
			t.Fatalf("wrote %v, read %v", meta, gotMeta)
		}
	})
}

func TestScoresMustBeFinite(t *testing.T) {
	for _, value := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		path := filepath.Join(t.TempDir(), "scores.parquet")
		err := WriteScores(path, []record.Score{{Model: "net", Dimension: "accuracy", Value: value}}, nil)
		if err == nil || !strings.Contains(err.Error(), "finite") || !strings.Contains(err.Error(), "net") {
			t.Errorf("%v: error is %v", value, err)
		}
		if _, err := os.Stat(path); err == nil {
			t.Error("a file is there")
		}
	}
}

func TestReadScoresRefusesOtherTables(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.parquet")
	fields := slices.Clone(scoreSchema.Fields())
	fields[3].Type = arrow.BinaryTypes.String
	for words, schema := range map[string]*arrow.Schema{
		`"dimension" is missing`: record.Predictions,
		`"value" is utf8`:        arrow.NewSchema(fields, nil),
	} {
		b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
		for i := range schema.Fields() {
			b.Field(i).AppendEmptyValue()
		}
		writeBatches(t, path, b.NewRecord(), nil, 1)
		if _, _, err := ReadScores(path); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("error is %v, want %q", err, words)
		}
	}
	writeBatches(t, path, scoreRecord(nil), map[string]string{record.MetaSchema: "99"}, 1)
	if _, _, err := ReadScores(path); err == nil || !strings.Contains(err.Error(), `"99"`) {
		t.Errorf("a newer version: error is %v", err)
	}
}

func TestReadTable(t *testing.T) {
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "Model", Type: arrow.BinaryTypes.String, Nullable: true},
		{Name: "Accuracy", Type: arrow.PrimitiveTypes.Float64, Nullable: true},
		{Name: "Params", Type: arrow.PrimitiveTypes.Int64},
	}, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	b.Field(0).(*array.StringBuilder).AppendValues([]string{"a, b", ""}, nil)
	b.Field(1).(*array.Float64Builder).AppendValues([]float64{0.1, 0}, []bool{true, false})
	b.Field(2).(*array.Int64Builder).AppendValues([]int64{1 << 60, -1}, nil)
	rec := b.NewRecord()
	path := filepath.Join(t.TempDir(), "a.parquet")
	for rows, want := range [][][]string{nil, {{"a, b", "0.1", "1152921504606846976"}}, {{"a, b", "0.1", "1152921504606846976"}, {"", "", "-1"}}} {
		writeBatches(t, path, rec.NewSlice(0, int64(rows)), nil, 10)
		header, got, err := ReadTable(path)
		if err != nil || !slices.Equal(header, []string{"Model", "Accuracy", "Params"}) || !slices.EqualFunc(got, want, slices.Equal) {
			t.Errorf("%d rows: got %v %q, %v", rows, header, got, err)
		}
	}
}
