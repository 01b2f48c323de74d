package sinks

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"quba/internal/parquetio"
	"quba/pipeline"
	"quba/pipeline/record"
	"quba/pipeline/registry"
)

func init() {
	registry.Register(Sinks, "predictions", "One Parquet file of predictions for each pipeline and model.",
		predictionsConfig{Probabilities: "auto"}, newPredictions)
}

type predictionsConfig struct {
	Probabilities string `koanf:"probabilities" jsonschema:"enum=auto,enum=always,enum=never" jsonschema_description:"The probabilities of all classes (4 bytes each): auto stores them where a metric needs them, so that it can be computed again."`
}

// predictions writes <out>/predictions/<pipeline>.<model>.parquet. A file
// appears when Close has checked all of it.
type predictions struct {
	config predictionsConfig
	run    *pipeline.Run
	folder string
	files  map[fileKey]*parquetio.Writer
	order  []fileKey // in which the files were begun
	drop   map[string]bool
	err    error
}

type fileKey struct{ pipeline, model string }

var (
	_ pipeline.Sink         = (*predictions)(nil)
	_ pipeline.Needer       = (*predictions)(nil)
	_ pipeline.ModelDropper = (*predictions)(nil)
	_ pipeline.Exclusive    = (*predictions)(nil)
)

func newPredictions(c predictionsConfig) (pipeline.Sink, error) {
	return &predictions{config: c}, nil
}

func (s *predictions) Needs(string) []string {
	if s.config.Probabilities == "always" {
		return []string{record.ColProbs}
	}
	return nil
}

// Claim says that two sinks cannot write the same files.
func (s *predictions) Claim() string { return "the predictions" }

func (s *predictions) Open(_ context.Context, run *pipeline.Run) error {
	s.run = run
	s.files = map[fileKey]*parquetio.Writer{}
	s.drop = map[string]bool{}
	s.folder = filepath.Join(run.Out, record.PredictionsFolder)
	return os.MkdirAll(s.folder, 0o755)
}

func (s *predictions) Write(_ context.Context, rec arrow.Record) error {
	if s.err == nil {
		s.err = s.write(rec)
	}
	return s.err
}

func (s *predictions) write(rec arrow.Record) error {
	view, err := record.NewView(rec)
	if err != nil || view.Len() == 0 {
		return err
	}
	key := fileKey{strings.Clone(view.Pipeline(0)), strings.Clone(view.Model(0))}
	if s.drop[key.model] {
		return nil
	}
	w, err := s.file(key)
	if err != nil {
		return err
	}
	if s.config.Probabilities != "never" {
		return w.Write(rec)
	}
	bare := withoutProbabilities(rec)
	defer bare.Release()
	return w.Write(bare)
}

// file returns the writer of a pipeline and model, begun when it is first
// asked for.
func (s *predictions) file(key fileKey) (*parquetio.Writer, error) {
	if w, ok := s.files[key]; ok {
		return w, nil
	}
	w, err := parquetio.Create(s.path(key), record.Predictions, s.metadata(key))
	if err != nil {
		return nil, err
	}
	s.files[key] = w
	s.order = append(s.order, key)
	return w, nil
}

func (s *predictions) path(key fileKey) string {
	return filepath.Join(s.folder, fmt.Sprintf("%s.%s.parquet", key.pipeline, key.model))
}

func (s *predictions) metadata(key fileKey) map[string]string {
	meta := maps.Clone(s.run.Metadata)
	if meta == nil {
		meta = map[string]string{}
	}
	meta[record.MetaSchema] = record.Version
	meta[record.MetaPipeline] = key.pipeline
	meta[record.MetaModel] = key.model
	for _, m := range s.run.Models {
		if m.Name == key.model {
			meta[record.MetaModelSHA256] = m.Info.SHA256
		}
	}
	for _, p := range s.run.Pipelines {
		if p.Name == key.pipeline {
			meta[record.MetaDatasetSHA256] = p.Source.Digest
		}
	}
	return meta
}

// withoutProbabilities returns the record with nulls for probabilities.
func withoutProbabilities(rec arrow.Record) arrow.Record {
	columns := append([]arrow.Array(nil), rec.Columns()...)
	for i, field := range record.Predictions.Fields() {
		if field.Name != record.ColProbs {
			continue
		}
		columns[i] = array.MakeArrayOfNull(memory.DefaultAllocator, field.Type, int(rec.NumRows()))
		defer columns[i].Release()
	}
	return array.NewRecord(record.Predictions, columns[:record.Predictions.NumFields()], rec.NumRows())
}

// Drop gives up the files of a model.
func (s *predictions) Drop(model string) {
	s.drop[model] = true
	for key, w := range s.files {
		if key.model == model {
			w.Abort()
		}
	}
}

// Close makes the files visible one after another. After the first failure
// the rest is given up, and what is already there stays: each file is whole.
func (s *predictions) Close(context.Context) error {
	if s.err != nil {
		s.Abort()
		return s.err
	}
	for _, key := range s.order {
		if s.drop[key.model] {
			continue
		}
		if err := s.files[key].Close(); err != nil {
			s.err = err
			s.Abort()
			return err
		}
	}
	s.err = errors.New("predictions: the sink is closed")
	return nil
}

// Abort removes what is not finished, and the folder if it is then empty.
func (s *predictions) Abort() {
	for _, w := range s.files {
		w.Abort()
	}
	_ = os.Remove(s.folder)
}
