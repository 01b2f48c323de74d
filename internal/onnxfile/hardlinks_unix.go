//go:build unix

package onnxfile

import (
	"io/fs"
	"syscall"
)

// hardLinks is how many names a file has, 1 when the system does not say.
func hardLinks(info fs.FileInfo) uint64 {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 1
	}
	return uint64(stat.Nlink)
}
