package uncertainty

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"quba/internal/parquetio"
	"quba/pipeline/record"
)

// rows are predictions with the columns that the statistics need. The values
// are borrowed from the record.
type rows struct {
	model, pipeline, perturbation, id *array.String
	severity, label, cue, top1        []int32
	confidence                        []float32
	pTrue                             *array.Float32
	correct, before                   *array.Boolean
	probs                             *array.List
	n                                 int
}

// keyColumns are read of every file, and sourceColumns of one that does not say
// of which model and pipeline it is.
var (
	sourceColumns = []string{record.ColModel, record.ColPipeline}
	keyColumns    = []string{record.ColPerturbation, record.ColSeverity, record.ColID, record.ColLabel, record.ColCorrect}
)

// rowsOf takes the columns out of a record, whose types it checks.
func rowsOf(rec arrow.Record) (rows, error) {
	r := rows{n: int(rec.NumRows())}
	for i, field := range rec.Schema().Fields() {
		column := rec.Column(i)
		if err := checkColumn(field, column); err != nil {
			return rows{}, err
		}
		r.set(field.Name, column)
	}
	return r, nil
}

// checkColumn says where a column is not what record.Predictions has.
func checkColumn(field arrow.Field, column arrow.Array) error {
	want, known := record.Predictions.FieldsByName(field.Name)
	if !known {
		return nil
	}
	if column.DataType().ID() != want[0].Type.ID() {
		return fmt.Errorf("column %q is %s, must be %s", field.Name, column.DataType(), want[0].Type)
	}
	if !want[0].Nullable && column.NullN() > 0 {
		return fmt.Errorf("column %q must have no nulls, has %d", field.Name, column.NullN())
	}
	if list, ok := column.(*array.List); ok && list.ListValues().DataType().ID() != arrow.FLOAT32 {
		return fmt.Errorf("column %q is %s, must be %s", field.Name, column.DataType(), want[0].Type)
	}
	return nil
}

func (r *rows) set(name string, column arrow.Array) {
	switch name {
	case record.ColModel:
		r.model = column.(*array.String)
	case record.ColPipeline:
		r.pipeline = column.(*array.String)
	case record.ColPerturbation:
		r.perturbation = column.(*array.String)
	case record.ColID:
		r.id = column.(*array.String)
	case record.ColSeverity:
		r.severity = column.(*array.Int32).Int32Values()
	case record.ColLabel:
		r.label = column.(*array.Int32).Int32Values()
	case record.ColCue:
		r.cue = column.(*array.Int32).Int32Values()
	case record.ColTop1:
		r.top1 = column.(*array.Int32).Int32Values()
	case record.ColConfidence:
		r.confidence = column.(*array.Float32).Float32Values()
	case record.ColPTrue:
		r.pTrue = column.(*array.Float32)
	case record.ColCorrect:
		r.correct = column.(*array.Boolean)
	case record.ColBefore:
		r.before = column.(*array.Boolean)
	case record.ColProbs:
		r.probs = column.(*array.List)
	}
}

// probabilities are those of row i, nil where they are not stored.
func (r *rows) probabilities(i int) []float32 {
	if r.probs == nil || r.probs.IsNull(i) {
		return nil
	}
	start, end := r.probs.ValueOffsets(i)
	return r.probs.ListValues().(*array.Float32).Float32Values()[start:end]
}

// predictionFiles lists those of a result folder by name.
func predictionFiles(folder string) ([]string, error) {
	info, err := os.Stat(folder)
	if err != nil || !info.IsDir() {
		return nil, err
	}
	return filepath.Glob(filepath.Join(globEscape(folder), record.PredictionsFolder, "*.parquet"))
}

// globEscape keeps the characters that have a meaning in patterns.
func globEscape(path string) string {
	var escaped []rune
	for _, r := range path {
		if slices.Contains([]rune(`*?[\`), r) {
			escaped = append(escaped, '\\')
		}
		escaped = append(escaped, r)
	}
	return string(escaped)
}

// readPredictions gives the stored predictions of a folder to its subjects.
func (s *sample) readPredictions(ctx context.Context, folder string) error {
	files, err := predictionFiles(folder)
	if err != nil {
		return err
	}
	for _, file := range files {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := s.readFile(folder, file); err != nil {
			return err
		}
	}
	for i := range s.subjects {
		if s.subjects[i].folder == folder {
			s.subjects[i].complete()
		}
	}
	return nil
}

// readFile gives the rows of a file to the subjects that they are for. A file
// that says of which model and pipeline it is has all of their rows, and no
// others.
func (s *sample) readFile(folder, file string) error {
	metadata, err := parquetio.Metadata(file)
	if err != nil {
		return err
	}
	in := reading{
		sample: s, folder: folder, digests: digestsOf(metadata), routes: map[source][]route{},
		of: source{metadata[record.MetaModel], metadata[record.MetaPipeline]},
	}
	columns := in.columns()
	if columns == nil {
		return nil
	}
	if err := parquetio.ReadRecords(file, columns, func(rec arrow.Record) error {
		if err := in.observe(rec); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		return nil
	}); err != nil {
		return err
	}
	if in.of.known() {
		in.complete()
	}
	return nil
}

// source is what predictions are of; what is not known is empty.
type source struct{ model, pipeline string }

func (s source) known() bool { return s.model != "" && s.pipeline != "" }

// route is a subject that rows of a source are for, in a role.
type route struct {
	subject *subject
	role    string
}

// reading is the reading of one file.
type reading struct {
	sample  *sample
	folder  string
	of      source            // what the file says that it is of
	digests map[string]string // of data sets, by pipeline
	routes  map[source][]route
	last    image
}

// digestsOf says which data set each pipeline reads.
func digestsOf(metadata map[string]string) map[string]string {
	digests := map[string]string{}
	if text, ok := metadata[record.MetaDatasets]; ok {
		// What is no such object is as good as none.
		_ = json.Unmarshal([]byte(text), &digests)
	}
	if digest, ok := metadata[record.MetaDatasetSHA256]; ok {
		digests[metadata[record.MetaPipeline]] = digest
	}
	return digests
}

// columns lists what the subjects need of the file, nil where it is for none.
func (r *reading) columns() []string {
	var columns []string
	used := false
	for i := range r.sample.subjects {
		sub := &r.sample.subjects[i]
		if sub.folder != r.folder || sub.statistic == nil || r.of.model != "" && sub.source != r.of.model {
			continue
		}
		for _, pipeline := range sub.on {
			if r.of.pipeline == "" || pipeline == r.of.pipeline {
				used = true
				columns = append(columns, sub.columns...)
			}
		}
	}
	if !used {
		return nil
	}
	columns = append(columns, keyColumns...)
	if !r.of.known() {
		columns = append(columns, sourceColumns...)
	}
	slices.Sort(columns)
	return slices.Compact(columns)
}

func (r *reading) observe(rec arrow.Record) error {
	rows, err := rowsOf(rec)
	if err != nil {
		return err
	}
	var from source
	var routes []route
	var of *images
	for i := range rows.n {
		if now := r.sourceOf(rows, i); i == 0 || now != from {
			from = now
			if routes = r.routesOf(from); len(routes) > 0 {
				of = r.sample.imagesOf(r.digests[from.pipeline], from.pipeline)
			}
		}
		if len(routes) == 0 {
			continue
		}
		if r.last.of != of {
			r.last = image{of: of, at: -1}
		}
		r.last.at = of.at(rows.id.Value(i), r.last.at)
		for _, to := range routes {
			to.subject.observe(to.role, rows, i, r.last)
		}
	}
	return nil
}

func (r *reading) sourceOf(rows rows, i int) source {
	if r.of.known() {
		return r.of
	}
	return source{rows.model.Value(i), rows.pipeline.Value(i)}
}

// routesOf finds the subjects of a source.
func (r *reading) routesOf(from source) []route {
	if routes, ok := r.routes[from]; ok {
		return routes
	}
	var routes []route
	for i := range r.sample.subjects {
		sub := &r.sample.subjects[i]
		if sub.folder != r.folder || sub.source != from.model || sub.statistic == nil {
			continue
		}
		for role, pipeline := range sub.on {
			if pipeline == from.pipeline {
				routes = append(routes, route{sub, role})
			}
		}
	}
	r.routes[source{strings.Clone(from.model), strings.Clone(from.pipeline)}] = routes
	return routes
}

func (r *reading) complete() {
	for _, routes := range r.routes {
		for _, to := range routes {
			to.subject.complete()
		}
	}
}
