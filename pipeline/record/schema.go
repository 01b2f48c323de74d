// Package record defines the Arrow schema of predictions and of scores, with
// a builder and a typed view for each. It is what the stages write, what the
// sinks and metrics read, and what stands in the Parquet files.
package record

import "github.com/apache/arrow/go/v17/arrow"

// Version is the version of both schemas, written into every file. It grows
// when a column changes its meaning or is taken away, not when one is added.
const Version = "1"

// Columns of a prediction: one row for each model, pipeline, variant and
// sample.
const (
	ColModel        = "model"
	ColPipeline     = "pipeline"
	ColPerturbation = "perturbation"  // "none" for the clean image
	ColSeverity     = "severity"      // 0 where there is none
	ColSeq          = "seq"           // position in the source, from 0, unreadable samples counted
	ColID           = "id"            // stable name of the sample in its source
	ColLabel        = "label"         // true class, -1 where there is none
	ColCue          = "cue"           // second class of a cue-conflict image, -1 where there is none
	ColTop1         = "top1"          // class of the highest output, the first of equals
	ColConfidence   = "confidence"    // probability of top1
	ColPTrue        = "p_true"        // probability of label; null without a label
	ColTrueRank     = "true_rank"     // how many classes come before label, 0 is the best; null without a label
	ColCorrect      = "correct"       // top1 == label
	ColLoss         = "loss"          // cross-entropy in nats; null without a label
	ColProbs        = "probabilities" // one value for each class; null unless a metric needs them

	// The rest is null but for adversarial images.
	ColBefore       = "before"        // whether the image was classified correctly before the attack
	ColLinf         = "linf"          // largest change of a pixel value, 0..1
	ColL2           = "l2"            // Euclidean norm of the change, in the same unit
	ColForward      = "forward"       // forward passes of the attack
	ColBackward     = "backward"      // backward passes of the attack
	ColZeroGradient = "zero_gradient" // whether the attack met a gradient of zeros, or one that is not finite
)

const (
	colModel = iota
	colPipeline
	colPerturbation
	colSeverity
	colSeq
	colID
	colLabel
	colCue
	colTop1
	colConfidence
	colPTrue
	colTrueRank
	colCorrect
	colLoss
	colProbs
	colBefore
	colLinf
	colL2
	colForward
	colBackward
	colZeroGradient
)

// CleanPerturbation is the perturbation of a sample that no stage changed.
const CleanPerturbation = "none"

// NoClass stands in label and cue columns where there is no class.
const NoClass int32 = -1

// Predictions is the schema of a prediction record. Probabilities are a plain
// list: Parquet cannot hold a fixed-size list in a column without nulls.
var Predictions = arrow.NewSchema([]arrow.Field{
	colModel:        {Name: ColModel, Type: arrow.BinaryTypes.String},
	colPipeline:     {Name: ColPipeline, Type: arrow.BinaryTypes.String},
	colPerturbation: {Name: ColPerturbation, Type: arrow.BinaryTypes.String},
	colSeverity:     {Name: ColSeverity, Type: arrow.PrimitiveTypes.Int32},
	colSeq:          {Name: ColSeq, Type: arrow.PrimitiveTypes.Int64},
	colID:           {Name: ColID, Type: arrow.BinaryTypes.String},
	colLabel:        {Name: ColLabel, Type: arrow.PrimitiveTypes.Int32},
	colCue:          {Name: ColCue, Type: arrow.PrimitiveTypes.Int32},
	colTop1:         {Name: ColTop1, Type: arrow.PrimitiveTypes.Int32},
	colConfidence:   {Name: ColConfidence, Type: arrow.PrimitiveTypes.Float32},
	colPTrue:        {Name: ColPTrue, Type: arrow.PrimitiveTypes.Float32, Nullable: true},
	colTrueRank:     {Name: ColTrueRank, Type: arrow.PrimitiveTypes.Int32, Nullable: true},
	colCorrect:      {Name: ColCorrect, Type: arrow.FixedWidthTypes.Boolean},
	colLoss:         {Name: ColLoss, Type: arrow.PrimitiveTypes.Float32, Nullable: true},
	colProbs:        {Name: ColProbs, Type: arrow.ListOf(arrow.PrimitiveTypes.Float32), Nullable: true},
	colBefore:       {Name: ColBefore, Type: arrow.FixedWidthTypes.Boolean, Nullable: true},
	colLinf:         {Name: ColLinf, Type: arrow.PrimitiveTypes.Float32, Nullable: true},
	colL2:           {Name: ColL2, Type: arrow.PrimitiveTypes.Float32, Nullable: true},
	colForward:      {Name: ColForward, Type: arrow.PrimitiveTypes.Int32, Nullable: true},
	colBackward:     {Name: ColBackward, Type: arrow.PrimitiveTypes.Int32, Nullable: true},
	colZeroGradient: {Name: ColZeroGradient, Type: arrow.FixedWidthTypes.Boolean, Nullable: true},
}, nil)
