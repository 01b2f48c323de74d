// Package stages holds the steps that samples go through: perturbations, and
// the models that classify them. Each is one file that registers itself.
package stages

import (
	"quba/pipeline"
	"quba/pipeline/registry"
)

// Stages are the perturbations that a config can name.
var Stages = registry.New[pipeline.Stage]("stage")

// Models are the kinds of classifiers that a config can name.
var Models = registry.New[pipeline.Model]("model type")
