package stages_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"quba/internal/onnxfile/onnxtest"
	"quba/internal/ort"
	"quba/internal/ort/orttest"
	"quba/pipeline"
	"quba/stages"
)

func TestOnnxWithoutLibrary(t *testing.T) {
	config := plainConfig()
	config.Path = onnxtest.Classifier{}.Model().Write(t, "m.onnx")
	err := stages.NewOnnx(config).Open(context.Background(), &pipeline.Run{Library: "/nowhere/libonnxruntime.so"})
	if !errors.Is(err, pipeline.ErrRuntime) || !errors.Is(err, ort.ErrNoLibrary) {
		t.Fatalf("got %v", err)
	}
	if strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), config.Path) {
		t.Errorf("the message is not one line about the library alone: %v", err)
	}
}

func TestOnnxIsCanceled(t *testing.T) {
	config := plainConfig()
	config.Path = onnxtest.Classifier{}.Model().Write(t, "m.onnx")
	canceled, cancel := context.WithCancel(context.Background())
	cancel()
	model := stages.NewOnnx(config)
	if _, err := model.Describe(canceled); err != context.Canceled {
		t.Errorf("Describe: got %v", err)
	}
	run := &pipeline.Run{Library: orttest.Library(t)}
	if err := model.Open(canceled, run); err != context.Canceled {
		t.Errorf("Open: got %v", err)
	}
	_, err := model.Describe(context.Background())
	check(t, err)
	if err := model.Open(canceled, run); err != context.Canceled {
		t.Errorf("Open after Describe: got %v", err)
	}
}
