//go:build unix

package modelcard_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"quba/internal/modelcard"
	"quba/internal/onnxfile"
	"quba/internal/onnxfile/onnxtest"
)

// TestPipesAreNotOpened would wait for ever otherwise: nobody writes to them.
func TestPipesAreNotOpened(t *testing.T) {
	for _, name := range []string{"m.json", "config.json"} {
		dir := t.TempDir()
		path := filepath.Join(dir, "m.onnx")
		check(t, os.WriteFile(path, onnxtest.Classifier{}.Model().Bytes(), 0o644))
		check(t, syscall.Mkfifo(filepath.Join(dir, name), 0o600))
		file, err := onnxfile.Read(path)
		check(t, err)
		_, err = modelcard.Resolve(file, completeCard())
		if err == nil || !strings.Contains(err.Error(), name+": must be a regular file") {
			t.Errorf("got %v", err)
		}
	}
}

// TestFaultsOfTheMachineStayVisible exhausts the file descriptors.
func TestFaultsOfTheMachineStayVisible(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "onnx")
	check(t, os.Mkdir(dir, 0o755))
	path := filepath.Join(dir, "m.onnx")
	check(t, os.WriteFile(path, onnxtest.Classifier{}.Model().Bytes(), 0o644))
	check(t, os.WriteFile(filepath.Join(dir, "..", "config.json"), []byte("[]"), 0o644))
	file, err := onnxfile.Read(path)
	check(t, err)
	var limit syscall.Rlimit
	check(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit))
	t.Cleanup(func() { check(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit)) })
	check(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: 0, Max: limit.Max}))
	_, err = modelcard.Resolve(file, completeCard())
	if !errors.Is(err, syscall.EMFILE) {
		t.Errorf("got %v", err)
	}
}
