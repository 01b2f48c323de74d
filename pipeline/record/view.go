package record

import (
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
)

// View reads a prediction record without copying. It borrows the record: it
// and the slices it gives are valid only as long as the record is.
type View struct {
	model, pipeline, perturbation, id *array.String
	severity, label, cue, top1        []int32
	seq                               []int64
	confidence                        []float32
	pTrue, loss                       *array.Float32
	trueRank                          *array.Int32
	correct                           *array.Boolean
	probs                             *array.List
	probValues                        []float32
	before, zeroGradient              *array.Boolean
	linf, l2                          *array.Float32
	forward, backward                 *array.Int32
	rows                              int
}

// NewView checks the record's schema and returns its view.
func NewView(rec arrow.Record) (View, error) {
	if err := CheckSchema(rec.Schema()); err != nil {
		return View{}, err
	}
	if err := checkNulls(rec); err != nil {
		return View{}, err
	}
	probs := rec.Column(colProbs).(*array.List)
	v := View{
		model:        rec.Column(colModel).(*array.String),
		pipeline:     rec.Column(colPipeline).(*array.String),
		perturbation: rec.Column(colPerturbation).(*array.String),
		id:           rec.Column(colID).(*array.String),
		severity:     rec.Column(colSeverity).(*array.Int32).Int32Values(),
		label:        rec.Column(colLabel).(*array.Int32).Int32Values(),
		cue:          rec.Column(colCue).(*array.Int32).Int32Values(),
		top1:         rec.Column(colTop1).(*array.Int32).Int32Values(),
		seq:          rec.Column(colSeq).(*array.Int64).Int64Values(),
		confidence:   rec.Column(colConfidence).(*array.Float32).Float32Values(),
		pTrue:        rec.Column(colPTrue).(*array.Float32),
		trueRank:     rec.Column(colTrueRank).(*array.Int32),
		correct:      rec.Column(colCorrect).(*array.Boolean),
		loss:         rec.Column(colLoss).(*array.Float32),
		probs:        probs,
		probValues:   probs.ListValues().(*array.Float32).Float32Values(),
		rows:         int(rec.NumRows()),
	}
	if rec.NumCols() > colZeroGradient {
		v.before = rec.Column(colBefore).(*array.Boolean)
		v.linf = rec.Column(colLinf).(*array.Float32)
		v.l2 = rec.Column(colL2).(*array.Float32)
		v.forward = rec.Column(colForward).(*array.Int32)
		v.backward = rec.Column(colBackward).(*array.Int32)
		v.zeroGradient = rec.Column(colZeroGradient).(*array.Boolean)
	}
	return v, nil
}

// checkNulls refuses nulls where there must be a value: files of other
// programs have no columns that rule them out.
func checkNulls(rec arrow.Record) error {
	for i := range colBefore {
		n := rec.Column(i).NullN()
		if n == 0 {
			continue
		}
		if field := Predictions.Field(i); !field.Nullable {
			return fmt.Errorf("record: column %q must have no nulls, has %d", field.Name, n)
		}
	}
	return nil
}

// Len is the number of rows.
func (v View) Len() int { return v.rows }

// Model, Pipeline, Perturbation and ID read string columns of row i. The
// strings point into the record: clone one to keep it.
func (v View) Model(i int) string        { return v.model.Value(i) }
func (v View) Pipeline(i int) string     { return v.pipeline.Value(i) }
func (v View) Perturbation(i int) string { return v.perturbation.Value(i) }
func (v View) ID(i int) string           { return v.id.Value(i) }

func (v View) Severity(i int) int32     { return v.severity[i] }
func (v View) Seq(i int) int64          { return v.seq[i] }
func (v View) Label(i int) int32        { return v.label[i] }
func (v View) Cue(i int) int32          { return v.cue[i] }
func (v View) Top1(i int) int32         { return v.top1[i] }
func (v View) Confidence(i int) float32 { return v.confidence[i] }
func (v View) Correct(i int) bool       { return v.correct.Value(i) }

// HasLabel says whether PTrue, TrueRank and Loss of row i mean anything.
func (v View) HasLabel(i int) bool { return v.trueRank.IsValid(i) }

func (v View) PTrue(i int) float32  { return v.pTrue.Value(i) }
func (v View) TrueRank(i int) int32 { return v.trueRank.Value(i) }
func (v View) Loss(i int) float32   { return v.loss.Value(i) }

// Probabilities returns the probabilities of row i, nil when they were not
// stored.
func (v View) Probabilities(i int) []float32 {
	if v.probs.IsNull(i) {
		return nil
	}
	start, end := v.probs.ValueOffsets(i)
	return v.probValues[start:end]
}

// HasAttack says whether row i is of an adversarial image, so that the columns
// of the attack mean anything.
func (v View) HasAttack(i int) bool { return v.before != nil && v.before.IsValid(i) }

func (v View) Before(i int) bool       { return v.before.Value(i) }
func (v View) Linf(i int) float32      { return v.linf.Value(i) }
func (v View) L2(i int) float32        { return v.l2.Value(i) }
func (v View) Forward(i int) int32     { return v.forward.Value(i) }
func (v View) Backward(i int) int32    { return v.backward.Value(i) }
func (v View) ZeroGradient(i int) bool { return v.zeroGradient.Value(i) }
