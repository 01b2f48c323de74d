package pipeline

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"pgregory.net/rapid"

	"quba/pipeline/record"
)

// drawRecord makes a prediction record with and without labels, attacks and
// probabilities.
func drawRecord(t *rapid.T) arrow.Record {
	b := record.NewBuilder(memory.DefaultAllocator, rapid.Bool().Draw(t, "probs"))
	defer b.Release()
	for i := range rapid.IntRange(0, 5).Draw(t, "rows") {
		row := record.Row{
			Model: "a", Pipeline: "clean", Perturbation: rapid.SampledFrom([]string{"", "fog", "é\xff"}).Draw(t, "perturbation"),
			Severity: int32(i), Seq: uint64(i), ID: rapid.String().Draw(t, "id"),
			Label: int32(rapid.IntRange(-1, 2).Draw(t, "label")), Cue: record.NoClass,
		}
		if rapid.Bool().Draw(t, "attacked") {
			row.Attack = &record.Attack{Before: i%2 == 0, Linf: 0.5, L2: 3, Forward: 4, Backward: 5, ZeroGradient: i%2 == 1}
		}
		b.Append(row, rapid.SliceOfN(rapid.Float32Range(-9, 9), 3, 3).Draw(t, "logits"), record.Logits)
	}
	return b.NewRecord()
}

func TestRecordsComeBackAsTheyWere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rec := drawRecord(t)
		defer rec.Release()
		from := rapid.Int64Range(0, rec.NumRows()).Draw(t, "from")
		part := rec.NewSlice(from, rec.NumRows())
		defer part.Release()
		data, err := appendRecord([]byte("before"), part)
		if err != nil {
			t.Fatal(err)
		}
		got, rest, err := decodeRecord(append(data, "after"...)[len("before"):])
		if err != nil || string(rest) != "after" {
			t.Fatalf("rest %q, error %v", rest, err)
		}
		defer got.Release()
		if !array.RecordEqual(got, part) {
			t.Fatalf("got %v, want %v", got, part)
		}
	})
}

func TestOnlyPredictionsAreStored(t *testing.T) {
	if _, err := appendRecord(nil, array.NewRecord(arrow.NewSchema(nil, nil), nil, 0)); err == nil {
		t.Error("a record of another schema gives no error")
	}
}

// A damaged record gives an error, and neither a panic nor more memory than the
// bytes could stand for.
func TestDamagedRecords(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rec := drawRecord(t)
		defer rec.Release()
		data, err := appendRecord(nil, rec)
		if err != nil {
			t.Fatal(err)
		}
		short := data[:rapid.IntRange(0, len(data)-1).Draw(t, "length")]
		if _, _, err := decodeRecord(short); !errors.Is(err, errJournal) {
			t.Fatalf("%d of %d bytes: error %v", len(short), len(data), err)
		}
		changed := bytes.Clone(data)
		changed[rapid.IntRange(0, len(data)-1).Draw(t, "at")] ^= rapid.ByteRange(1, 255).Draw(t, "by")
		if got, _, err := decodeRecord(changed); err == nil {
			_ = fmt.Sprint(got) // reads every value
			got.Release()
		}
	})
}
