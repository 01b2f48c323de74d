package ranking

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/go-viper/mapstructure/v2"

	"quba/internal/parquetio"
	"quba/metrics"
	"quba/pipeline/record"
)

// Recompute reads result folders as Read does, but makes the scores again from
// the stored predictions. It gives the stored scores exactly, as long as the metrics
// have not changed since.
//
// Scores that cannot be made, for want of probabilities or of predictions,
// are reported in the notes of the cohort.
func Recompute(folders []string) (Cohort, error) { return gather(folders, recompute) }

func recompute(folder string) (content, error) {
	if info, err := os.Stat(folder); err == nil && !info.IsDir() {
		return content{}, fmt.Errorf("%s: is no folder; --recompute needs result folders", folder)
	}
	if err := checkFinished(folder); err != nil {
		return content{}, err
	}
	files, err := predictionFiles(folder)
	if err != nil {
		return content{}, err
	}
	f, err := resultFacts(folder, files)
	if err != nil {
		return content{}, err
	}
	scores, failures, err := foldAgain(folder, files, f)
	if err != nil {
		return content{}, err
	}
	models, err := modelsOf(scores, f, folder)
	if err != nil {
		return content{}, fmt.Errorf("%s: %w", folder, err)
	}
	c := content{models: models, protocol: f.protocol}
	for _, failure := range failures {
		c.notes = append(c.notes, fmt.Sprintf("%s: %v", folder, failure))
	}
	return c, nil
}

func predictionFiles(folder string) ([]string, error) {
	files, err := listPredictions(folder)
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("%s: there are no %s/*.parquet to recompute from; add the sink predictions to the config and run again", folder, record.PredictionsFolder)
	}
	return files, nil
}

// resultFacts reads how the result was made, from the score file or, where
// that is gone, from the predictions.
func resultFacts(folder string, files []string) (facts, error) {
	from := filepath.Join(folder, record.ScoresFile)
	if _, err := os.Stat(from); errors.Is(err, fs.ErrNotExist) {
		from = files[0]
	}
	metadata, err := parquetio.Metadata(from)
	if err != nil {
		return facts{}, err
	}
	f, err := parseFacts(metadata)
	if err != nil {
		return facts{}, fmt.Errorf("%s: %w", from, err)
	}
	if len(f.models) == 0 || len(f.uses) == 0 {
		return facts{}, fmt.Errorf("%s: does not say which models and metrics the result has (metadata %s, %s); run again", from, record.MetaModels, record.MetaMetrics)
	}
	return f, f.locateOptions(folder)
}

// foldAgain runs every metric of the result over the predictions.
func foldAgain(folder string, files []string, f facts) ([]record.Score, []error, error) {
	folds, err := newFolds(f)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", folder, err)
	}
	defer closeFolds(folds)
	var failures []error
	for _, file := range files {
		missed, err := observeFile(file, folds)
		if err != nil {
			return nil, nil, err
		}
		failures = append(failures, missed...)
	}
	names := make([]string, len(f.models))
	for i, m := range f.models {
		names[i] = m.Name
	}
	var scores []record.Score
	for _, fold := range folds {
		made, undefined := fold.Scores(names)
		scores = append(scores, made...)
		failures = append(failures, undefined...)
	}
	return scores, failures, nil
}

func newFolds(f facts) ([]*metrics.Fold, error) {
	var folds []*metrics.Fold
	for _, use := range f.uses {
		spec, err := specOf(use)
		if err == nil {
			err = metrics.Check(metrics.Binding{Name: use.Dimension, Spec: spec, On: use.On})
		}
		if err != nil {
			closeFolds(folds)
			return nil, fmt.Errorf("metric of %s: %w", use.Dimension, err)
		}
		folds = append(folds, metrics.NewFold(metrics.Binding{Name: use.Dimension, Spec: spec, On: use.On}, f.pipelines, f.env))
	}
	return folds, nil
}

// closeFolds frees what the metrics hold; nothing was written that an error
// could have lost.
func closeFolds(folds []*metrics.Fold) {
	for _, fold := range folds {
		_ = fold.Close()
	}
}

// specOf makes a metric as it was made in the run. The stored options are plain
// values, without the variables and relative paths that a config may have, so
// they are decoded here: only known keys, spelt exactly, of the types that the
// metric has. Its own Validate is called as for a config.
func specOf(u record.MetricSpec) (metrics.Spec, error) {
	entry, err := metrics.Registry.Lookup(u.Metric)
	if err != nil {
		return metrics.Spec{}, err
	}
	return entry.New(func(into any) error {
		decoder, err := mapstructure.NewDecoder(&mapstructure.DecoderConfig{
			Result: into, TagName: "koanf", ErrorUnused: true,
			MatchName: func(key, field string) bool { return key == field },
		})
		if err != nil {
			return err
		}
		return decoder.Decode(u.Options)
	})
}

// observeFile feeds one file to all folds. A metric that refuses a model's
// predictions drops that model; that is no error of the file.
func observeFile(file string, folds []*metrics.Fold) (refused []error, err error) {
	err = parquetio.ReadRecords(file, nil, func(rec arrow.Record) error {
		return eachRun(rec, func(v record.View) error {
			for _, fold := range folds {
				var failure *metrics.ScoreError
				observed := fold.Observe(v)
				if errors.As(observed, &failure) {
					fold.Drop(failure.Model)
					refused = append(refused, observed)
				} else if observed != nil {
					return observed
				}
			}
			return nil
		})
	})
	return refused, err
}

// eachRun cuts a record where the model or the pipeline changes.
func eachRun(rec arrow.Record, visit func(record.View) error) error {
	whole, err := record.NewView(rec)
	if err != nil {
		return err
	}
	for start := 0; start < whole.Len(); {
		end := start + 1
		for end < whole.Len() && whole.Model(end) == whole.Model(start) && whole.Pipeline(end) == whole.Pipeline(start) {
			end++
		}
		if err := visitRows(rec, start, end, visit); err != nil {
			return err
		}
		start = end
	}
	return nil
}

func visitRows(rec arrow.Record, start, end int, visit func(record.View) error) error {
	rows := rec.NewSlice(int64(start), int64(end))
	defer rows.Release()
	v, err := record.NewView(rows)
	if err != nil {
		return err
	}
	return visit(v)
}
