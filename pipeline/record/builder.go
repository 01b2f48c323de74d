package record

import (
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// Row names the sample that a prediction is about.
type Row struct {
	Model, Pipeline string
	Perturbation    string // "" is CleanPerturbation
	Severity        int32
	Seq             uint64
	ID              string
	Label, Cue      int32
	// Decision turns the output into a decision of the data set; nil takes it
	// as it is.
	Decision *Decision
	// Attack is what made an adversarial image; nil for others.
	Attack *Attack
}

// Attack says what an attack did to an image. Norms are of the change, in units
// in which black is 0 and white 1.
type Attack struct {
	Before            bool // classified correctly before
	Linf, L2          float32
	Forward, Backward int32 // passes through the network
	ZeroGradient      bool  // a gradient was zero everywhere, or not finite
}

// Builder makes prediction records. It is not safe for concurrent use.
type Builder struct {
	b         *array.RecordBuilder
	withProbs bool
	scratch   []float32
}

// NewBuilder returns a builder; withProbs says whether the probabilities of
// all classes are stored. Release it when done.
func NewBuilder(mem memory.Allocator, withProbs bool) *Builder {
	return &Builder{b: array.NewRecordBuilder(mem, Predictions), withProbs: withProbs}
}

// Release frees what the builder still holds.
func (b *Builder) Release() { b.b.Release() }

// Append adds the prediction that output, the raw row of the classifier,
// stands for.
func (b *Builder) Append(row Row, output []float32, kind Output) Prediction {
	classes := len(output)
	if row.Decision != nil {
		classes = len(row.Decision.Classes)
	}
	if cap(b.scratch) < classes {
		b.scratch = make([]float32, classes)
	}
	probs := b.scratch[:classes]
	p := row.Decision.predict(output, kind, row.Label, probs)
	b.appendRow(row)
	b.appendPrediction(p)
	b.appendProbs(probs)
	b.appendAttack(row.Attack)
	return p
}

func (b *Builder) appendRow(row Row) {
	perturbation := row.Perturbation
	if perturbation == "" {
		perturbation = CleanPerturbation
	}
	b.b.Field(colModel).(*array.StringBuilder).Append(row.Model)
	b.b.Field(colPipeline).(*array.StringBuilder).Append(row.Pipeline)
	b.b.Field(colPerturbation).(*array.StringBuilder).Append(perturbation)
	b.b.Field(colSeverity).(*array.Int32Builder).Append(row.Severity)
	b.b.Field(colSeq).(*array.Int64Builder).Append(int64(row.Seq))
	b.b.Field(colID).(*array.StringBuilder).Append(row.ID)
	b.b.Field(colLabel).(*array.Int32Builder).Append(row.Label)
	b.b.Field(colCue).(*array.Int32Builder).Append(row.Cue)
}

func (b *Builder) appendPrediction(p Prediction) {
	b.b.Field(colTop1).(*array.Int32Builder).Append(p.Top1)
	b.b.Field(colConfidence).(*array.Float32Builder).Append(p.Confidence)
	b.b.Field(colCorrect).(*array.BooleanBuilder).Append(p.Correct)
	if p.TrueRank < 0 {
		b.b.Field(colPTrue).AppendNull()
		b.b.Field(colTrueRank).AppendNull()
		b.b.Field(colLoss).AppendNull()
		return
	}
	b.b.Field(colPTrue).(*array.Float32Builder).Append(p.PTrue)
	b.b.Field(colTrueRank).(*array.Int32Builder).Append(p.TrueRank)
	b.b.Field(colLoss).(*array.Float32Builder).Append(p.Loss)
}

func (b *Builder) appendProbs(probs []float32) {
	lists := b.b.Field(colProbs).(*array.ListBuilder)
	if !b.withProbs {
		lists.AppendNull()
		return
	}
	lists.Append(true)
	lists.ValueBuilder().(*array.Float32Builder).AppendValues(probs, nil)
}

func (b *Builder) appendAttack(a *Attack) {
	if a == nil {
		for i := colBefore; i <= colZeroGradient; i++ {
			b.b.Field(i).AppendNull()
		}
		return
	}
	b.b.Field(colBefore).(*array.BooleanBuilder).Append(a.Before)
	b.b.Field(colLinf).(*array.Float32Builder).Append(a.Linf)
	b.b.Field(colL2).(*array.Float32Builder).Append(a.L2)
	b.b.Field(colForward).(*array.Int32Builder).Append(a.Forward)
	b.b.Field(colBackward).(*array.Int32Builder).Append(a.Backward)
	b.b.Field(colZeroGradient).(*array.BooleanBuilder).Append(a.ZeroGradient)
}

// NewRecord returns what was appended since the last call. The caller owns
// the record and releases it.
func (b *Builder) NewRecord() arrow.Record { return b.b.NewRecord() }

// CheckSchema says why schema is not one of predictions, or nil. The columns
// of attacks may be missing, and others may follow.
func CheckSchema(schema *arrow.Schema) error {
	if schema == Predictions {
		return nil
	}
	for i, want := range Predictions.Fields() {
		if i >= schema.NumFields() && i >= colBefore {
			return nil
		}
		if i >= schema.NumFields() {
			return fmt.Errorf("record: not a prediction table: column %q is missing", want.Name)
		}
		got := schema.Field(i)
		if got.Name != want.Name || !sameType(got.Type, want.Type) {
			return fmt.Errorf("record: not a prediction table: column %d is %s %s, must be %s %s", i, got.Name, got.Type, want.Name, want.Type)
		}
	}
	return nil
}

// sameType compares types but not the names of list items, which Parquet
// writers choose freely.
func sameType(a, b arrow.DataType) bool {
	la, okA := a.(*arrow.ListType)
	lb, okB := b.(*arrow.ListType)
	if okA && okB {
		return arrow.TypeEqual(la.Elem(), lb.Elem())
	}
	return arrow.TypeEqual(a, b)
}
