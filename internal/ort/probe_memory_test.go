package ort_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"quba/internal/onnxfile/onnxtest"
	"quba/internal/ort"
)

// TestRemembered tells a remembered result from a probe by a model whose file
// has gone since.
func TestRemembered(t *testing.T) {
	cache := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", cache)
	ctx := context.Background()
	spec := probeSpec(t, onnxtest.Classifier{}.Model().Write(t, "m.onnx"))
	first, err := ort.Remembered(ctx, spec, []string{"a"})
	check(t, err)
	check(t, os.Remove(spec.Model))

	again, err := ort.Remembered(ctx, spec, []string{"a"})
	if err != nil || !reflect.DeepEqual(again, first) {
		t.Errorf("got %+v, %v; want %+v", again, err, first)
	}
	if _, err := ort.Remembered(ctx, spec, []string{"b"}); err == nil {
		t.Error("another file's result was given")
	}
	smaller := spec
	smaller.MemoryBytes /= 2
	if _, err := ort.Remembered(ctx, smaller, []string{"a"}); err == nil {
		t.Error("a result under other limits was given")
	}

	files, err := filepath.Glob(filepath.Join(cache, "quba", "probes", "*"))
	if err != nil || len(files) != 1 {
		t.Fatalf("files %v, %v; want only the result that passed", files, err)
	}
	check(t, os.WriteFile(files[0], []byte(`{"Shape": [4,`), 0o644))
	if _, err := ort.Remembered(ctx, spec, []string{"a"}); err == nil {
		t.Error("half a file was taken for a result")
	}
}

func TestRememberedHeedsItsContext(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	spec := probeSpec(t, onnxtest.Classifier{}.Model().Write(t, "m.onnx"))
	_, err := ort.Remembered(context.Background(), spec, nil)
	check(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := ort.Remembered(ctx, spec, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestRememberedWithoutAPlace(t *testing.T) {
	blocked := filepath.Join(t.TempDir(), "file")
	check(t, os.WriteFile(blocked, nil, 0o644))
	t.Setenv("XDG_CACHE_HOME", blocked)
	spec := probeSpec(t, onnxtest.Classifier{}.Model().Write(t, "m.onnx"))
	for range 2 {
		_, err := ort.Remembered(context.Background(), spec, nil)
		check(t, err)
	}
}
