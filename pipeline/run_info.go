package pipeline

import "quba/pipeline/record"

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
}

// RunPipeline is a pipeline with its data set.
type RunPipeline struct {
	Name   string
	Source SourceInfo
}

// Result is what a run did.
type Result struct {
	Out      string
	Scores   []record.Score
	Bad      int64 // samples that could not be used
	Samples  int64 // samples read, bad ones counted
	Rows     int64 // predictions made
	Failed   []FailedModel
	OverBad  bool // more bad samples than the budget allows
	Canceled bool
}

// FailedModel is a model that was given up, with the reason.
type FailedModel struct {
	Name  string
	Error string
}
