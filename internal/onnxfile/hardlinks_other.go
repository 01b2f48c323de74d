//go:build !unix

package onnxfile

import "io/fs"

// hardLinks is how many names a file has, 1 when the system does not say.
func hardLinks(fs.FileInfo) uint64 { return 1 }
