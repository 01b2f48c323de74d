// Package sinks holds where predictions can go: one file for each kind.
package sinks

import (
	"quba/pipeline"
	"quba/pipeline/registry"
)

// Sinks holds the registered sinks.
var Sinks = registry.New[pipeline.Sink]("sink")
