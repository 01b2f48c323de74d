// Package weights carries the weight files of the scenarios, for
// `pipeline rank --weights`. A new file is a new scenario: its name is that of
// the file, and the comment at its head says whom it is for.
package weights

import "embed"

// Files are the weight files: YAML, dimension: weight.
//
//go:embed *.yaml
var Files embed.FS
