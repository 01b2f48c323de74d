package record

// Files of a result folder. RunFile is written last: a folder that has it is
// finished.
const (
	PredictionsFolder = "predictions" // <pipeline>.<model>.parquet
	ScoresFile        = "scores.parquet"
	ConfigFile        = "config.yaml"
	BadFile           = "bad.jsonl"
	RunFile           = "run.json"
)

// Keys of the metadata in every Parquet file of a result. Times, paths and
// host names are not among them: the same inputs give the same bytes.
const (
	MetaSchema     = "quba.schema" // Version
	MetaTool       = "quba.version"
	MetaConfigHash = "quba.config_sha256"
	MetaSeed       = "quba.seed"
	MetaProtocol   = "quba.protocol"
	MetaRuntime    = "quba.onnxruntime"
	MetaJPEG       = "quba.jpeg_decoder"
	MetaModels     = "quba.models"    // JSON list of ModelRecord
	MetaDatasets   = "quba.datasets"  // JSON object, pipeline -> digest
	MetaPipelines  = "quba.pipelines" // JSON list of PipelineRecord
	MetaStages     = "quba.stages"    // JSON list of the stages that have files: pipeline, stage, facts
	MetaMetrics    = "quba.metrics"   // JSON list of MetricSpec
)

// Further keys in a file of predictions, which is of one pipeline and model.
const (
	MetaPipeline    = "quba.pipeline"
	MetaModel       = "quba.model"
	MetaModelSHA256 = "quba.model_sha256"
	// MetaDatasetSHA256 is over names, labels and sizes, not over pixels.
	MetaDatasetSHA256 = "quba.dataset_sha256"
)

// ModelRecord is what a result says of a model.
type ModelRecord struct {
	Name             string            `json:"name"`
	SHA256           string            `json:"sha256"`
	Classes          int               `json:"classes"`
	Parameters       int64             `json:"parameters"`
	ParametersOrigin string            `json:"parameters_origin"`
	Labels           map[string]string `json:"labels,omitempty"`
	// Notes are caveats of the model in a pipeline, by its name.
	Notes map[string][]string `json:"notes,omitempty"`
}

// PipelineRecord is what a result says of a pipeline.
type PipelineRecord struct {
	Name   string `json:"name"`
	Source string `json:"source"`
	// Decision names that of its records, and Classes what their labels are
	// indexes of; empty for the models' own classes.
	Decision string   `json:"decision,omitempty"`
	Classes  []string `json:"classes,omitempty"`
	// Notes are caveats of the data set.
	Notes []string `json:"notes,omitempty"`
}

// PipelineStages is what a config alone says of the stages of a pipeline.
type PipelineStages struct {
	Pipeline string
	// Attack is the type of the attack that the stages end in, "" for none.
	Attack string
	// Severities are those of the attack's images, nil where it does not say.
	Severities []int32
	// Before are the types of the stages before the attack, and Versions is how
	// many images they make of one, 0 when only the run tells.
	Before   []string
	Versions int
}

// MetricSpec says which metric made a score, so that it can be made again
// from the stored predictions.
type MetricSpec struct {
	Dimension string            `json:"dimension"` // the name of the score
	Metric    string            `json:"metric"`
	Options   any               `json:"options,omitempty"`
	On        map[string]string `json:"on,omitempty"` // role -> pipeline
}
