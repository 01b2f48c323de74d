// Package orttest finds the onnxruntime library for tests.
package orttest

import (
	"os"
	"path/filepath"
	"testing"

	"quba/internal/ort"
)

// Library returns the path of the onnxruntime library: the one that
// ONNXRUNTIME_LIB names, or the one that make setup puts into the repository.
// Without any, the test is skipped.
func Library(t testing.TB) string {
	t.Helper()
	if path := os.Getenv(ort.LibraryVariable); path != "" {
		return path
	}
	found := ort.LibrariesIn(filepath.Join(root(t), ".cache", "onnxruntime", "lib"))
	if len(found) == 0 {
		t.Skip("no onnxruntime library: run make setup, or set " + ort.LibraryVariable)
	}
	return found[0]
}

// root is the folder of go.mod, upwards from the test's package.
func root(t testing.TB) string {
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			t.Fatal("no go.mod above the test's folder")
		}
		dir = parent
	}
}
