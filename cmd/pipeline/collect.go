package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"slices"
	"strconv"

	"github.com/apache/arrow/go/v17/arrow"
	alloc "github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"quba/pipeline"
	"quba/pipeline/record"
	"quba/pipeline/samplestream"
)

func (a *app) collectCommand() *cobra.Command {
	var f adhocFlags
	cmd := &cobra.Command{
		Use:   "collect --metric NAME... [FILE...]",
		Short: "Measure Arrow streams of predictions, at the end of a shell pipe",
		Long: `collect reads streams of predictions, as predict writes them, from files or from
stdin, and prints the scores.

` + settingHelp + `

Each role of a metric is played by the stream of the pipeline with its name, or by
the only stream, or by the only one that is not named clean. Another choice is
on.ROLE=PIPELINE; predict --pipeline names them.`,
		Example: `  pipeline emit --images val | pipeline predict --model m.onnx | pipeline collect --metric accuracy
  pipeline collect --metric corruption_robustness clean.arrows corrupted.arrows`,
	}
	f.addMetrics(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(f.metrics) == 0 {
			f.metrics = []string{"accuracy"}
		}
		h, err := f.adhoc("", nil)
		if err != nil {
			return err
		}
		return a.collect(cmd.Context(), h, args)
	}
	return cmd
}

func (a *app) collect(ctx context.Context, h *adhoc, paths []string) error {
	streams, err := openPredictions(paths)
	defer func() {
		for _, s := range streams {
			s.close()
		}
	}()
	if err != nil {
		return dataError(err)
	}
	run, err := runOf(streams)
	if err != nil {
		return dataError(err)
	}
	for _, p := range run.Pipelines {
		h.pipelines = append(h.pipelines, p.Name)
	}
	h.source = stdinSource
	plan, _, err := h.compile("", a.options(nil), withStdin(nil), true)
	if err != nil {
		return err
	}
	scores, problems, err := plan.Collect(ctx, run, records(streams))
	if err != nil {
		return dataError(err)
	}
	if err := a.printScores(scores); err != nil {
		return err
	}
	if len(problems) == 0 {
		return nil
	}
	var errs []error
	for _, p := range problems {
		errs = append(errs, errors.New(p))
	}
	return dataError(errors.Join(errs...))
}

// predictionStream is a stream with what its metadata say.
type predictionStream struct {
	name     string // for messages
	file     *os.File
	reader   *samplestream.Reader
	pipeline string
	metadata arrow.Metadata
}

func (s *predictionStream) close() {
	if s.reader != nil {
		s.reader.Close()
	}
	_ = s.file.Close() // it was only read
}

// openPredictions reads the heads of the streams; those that it opened must be
// closed also after an error.
func openPredictions(paths []string) ([]*predictionStream, error) {
	if len(paths) == 0 {
		if term.IsTerminal(int(os.Stdin.Fd())) {
			return nil, usagef("needs a stream of predictions on stdin, as `pipeline predict` writes it, or files with them")
		}
		s := &predictionStream{name: "stdin", file: os.Stdin}
		return []*predictionStream{s}, s.open()
	}
	var streams []*predictionStream
	for _, path := range paths {
		f, err := os.Open(path)
		if err != nil {
			return streams, err
		}
		s := &predictionStream{name: path, file: f}
		streams = append(streams, s)
		if err := s.open(); err != nil {
			return streams, err
		}
	}
	return streams, nil
}

func (s *predictionStream) open() (err error) {
	if s.reader, err = samplestream.NewReader(s.file, alloc.DefaultAllocator); err == nil {
		err = record.CheckSchema(s.reader.Schema())
	}
	if err != nil {
		return fmt.Errorf("%s: %w", s.name, err)
	}
	s.metadata = s.reader.Schema().Metadata()
	s.pipeline, _ = s.metadata.GetValue(record.MetaPipeline)
	if s.pipeline == "" {
		s.pipeline = imagesPipeline
	}
	return nil
}

// runOf puts together what the streams say of the run that made them. Models
// in several streams must be the same.
func runOf(streams []*predictionStream) (run pipeline.Run, err error) {
	run.Protocol = "standard"
	for i, s := range streams {
		if slices.ContainsFunc(run.Pipelines, func(p pipeline.RunPipeline) bool { return p.Name == s.pipeline }) {
			return run, fmt.Errorf("%s: the pipeline %q is also that of another stream; name them with predict --pipeline", s.name, s.pipeline)
		}
		played, err := s.runPipeline()
		if err != nil {
			return run, fmt.Errorf("%s: %w", s.name, err)
		}
		run.Pipelines = append(run.Pipelines, played)
		if protocol, ok := s.metadata.GetValue(record.MetaProtocol); ok {
			if i > 0 && protocol != run.Protocol {
				return run, fmt.Errorf("%s: was made with the protocol %q, the others with %q", s.name, protocol, run.Protocol)
			}
			run.Protocol = protocol
		}
		if err := s.addModels(&run); err != nil {
			return run, fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return run, nil
}

// runPipeline is what the stream says of its pipeline.
func (s *predictionStream) runPipeline() (pipeline.RunPipeline, error) {
	played := pipeline.RunPipeline{Name: s.pipeline}
	text, ok := s.metadata.GetValue(record.MetaPipelines)
	if !ok {
		return played, nil
	}
	var pipelines []record.PipelineRecord
	if err := json.Unmarshal([]byte(text), &pipelines); err != nil {
		return played, fmt.Errorf("the metadata %s cannot be read: %w", record.MetaPipelines, err)
	}
	for _, p := range pipelines {
		if p.Name != s.pipeline {
			continue
		}
		played.SourceType, played.Notes = p.Source, p.Notes
		if p.Decision != "" {
			played.Decision = &record.Decision{Name: p.Decision, Classes: p.Classes}
		}
	}
	return played, nil
}

func (s *predictionStream) addModels(run *pipeline.Run) error {
	text, ok := s.metadata.GetValue(record.MetaModels)
	if !ok {
		return fmt.Errorf("the metadata lack %s, which says what models there are", record.MetaModels)
	}
	var models []record.ModelRecord
	if err := json.Unmarshal([]byte(text), &models); err != nil {
		return fmt.Errorf("the metadata %s cannot be read: %w", record.MetaModels, err)
	}
	for _, m := range models {
		at := slices.IndexFunc(run.Models, func(known pipeline.RunModel) bool { return known.Name == m.Name })
		if at >= 0 && run.Models[at].Info.SHA256 != m.SHA256 {
			return fmt.Errorf("the model %q is another one than in the stream before", m.Name)
		}
		if at < 0 {
			run.Models = append(run.Models, pipeline.RunModel{Name: m.Name, Info: pipeline.ModelInfo{
				SHA256: m.SHA256, Classes: m.Classes, Parameters: m.Parameters, ParametersOrigin: m.ParametersOrigin, Labels: m.Labels,
			}})
		}
	}
	return nil
}

// records gives those of all streams, cut so that each is of one model and
// pipeline, which is what sinks want.
func records(streams []*predictionStream) iter.Seq2[arrow.Record, error] {
	return func(yield func(arrow.Record, error) bool) {
		for _, s := range streams {
			for {
				rec, err := s.reader.Next()
				if errors.Is(err, io.EOF) {
					break
				}
				if err == nil {
					err = s.eachRun(rec, func(part arrow.Record) bool { return yield(part, nil) })
				}
				if errors.Is(err, errStop) {
					return
				}
				if err != nil {
					yield(nil, fmt.Errorf("%s: %w", s.name, err))
					return
				}
			}
		}
	}
}

// errStop says that the consumer wants no more.
var errStop = errors.New("stop")

func (s *predictionStream) eachRun(rec arrow.Record, visit func(arrow.Record) bool) error {
	v, err := record.NewView(rec)
	if err != nil {
		return err
	}
	start := 0
	for i := 1; i <= v.Len(); i++ {
		if i < v.Len() && v.Model(i) == v.Model(start) && v.Pipeline(i) == v.Pipeline(start) {
			continue
		}
		if v.Pipeline(start) != s.pipeline {
			return fmt.Errorf("row of the pipeline %q in the stream of %q", v.Pipeline(start), s.pipeline)
		}
		part := rec.NewSlice(int64(start), int64(i))
		more := visit(part)
		part.Release()
		if !more {
			return errStop
		}
		start = i
	}
	return nil
}

// scoreRow is a score as JSON has it.
type scoreRow struct {
	Model     string  `json:"model"`
	Dimension string  `json:"dimension"`
	Part      string  `json:"part,omitempty"`
	Value     float64 `json:"value"`
	N         int64   `json:"n"`
	Partial   bool    `json:"partial,omitempty"`
	Note      string  `json:"note,omitempty"`
}

func (a *app) printScores(scores []record.Score) error {
	rows := []scoreRow{}
	g := grid{header: []string{"model", "dimension", "part", "value", "n", "note"}, numeric: map[int]bool{3: true, 4: true}}
	digits := 6
	if a.format == "csv" {
		digits = -1
	}
	for _, s := range scores {
		rows = append(rows, scoreRow(s))
		g.rows = append(g.rows, []string{
			s.Model, s.Dimension, s.Part, strconv.FormatFloat(s.Value, 'g', digits, 64), strconv.FormatInt(s.N, 10), s.Note,
		})
	}
	return a.write(g, rows)
}
