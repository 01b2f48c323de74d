package pipeline

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"

	"quba/pipeline/record"
	"quba/pipeline/registry"
)

// Source gives samples in a fixed order, the same at every call.
//
// Making one opens nothing. Samples and Describe may be called any number of
// times, also at once. A fault of one file is not the source's to report: it
// yields the sample, and Read fails. An error that is yielded ends the source
// and the run.
type Source interface {
	Samples(ctx context.Context) iter.Seq2[Sample, error]
	// Describe lists the data set without reading pixels.
	Describe(ctx context.Context) (SourceInfo, error)
}

// SourceInfo is what a plan and a result say of a data set.
type SourceInfo struct {
	Samples int64 // how many Samples gives
	// Digest is a hex SHA-256 over the listing: IDs, labels and file sizes.
	Digest string
	// Classes is the number of classes that labels are indexes of; 0 when the
	// source has no labels.
	Classes int
	// Decision is that of the samples; nil where labels are indexes of the
	// classifier's own classes.
	Decision *record.Decision
	// Notes are caveats that must be shown with every score made from the data
	// set, such as that it is not the published one.
	Notes []string
}

// Noter is a stage with caveats that must be shown with every score made from
// its samples.
type Noter interface{ Notes() []string }

// Stage changes samples. Apply returns zero or more samples for one; the same
// sample and seed give the same bytes. It is safe for concurrent use and
// never writes to the pixels it was given.
//
// An error made with Unusable leaves the sample out of the pipeline and is
// recorded; any other error ends the run.
type Stage interface {
	Apply(ctx context.Context, in Sample) ([]Sample, error)
}

// Opener is a stage that must prepare before the first sample: read a folder
// of textures, load a network. Open is called once, before any Apply, and the
// stage's Close, if it has one, after the last.
type Opener interface {
	Open(ctx context.Context, run *Run) error
}

// Factual is a stage whose samples depend on files of its own, such as style
// images or a network. Facts identifies them, by digests and never by places on
// this machine, and is recorded in the result. It is called after Open.
type Factual interface{ Facts() []Fact }

// Decider is a stage that sets the decision of its samples.
type Decider interface{ Decision() *record.Decision }

// Model is a classifier.
//
// Making one opens nothing. Describe reads what says how the model is used
// (side-cars, the head of the file) without loading it. Open probes and loads
// it. An error of Describe, Open or Infer is this model's alone: it is
// reported, and the other models go on. Infer is safe for concurrent use.
type Model interface {
	Describe(ctx context.Context) (ModelInfo, error)
	Open(ctx context.Context, run *Run) error
	// Infer takes at most BatchSize samples whose images went through the
	// model's Transform, and returns one prediction row for each, in order.
	// probs asks for the probabilities of all classes. It keeps none of the
	// images, whose memory is used again. The caller releases the record. The
	// error is UnusableRows when some of the samples alone are at fault.
	Infer(ctx context.Context, batch []Sample, probs bool) (arrow.Record, error)
	Close() error
}

// Warmer is a model that shares with others of its kind what takes time to
// load. Warm loads it, for one of them, while the models are described; Open
// must do without and give the error that Warm met.
type Warmer interface {
	Warm(library string) error
}

// Attack is a stage that is bound to the model under test. The engine gives it
// batches of the samples that the model would be given, resized and cropped,
// and classifies what it returns; no stage but an attack may follow it. Its
// Apply is an error: there is no attack without a model.
type Attack interface {
	Stage
	// AttackModel returns the adversarial versions of each sample, in order,
	// each with Exact, Attacked and a variant of its own. At most the model's
	// BatchSize samples come at once; what becomes of one does not depend on
	// the others. It is safe for concurrent use.
	AttackModel(ctx context.Context, m Model, batch []Sample) ([]Sample, error)
	// Passes is how many forward and backward passes each sample takes at most,
	// the classification of what it becomes left out, and what a Substitute takes.
	Passes() (forward, backward int)
}

// ModelPreparer is an attack that gets ready for each model that it will attack.
// PrepareModel is called once for each, when the stage and the model are open and
// before any sample. The notes are caveats that must be shown with every score
// made from what becomes of the model's samples. An error is the model's, which
// is then left out.
type ModelPreparer interface {
	PrepareModel(ctx context.Context, m Model) (notes []string, err error)
}

// Substitute is an attack that gives way to another where the network has no
// gradient. SubstitutePasses is how many forward passes each sample then takes at
// most; 0 where nothing stands in.
type Substitute interface{ SubstitutePasses() int }

// Graded is an attack that knows the severities of what it makes of each sample,
// in order.
type Graded interface{ Severities() []int32 }

// ErrNoGradient is wrapped by errors about networks that cannot be
// differentiated.
var ErrNoGradient = errors.New("the network has no gradient")

// Differentiable is a model that attacks can look into.
type Differentiable interface {
	// Differentiator is for one goroutine, until it is closed. gradient asks
	// for Gradient; the error wraps ErrNoGradient where there is none.
	Differentiator(ctx context.Context, gradient bool) (Differentiator, error)
}

// Differentiator evaluates a classifier on Batch images at once. x holds that
// many images as Exact does, one after the other; values outside 0..1 are
// allowed.
type Differentiator interface {
	Batch() int
	Size() (h, w int)
	Classes() int
	// Normalisation is that of the model's own preprocessing, by colour, for
	// values as in x: what enters the network is (x - mean) / std.
	Normalisation() (mean, std [3]float32)
	// Logits writes Classes values for each image.
	Logits(ctx context.Context, x, logits []float32) error
	// Gradient also writes the cross-entropy of each image against its label,
	// in nats, and the gradient of their sum, as long as x.
	Gradient(ctx context.Context, x []float32, labels []int64, logits, loss, dx []float32) error
	// Notes say what was done to the network to get its gradient, where a user
	// should know.
	Notes() []string
	Close() error
}

// ModelInfo says how a model is used and where each value came from.
type ModelInfo struct {
	Path      string
	SHA256    string
	Transform Transform
	BatchSize int
	Classes   int
	// Output is "logits", "probabilities", or "" when only the probe tells.
	Output string
	// Parameters is the number of trainable parameters, 0 when unknown.
	Parameters int64
	// ParametersOrigin says where the number came from.
	ParametersOrigin string
	// Labels are further properties by which models can be grouped, such as
	// the architecture or the training data.
	Labels map[string]string
	// Facts lists every setting with its value and its origin, for people.
	Facts []Fact
}

// Fact is one setting of a model or stage: its name, its value in words, and
// where it came from ("config", "efficientnet_lite0.json", "sha256").
type Fact struct {
	Name   string `json:"name"`
	Value  string `json:"value"`
	Origin string `json:"origin"`
}

// Sink receives every record of a run. The engine calls one method at a time:
// Open, then Write any number of times, then Close or Abort. Different sinks
// are closed at the same time.
//
// A record is borrowed: Retain it to keep it after Write returns. All rows of
// a record have the same model and pipeline. Close makes the results visible;
// Abort leaves nothing behind.
type Sink interface {
	Open(ctx context.Context, run *Run) error
	Write(ctx context.Context, rec arrow.Record) error
	Close(ctx context.Context) error
	Abort()
}

// Binder is a sink or stage that names pipelines in its options. Bind is
// called when the config is compiled, with the names that exist; it reports
// the wrong ones as registry.FieldErrors.
type Binder interface {
	Bind(pipelines []string) error
}

// Needer is a sink that needs columns which are not always there, such as
// record.ColProbs.
type Needer interface {
	// Needs lists the columns for the records of a pipeline.
	Needs(pipeline string) []string
}

// ModelDropper is a sink that can give up the results of one model when that
// model fails, and keep the others.
type ModelDropper interface{ Drop(model string) }

// Scorer is a sink that makes scores. Scores is called after Close.
type Scorer interface{ Scores() []record.Score }

// PipelineChecker is a sink that is of no use with the records of some
// pipelines. CheckPipelines is called before anything is opened; it reports what
// is wrong as registry.FieldErrors.
type PipelineChecker interface {
	CheckPipelines(pipelines []record.PipelineRecord) error
}

// StageChecker is a sink that is of no use with the stages of some pipelines.
// CheckStages is called when the config is compiled, with the pipelines whose
// stages could be made; it reports what is wrong as registry.FieldErrors.
type StageChecker interface {
	CheckStages(pipelines []record.PipelineStages) error
}

// ProtocolChecker is a stage that cannot work with every protocol. CheckProtocol
// is called when the config is compiled; it reports what is wrong as
// registry.FieldErrors.
type ProtocolChecker interface{ CheckProtocol(protocol string) error }

// Describer is a sink that hosts a metric.
type Describer interface{ MetricSpec() record.MetricSpec }

// Troubled is a sink whose scores may be undefined for some model. Problems
// is called after Close and says which and why.
type Troubled interface{ Problems() []string }

// PipelineNeeder is a sink whose result, named by Claim, is not defined
// without some of its pipelines.
type PipelineNeeder interface {
	Exclusive
	NeedsPipeline(name string) bool
}

// Exclusive is a sink that must not stand twice in a config with the same
// claim: both would write the same thing.
type Exclusive interface {
	// Claim says what the sink alone writes, as a message calls it: "the
	// predictions", "accuracy".
	Claim() string
}

// Registries are the components that a config can name.
type Registries struct {
	Sources *registry.Registry[Source]
	Stages  *registry.Registry[Stage]
	Models  *registry.Registry[Model]
	Sinks   *registry.Registry[Sink]
}

// NewRegistries returns empty registries: for tests, and for programs that
// link components of their own.
func NewRegistries() Registries {
	return Registries{
		Sources: registry.New[Source]("source"),
		Stages:  registry.New[Stage]("stage"),
		Models:  registry.New[Model]("model type"),
		Sinks:   registry.New[Sink]("sink"),
	}
}

// ErrRuntime marks the errors of the library that runs models: no model can
// be used without it.
var ErrRuntime = errors.New("the inference runtime cannot be used")

// UnusableRows is the error of Infer for a batch of which some samples have no
// prediction, and why, by their place in the batch. The others have one when
// they are asked for again without them.
type UnusableRows map[int]error

func (e UnusableRows) Error() string {
	first := slices.Min(slices.Collect(maps.Keys(e)))
	return e[first].Error()
}

// ErrUnusable marks the errors that concern one sample alone.
var ErrUnusable = errors.New("unusable sample")

// Unusable makes the error for a sample that cannot be used, with the reason
// that is recorded in bad.jsonl.
func Unusable(format string, args ...any) error {
	return &unusableError{reason: fmt.Errorf(format, args...)}
}

type unusableError struct{ reason error }

func (e *unusableError) Error() string   { return e.reason.Error() }
func (e *unusableError) Unwrap() []error { return []error{e.reason, ErrUnusable} }
