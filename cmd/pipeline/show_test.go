package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	alloc "github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/rogpeppe/go-internal/testscript"

	"quba/internal/imagenet"
	"quba/internal/parquetio"
	"quba/pipeline/record"
	"quba/ranking"
)

// The result of the script show: two models over 24 classes.
const shownClasses = 24

var (
	shownModels  = []record.ModelRecord{{Name: "able", Classes: shownClasses}, {Name: "baker", Classes: shownClasses}}
	shownMetrics = []record.MetricSpec{
		{Dimension: "accuracy", Metric: "accuracy", On: map[string]string{"clean": "clean"}},
		{Dimension: "calibration_error", Metric: "calibration_error", On: map[string]string{"clean": "clean"}},
		{Dimension: "weather", Metric: "corruption_robustness", On: map[string]string{"clean": "clean", "corrupted": "corrupted"}},
		{Dimension: "shape_bias", Metric: "shape_bias", On: map[string]string{"cue_conflict": "cues"}},
		{Dimension: "patches", Metric: "patch_shuffle_sensitivity", On: map[string]string{"shuffled": "shuffled"}},
	}
)

func shownPipelines() []record.PipelineRecord {
	letters := record.PipelineRecord{Name: "clean", Decision: "letters"}
	for class := range shownClasses {
		letters.Classes = append(letters.Classes, string(rune('a'+class)))
	}
	categories := imagenet.Categories16(record.Last)
	return []record.PipelineRecord{
		letters,
		{Name: "corrupted"},
		{Name: "shuffled"},
		{Name: "cues", Decision: categories.Name, Classes: categories.Classes, Notes: []string{"composed, not the published images"}},
	}
}

// shownResult DIR writes a finished result folder with predictions and scores.
func shownResult(ts *testscript.TestScript, _ bool, args []string) {
	folder := ts.MkAbs(args[0])
	predictions := filepath.Join(folder, record.PredictionsFolder)
	ts.Check(os.MkdirAll(predictions, 0o777))
	metadata := map[string]string{
		record.MetaProtocol: "standard", record.MetaModels: jsonText(ts, shownModels),
		record.MetaPipelines: jsonText(ts, shownPipelines()), record.MetaMetrics: jsonText(ts, shownMetrics),
	}
	for _, p := range shownPipelines() {
		ts.Check(writeShown(filepath.Join(predictions, p.Name+".parquet"), p.Name, metadata))
	}
	ts.Check(os.WriteFile(filepath.Join(folder, record.RunFile), []byte("{}"), 0o666))
	cohort, err := ranking.Recompute([]string{folder})
	ts.Check(err)
	ts.Check(parquetio.WriteScores(filepath.Join(folder, record.ScoresFile), scoresOf(cohort), metadata))
}

func jsonText(ts *testscript.TestScript, v any) string {
	text, err := json.Marshal(v)
	ts.Check(err)
	return string(text)
}

func scoresOf(c ranking.Cohort) []record.Score {
	var scores []record.Score
	for _, m := range c.Models {
		for _, name := range m.Dimensions() {
			v := m.Values[name]
			scores = append(scores, record.Score{Model: m.Name, Dimension: name, Value: v.Value, N: v.N, Partial: v.Partial, Note: v.Note})
			for _, p := range v.Parts {
				scores = append(scores, record.Score{Model: m.Name, Dimension: name, Part: p.Name, Value: p.Value, N: p.N})
			}
		}
	}
	return scores
}

// writeShown writes what both models say of the images of a pipeline.
func writeShown(path, pipeline string, metadata map[string]string) (err error) {
	w, err := parquetio.Create(path, record.Predictions, metadata)
	if err != nil {
		return err
	}
	defer w.Abort()
	b := record.NewBuilder(alloc.DefaultAllocator, pipeline == "clean")
	defer b.Release()
	for model, m := range shownModels {
		for i, row := range shownRows(pipeline) {
			row.Model, row.Pipeline, row.Seq, row.ID = m.Name, pipeline, uint64(i), fmt.Sprint(i)
			b.Append(row, shownOutput(row, model, i), record.Probabilities)
		}
	}
	rec := b.NewRecord()
	defer rec.Release()
	if err := w.Write(rec); err != nil {
		return err
	}
	return w.Close()
}

// shownRows are the images of a pipeline.
func shownRows(pipeline string) []record.Row {
	variants := []record.Row{{}}
	switch pipeline {
	case "corrupted":
		variants = []record.Row{
			{Perturbation: "fog", Severity: 1},
			{Perturbation: "fog", Severity: 5},
			{Perturbation: "frost_procedural", Severity: 1},
			{Perturbation: "spatter", Severity: 5},
		}
	case "shuffled":
		variants = []record.Row{{Perturbation: "patch_shuffle", Severity: 4}}
	}
	var rows []record.Row
	for _, row := range variants {
		for i := range 2 * shownClasses {
			row.Label, row.Cue = int32(i%shownClasses), record.NoClass
			if pipeline == "cues" {
				row.Label, row.Cue = int32(i%16), int32(i/16*5)
			}
			rows = append(rows, row)
		}
	}
	return rows
}

// shownOutput is right for most images, or for the cue of some, with a
// confidence that falls with the class.
func shownOutput(row record.Row, model, i int) []float32 {
	decided := row.Label
	switch {
	case row.Cue != record.NoClass && i%3 > model:
		decided = row.Cue
	case (i+int(row.Severity))%(7-model) == 0 || i%shownClasses >= 20+model:
		decided = (row.Label + 1) % 16
	}
	output := make([]float32, shownClasses)
	if row.Cue != record.NoClass {
		output = output[:16]
	}
	output[decided] = float32(32-decided) / 32
	output[(decided+1)%int32(len(output))] = float32(decided) / 32
	return output
}
