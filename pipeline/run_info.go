package pipeline

import (
	"errors"
	"log/slog"
	"time"

	"quba/pipeline/record"
)

// Version of the tool, set when it is linked.
var Version = "dev"

// Run is what components may know of the run that opens them.
type Run struct {
	// Out is the result folder; it exists.
	Out string
	// Seed and Protocol are the config's.
	Seed     uint64
	Protocol string
	// Library is the path of the onnxruntime shared library, "" to search.
	Library string
	// Workers is how many samples and batches are worked on at once.
	Workers int
	// Metadata goes into every file that is written, as key and value.
	Metadata map[string]string
	// Models are the models in config order, failed ones left out.
	Models []RunModel
	// Pipelines are the pipelines in config order.
	Pipelines []RunPipeline
}

// RunModel is a model with the name that records call it by.
type RunModel struct {
	Name string
	Info ModelInfo
	// Notes are caveats of the model in a pipeline, by its name.
	Notes map[string][]string
}

// RunPipeline is a pipeline with its data set.
type RunPipeline struct {
	Name       string
	SourceType string // as registered
	Source     SourceInfo
	// Decision is that of the samples which reach the models; nil for the
	// models' own classes.
	Decision *record.Decision
	// Notes are the caveats of the data set and of the stages.
	Notes []string
}

// Record is what records and metrics are told of the pipeline.
func (p RunPipeline) Record() record.PipelineRecord {
	r := record.PipelineRecord{Name: p.Name, Source: p.SourceType, Notes: p.Notes}
	if p.Decision != nil {
		r.Decision, r.Classes = p.Decision.Name, p.Decision.Classes
	}
	return r
}

// RunOptions are the settings of a run that are no part of the config.
type RunOptions struct {
	// Progress is called from one goroutine after every batch; nil is allowed.
	Progress func(Progress)
	// Log receives the narration; nil throws it away.
	Log *slog.Logger
	// Overwrite allows a result folder that holds the result of another config,
	// and begins anew what an unfinished run has left there.
	Overwrite bool
}

// Progress says how far a run is.
type Progress struct {
	Pipelines   []string // those that are fed now
	Images      int64    // read so far, each once for all pipelines that share it
	TotalImages int64
	Rows        int64 // predictions made so far
	// TotalRows is how many predictions there will be when every image is used
	// and no model fails; 0 when only the run tells.
	TotalRows int64
	// Resumed is the part of Images and Rows that an unfinished run had made.
	Resumed Resumed
}

// Resumed says what a run took over from unfinished runs of the same config.
type Resumed struct {
	Times  int   `json:"times"`       // how often the run went on, this time counted
	Images int64 `json:"images"`      // read before
	Rows   int64 `json:"predictions"` // made before
}

// Result is what a run did.
type Result struct {
	Out         string
	Scores      []record.Score
	Images      int64 // samples read, unusable ones counted
	Rows        int64 // predictions made
	Bad         int64 // samples that could not be used
	FirstBad    *BadSample
	OverBudget  []string // pipelines with more bad samples than allowed
	Failed      []FailedModel
	Problems    []string // scores that are not defined, with the reason
	Interrupted bool
	Resumed     Resumed
	// Kept says that the folder holds an earlier, complete result, which an
	// interrupted run does not replace.
	Kept        bool
	Elapsed     time.Duration
	FirstRecord time.Duration // from the start to the first record
	CPU         CPUTime
}

// FailedModel is a model that was given up, with the reason.
type FailedModel struct {
	Name  string `json:"name"`
	Error string `json:"error"`
}

// DataError marks errors of data sets and models: the user's data is at
// fault, not the config and not the program.
type DataError struct{ Err error }

func (e *DataError) Error() string { return e.Err.Error() }
func (e *DataError) Unwrap() error { return e.Err }

// UsageError marks errors of how the tool was called.
type UsageError struct{ Err error }

func (e *UsageError) Error() string { return e.Err.Error() }
func (e *UsageError) Unwrap() error { return e.Err }

// ErrNoModel is the error of a run whose models all failed.
var ErrNoModel = errors.New("no model is left to run")

// ErrInterrupted is the error of a run that was stopped before its first
// prediction.
var ErrInterrupted = errors.New("interrupted before the first prediction; the result folder stays as it was")
