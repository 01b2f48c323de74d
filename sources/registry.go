// Package sources holds the data sets that a pipeline can read: one file for
// each kind.
package sources

import (
	"quba/pipeline"
	"quba/pipeline/registry"
)

// Sources holds the registered sources.
var Sources = registry.New[pipeline.Source]("source")
