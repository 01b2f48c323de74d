package record

import (
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"pgregory.net/rapid"
)

// drawn is a row with what a view must say of it.
type drawn struct {
	row    Row
	output []float32
}

func drawRows(t *rapid.T) []drawn {
	rows := make([]drawn, rapid.IntRange(1, 8).Draw(t, "rows"))
	for i := range rows {
		rows[i] = drawn{
			row: Row{
				Model: rapid.String().Draw(t, "model"), Pipeline: rapid.String().Draw(t, "pipeline"),
				Perturbation: rapid.SampledFrom([]string{"", "blur", "blur+jpeg"}).Draw(t, "perturbation"),
				Severity:     rapid.Int32Range(0, 5).Draw(t, "severity"),
				Seq:          rapid.Uint64Range(0, 1<<40).Draw(t, "seq"),
				ID:           rapid.String().Draw(t, "id"),
				Label:        rapid.Int32Range(-1, 3).Draw(t, "label"), Cue: rapid.Int32Range(-1, 3).Draw(t, "cue"),
			},
			output: rapid.SliceOfN(rapid.Float32Range(-20, 20), 3, 3).Draw(t, "output"),
		}
	}
	return rows
}

func TestBuilderAndViewRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
		defer mem.AssertSize(checked{t}, 0)
		rows := drawRows(t)
		withProbs := rapid.Bool().Draw(t, "probabilities")
		b := NewBuilder(mem, withProbs)
		defer b.Release()
		for _, r := range rows {
			b.Append(r.row, r.output, Logits)
		}
		rec := b.NewRecord()
		defer rec.Release()
		// A slice has offsets in all of its columns.
		start := rapid.IntRange(0, len(rows)-1).Draw(t, "start")
		slice := rec.NewSlice(int64(start), rec.NumRows())
		defer slice.Release()
		checkRows(t, rec, rows, withProbs)
		checkRows(t, slice, rows[start:], withProbs)
	})
}

func checkRows(t *rapid.T, rec arrow.Record, rows []drawn, withProbs bool) {
	v, err := NewView(rec)
	if err != nil {
		t.Fatal(err)
	}
	if v.Len() != len(rows) {
		t.Fatalf("%d rows, want %d", v.Len(), len(rows))
	}
	for i, r := range rows {
		checkRow(t, v, i, r.row)
		probs := make([]float32, len(r.output))
		p := Predict(r.output, Logits, r.row.Label, probs)
		hasLabel := r.row.Label >= 0 && int(r.row.Label) < len(r.output)
		if v.HasLabel(i) != hasLabel || v.Top1(i) != p.Top1 || v.Confidence(i) != p.Confidence || v.Correct(i) != p.Correct {
			t.Fatalf("row %d differs from %+v", i, p)
		}
		if hasLabel && (v.PTrue(i) != p.PTrue || v.TrueRank(i) != p.TrueRank || v.Loss(i) != p.Loss) {
			t.Fatalf("row %d differs from %+v", i, p)
		}
		if !withProbs {
			probs = nil
		}
		if got := v.Probabilities(i); !slices.Equal(got, probs) || (got == nil) != (probs == nil) {
			t.Fatalf("row %d has probabilities %v, want %v", i, got, probs)
		}
	}
}

func checkRow(t *rapid.T, v View, i int, row Row) {
	if row.Perturbation == "" {
		row.Perturbation = "none"
	}
	got := Row{
		Model: v.Model(i), Pipeline: v.Pipeline(i), Perturbation: v.Perturbation(i), Severity: v.Severity(i),
		Seq: uint64(v.Seq(i)), ID: v.ID(i), Label: v.Label(i), Cue: v.Cue(i),
	}
	if got != row {
		t.Fatalf("row %d is %+v, want %+v", i, got, row)
	}
}

// checked makes a rapid.T what CheckedAllocator reports to.
type checked struct{ *rapid.T }

func (checked) Helper() {}

func TestBuilderStartsAnewAfterNewRecord(t *testing.T) {
	mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
	defer mem.AssertSize(t, 0)
	b := NewBuilder(mem, true)
	defer b.Release()
	for want := range 3 {
		for range want {
			b.Append(Row{Model: "m", Label: 0}, []float32{1, 2}, Logits)
		}
		rec := b.NewRecord()
		if rec.NumRows() != int64(want) {
			t.Errorf("%d rows, want %d", rec.NumRows(), want)
		}
		rec.Release()
	}
	b.Append(Row{Model: "left over"}, []float32{1}, Logits)
}

// recordOf makes a record without rows, or with one row of nulls.
func recordOf(fields []arrow.Field, nulls bool) arrow.Record {
	b := array.NewRecordBuilder(memory.NewGoAllocator(), arrow.NewSchema(fields, nil))
	defer b.Release()
	for i := range fields {
		if nulls {
			b.Field(i).AppendNull()
		}
	}
	return b.NewRecord()
}

func TestNewViewRefusesOtherTables(t *testing.T) {
	for i, field := range Predictions.Fields() {
		missing := slices.Delete(slices.Clone(Predictions.Fields()), i, i+1)
		renamed, retyped := slices.Clone(Predictions.Fields()), slices.Clone(Predictions.Fields())
		renamed[i].Name += "x"
		retyped[i].Type = arrow.PrimitiveTypes.Uint8
		for what, fields := range map[string][]arrow.Field{"missing": missing, "renamed": renamed, "retyped": retyped} {
			if what == "missing" && i == colZeroGradient {
				continue // the columns of attacks may end early
			}
			_, err := NewView(recordOf(fields, false))
			if err == nil || !strings.Contains(err.Error(), field.Name) {
				t.Errorf("%s %s: error is %v", field.Name, what, err)
			}
		}
	}
	lists := slices.Clone(Predictions.Fields())
	lists[colProbs].Type = arrow.ListOf(arrow.PrimitiveTypes.Float64)
	if _, err := NewView(recordOf(lists, false)); err == nil {
		t.Error("a list of float64 passes for probabilities")
	}
}

// TestNewViewWithoutAttacks: tables of other programs need no columns for what
// they do not have.
func TestNewViewWithoutAttacks(t *testing.T) {
	v, err := NewView(recordOf(slices.Clone(Predictions.Fields()[:colBefore]), false))
	if err != nil {
		t.Fatal(err)
	}
	if v.Len() != 0 || v.before != nil {
		t.Errorf("got %+v", v)
	}
}

func TestNewViewAllowsWhatParquetChanges(t *testing.T) {
	fields := slices.Clone(Predictions.Fields())
	fields[colProbs].Type = arrow.ListOfField(arrow.Field{Name: "element", Type: arrow.PrimitiveTypes.Float32, Nullable: true})
	for i := range fields {
		fields[i].Nullable = true
	}
	fields = append(fields, arrow.Field{Name: "more", Type: arrow.BinaryTypes.String})
	if _, err := NewView(recordOf(fields, false)); err != nil {
		t.Error(err)
	}
	if _, err := NewView(recordOf(fields, true)); err == nil || !strings.Contains(err.Error(), "null") {
		t.Errorf("nulls in every column: error is %v", err)
	}
}
