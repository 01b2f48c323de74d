package ranking

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"quba/internal/parquetio"
	"quba/pipeline/record"
)

// ReadPredictions gives visit the stored predictions of one model and pipeline
// of a result folder, in their order, without the probabilities of all classes
// and what is known of attacks. Nothing stored is no error: visit is then not called. The view is
// borrowed.
func ReadPredictions(folder, model, pipeline string, visit func(record.View) error) error {
	files, err := listPredictions(folder)
	if err != nil {
		return err
	}
	for _, file := range files {
		relevant, err := mayHold(file, model, pipeline)
		if err != nil {
			return err
		}
		if !relevant {
			continue
		}
		if err := readBare(file, func(v record.View) error {
			if v.Model(0) != model || v.Pipeline(0) != pipeline {
				return nil
			}
			return visit(v)
		}); err != nil {
			return err
		}
	}
	return nil
}

// listPredictions lists the prediction files of a result folder by name; a
// folder without any, or what is no folder, has none.
func listPredictions(folder string) ([]string, error) {
	if info, err := os.Stat(folder); err != nil || !info.IsDir() {
		return nil, err
	}
	entries, err := os.ReadDir(filepath.Join(folder, record.PredictionsFolder))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var files []string
	for _, entry := range entries { // sorted by name
		if filepath.Ext(entry.Name()) == ".parquet" {
			files = append(files, filepath.Join(folder, record.PredictionsFolder, entry.Name()))
		}
	}
	return files, nil
}

// mayHold is false for a file that says it is of another model or pipeline;
// such a file need not be read.
func mayHold(file, model, pipeline string) (bool, error) {
	metadata, err := parquetio.Metadata(file)
	if err != nil {
		return false, err
	}
	itsModel, knowsModel := metadata[record.MetaModel]
	itsPipeline, knowsPipeline := metadata[record.MetaPipeline]
	return (!knowsModel || itsModel == model) && (!knowsPipeline || itsPipeline == pipeline), nil
}

// readBare reads a file without its probabilities, which are nearly all of its
// bytes, and cuts it where the model or the pipeline changes.
func readBare(file string, visit func(record.View) error) error {
	var names []string
	for _, field := range record.Predictions.Fields() {
		if field.Name == record.ColProbs {
			break
		}
		names = append(names, field.Name)
	}
	return parquetio.ReadRecords(file, names, func(rec arrow.Record) error {
		bare := withoutProbabilities(rec)
		defer bare.Release()
		if err := eachRun(bare, visit); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		return nil
	})
}

// withoutProbabilities adds the column of probabilities, which comes after
// those that are read, with nulls.
func withoutProbabilities(rec arrow.Record) arrow.Record {
	last := record.Predictions.Field(len(rec.Columns()))
	nulls := array.MakeArrayOfNull(memory.DefaultAllocator, last.Type, int(rec.NumRows()))
	defer nulls.Release()
	schema := arrow.NewSchema(append(slices.Clone(rec.Schema().Fields()), last), nil)
	return array.NewRecord(schema, append(slices.Clone(rec.Columns()), nulls), rec.NumRows())
}
