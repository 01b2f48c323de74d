// Package config reads a pipeline's YAML with its environment and flags, and
// reports everything that is wrong with it at once, with its place.
//
// So that no file can take much time or memory, a config has at most 1 MiB,
// 100 levels and keys of 256 bytes, and its aliases repeat at most 20,000
// values; what is written out is bounded by the size alone. At most 100
// issues are reported.
package config

import "quba/pipeline/registry"

// Config is a whole configuration. Struct tags are the single source of the
// schema, of validation and of the documentation:
//
//	koanf:"name"                 the key
//	jsonschema:"minimum=1,..."   the JSON Schema keywords of invopop/jsonschema
//	jsonschema_description:"..." what it is, in one line
//	path:"dir|file|out"          a path: relative ones are resolved against the
//	                             folder of the config file; dir and file must exist
//	env:"true"                   ${env:NAME} is expanded here, and nowhere else
//	alone:"true"                 one item of a list may stand without brackets
//	local:"true"                 a setting of the machine: it may also come from
//	                             PIPELINE_<KEY> and is left out of Hash
type Config struct {
	Seed     uint64  `koanf:"seed" jsonschema_description:"Seed of everything random; the same seed gives the same bytes."`
	Protocol string  `koanf:"protocol" jsonschema:"enum=standard,enum=quba-code" jsonschema_description:"standard: what the paper intends; quba-code: what the authors' released code computes."`
	Models   []Named `koanf:"models" jsonschema:"required,minItems=1" jsonschema_description:"The classifiers."`
	// Pipelines turn data sets into samples for the models.
	Pipelines []Pipeline  `koanf:"pipelines" jsonschema:"required,minItems=1" jsonschema_description:"Named pipelines: a source and the stages its samples go through."`
	Sinks     []Component `koanf:"sinks" jsonschema:"required,minItems=1" jsonschema_description:"Where the predictions go."`

	MaxBadFraction float64 `koanf:"max_bad_fraction" jsonschema:"minimum=0,maximum=1" jsonschema_description:"Fraction of unusable images above which the run ends with exit code 4."`
	MaxPixels      int64   `koanf:"max_pixels" jsonschema:"minimum=1" jsonschema_description:"Images with more pixels than this are not decoded."`

	// Machine-local settings: these may also come from PIPELINE_* variables
	// and flags, and none of them changes a number.
	Out      string `koanf:"out" path:"out" env:"true" local:"true" jsonschema_description:"Result folder."`
	Workers  int    `koanf:"workers" local:"true" jsonschema:"minimum=0" jsonschema_description:"Samples and batches worked on at once; 0 is one for each CPU."`
	Library  string `koanf:"library" path:"file" env:"true" local:"true" jsonschema_description:"The onnxruntime shared library; found by itself when empty."`
	LogLevel string `koanf:"log_level" local:"true" jsonschema:"enum=debug,enum=info,enum=warn,enum=error" jsonschema_description:"How much is narrated on stderr."`

	doc *document
}

// Named is a component with a name of its own. Its options stand beside name
// and type.
type Named struct {
	Name string
	Component
}

// Component is a source, stage, model or sink: its type and its options,
// which the component itself decodes and checks.
type Component struct {
	Type string
	// Options decodes everything but name and type over a config struct.
	Options registry.Raw
	// Path is the place in the config, such as "pipelines[1].stages[2]".
	Path string
}

// Pipeline is a source and the stages its samples go through.
type Pipeline struct {
	Name   string      `koanf:"name" jsonschema:"required,pattern=^[A-Za-z0-9][A-Za-z0-9_-]*$" jsonschema_description:"Name in records and in sinks."`
	Source Component   `koanf:"source" jsonschema:"required" jsonschema_description:"Where the images come from."`
	Stages []Component `koanf:"stages" jsonschema_description:"What happens to each image, in order."`
	Models []string    `koanf:"models" jsonschema:"minItems=1,uniqueItems=true" jsonschema_description:"Names of the models that see this pipeline; all when left out."`
	Sample int         `koanf:"sample" jsonschema:"minimum=0" jsonschema_description:"Use only so many images, drawn by the seed from the whole data set; 0 is all. A larger sample holds a smaller one."`
	Limit  int         `koanf:"limit" jsonschema:"minimum=0" jsonschema_description:"Use only the first so many images, those of sample where it is given; 0 is all."`
	// Optional pipelines are left out where their data set is not on the machine.
	Optional bool   `koanf:"optional" jsonschema_description:"Leave the pipeline out, and say so, where a folder or file of its source is not there or its environment variable is not set."`
	Path     string `koanf:"-"`
}

// Defaults is the config that a file is decoded over.
func Defaults() Config {
	return Config{
		Protocol:       "standard",
		MaxBadFraction: 0.001,
		MaxPixels:      64 << 20,
		LogLevel:       "info",
	}
}
