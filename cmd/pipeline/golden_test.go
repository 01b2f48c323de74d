package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"

	"quba/internal/ort"
	"quba/internal/ort/orttest"
	"quba/internal/parquetio"
	"quba/pipeline/record"
)

// shared is the folder with the reference data, which is not part of the
// project.
func shared(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs(filepath.Join("..", "..", "..", "shared"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "data")); err != nil {
		t.Skip("the reference photographs and models are not here (../shared beside the project)")
	}
	return dir
}

// golden is what the reference says of a model on the photographs.
type golden struct {
	ImageNet struct {
		Top1, Top5, ECE, ACE float64
		CalErr               float64 `json:"cal_err"`
		ClassBalance         float64 `json:"class_balance_present_classes"`
	} `json:"imagenet"`
	Argmax []int32 `json:"argmax_all"`
}

func readGolden(t *testing.T, path string) golden {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var g golden
	if err := json.Unmarshal(data, &g); err != nil {
		t.Fatal(err)
	}
	return g
}

var referenceModels = []string{"efficientnet_lite0", "mobilenet_v1_0.25_128", "mobilenet_v2_1.0_224", "squeezenet1_0_dc"}

// The whole command on real photographs and real classifiers gives what the
// Python reference gives.
func TestReferenceModels(t *testing.T) {
	dir := shared(t)
	t.Setenv(ort.LibraryVariable, orttest.Library(t))
	config := filepath.Join(t.TempDir(), "config.yaml")
	var models strings.Builder
	for _, m := range referenceModels {
		fmt.Fprintf(&models, "  - {name: %s, path: '%s'}\n", m, filepath.Join(dir, "models", m+".onnx"))
	}
	text := fmt.Sprintf(`
models:
%s
pipelines:
  - name: clean
    source: {type: image_folder, root: '%s', labels: imagenet}
sinks:
  - {type: predictions}
  - {type: scores, metric: accuracy, on: {clean: clean}}
  - {type: scores, metric: calibration_error, on: {clean: clean}}
  - {type: scores, metric: class_balance, on: {clean: clean}}
  - {type: scores, metric: parameters}
`, models.String(), filepath.Join(dir, "data", "imagenet-sample", "val"))
	if err := os.WriteFile(config, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	out := t.TempDir()
	var stdout, stderr bytes.Buffer
	if code := mainCode([]string{"run", config, "--out", out, "--format", "json"}, &stdout, &stderr); code != exitOK {
		t.Fatalf("exit code %d: %s", code, stderr.String())
	}
	t.Log(stderr.String())
	var doc struct {
		Models []struct {
			Model      string
			Dimensions map[string]struct {
				Value float64
				N     int64
				Parts map[string]float64
			}
		}
	}
	if err := json.Unmarshal(stdout.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	if len(doc.Models) != len(referenceModels) {
		t.Fatalf("%d models, want %d", len(doc.Models), len(referenceModels))
	}
	for _, m := range doc.Models {
		g := readGolden(t, filepath.Join(dir, "golden", "models", m.Model+".json"))
		checkDecisions(t, m.Model, filepath.Join(out, "predictions", "clean."+m.Model+".parquet"), g.Argmax)
		near := func(what string, got, want, tolerance float64) {
			if math.Abs(got-want) > tolerance {
				t.Errorf("%s: %s is %v, reference %v, tolerance %v", m.Model, what, got, want, tolerance)
			}
		}
		near("accuracy", m.Dimensions["accuracy"].Value, g.ImageNet.Top1, 2.0/500)
		near("top-5", m.Dimensions["accuracy"].Parts["top5"], g.ImageNet.Top5, 2.0/500)
		near("ECE", m.Dimensions["calibration_error"].Parts["ece"], g.ImageNet.ECE, 0.01*g.ImageNet.ECE)
		near("ACE", m.Dimensions["calibration_error"].Parts["ace"], g.ImageNet.ACE, 0.01*g.ImageNet.ACE)
		near("calibration error", m.Dimensions["calibration_error"].Value, g.ImageNet.CalErr, 0.01*g.ImageNet.CalErr)
		near("class balance", m.Dimensions["class_balance"].Value, g.ImageNet.ClassBalance, 0.003)
		t.Logf("%s: top-1 %.4f (%.4f), ECE %.6f (%.6f), ACE %.3e (%.3e), calibration error %.6f (%.6f)", m.Model,
			m.Dimensions["accuracy"].Value, g.ImageNet.Top1, m.Dimensions["calibration_error"].Parts["ece"], g.ImageNet.ECE,
			m.Dimensions["calibration_error"].Parts["ace"], g.ImageNet.ACE, m.Dimensions["calibration_error"].Value, g.ImageNet.CalErr)
	}
}

// checkDecisions allows 2 of 500 decisions on JPEG files to differ.
func checkDecisions(t *testing.T, model, path string, want []int32) {
	t.Helper()
	row, differ := 0, 0
	err := parquetio.ReadRecords(path, nil, func(rec arrow.Record) error {
		v, err := record.NewView(rec)
		if err != nil {
			return err
		}
		for i := range v.Len() {
			if row < len(want) && v.Top1(i) != want[row] {
				differ++
				t.Logf("%s: %s is %d, reference %d", model, v.ID(i), v.Top1(i), want[row])
			}
			row++
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if row != len(want) || differ > 2 {
		t.Errorf("%s: %d of %d decisions differ over %d images, at most 2 may", model, differ, len(want), row)
	}
}
