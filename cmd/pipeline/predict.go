package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"maps"
	"os"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/ipc"
	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"quba/pipeline"
	"quba/pipeline/record"
	"quba/pipeline/registry"
)

func (a *app) predictCommand() *cobra.Command {
	var f adhocFlags
	var name string
	var probabilities bool
	cmd := &cobra.Command{
		Use:   "predict --model FILE.onnx",
		Short: "Turn an Arrow stream of images into one of predictions, for a shell pipe",
		Long: `predict reads a stream of images on stdin, as emit and apply write it, and writes
an Arrow IPC stream of predictions on stdout: the columns of a result's
predictions, with the same values as a run over the same images gives. When a
model fails on the way, or the command is interrupted, the stream is left without
its end mark.` + "\n\nWhen whoever reads it stops early, the command ends quietly with 141.",
		Example: "  pipeline emit --images val | pipeline predict --model m.onnx --pipeline clean > clean.arrows",
		Args:    noArgs,
	}
	f.addModels(cmd)
	cmd.Flags().StringVar(&name, "pipeline", imagesPipeline, "`NAME` of the pipeline in the predictions")
	cmd.Flags().BoolVar(&probabilities, "probabilities", false, "write the probabilities of all classes, which some metrics need")
	f.config = addMachineFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := errors.Join(need(cmd, "model"), a.refuseTerminal()); err != nil {
			return err
		}
		ended := a.quietPipe()
		return ended(a.predict(cmd.Context(), f, name, probabilities))
	}
	return cmd
}

// addMachineFlags defines those of the config's flags that change no number.
func addMachineFlags(cmd *cobra.Command) *configFlags {
	f := addConfigFlags(&cobra.Command{})
	for _, name := range []string{"workers", "library"} {
		cmd.Flags().AddFlag(f.set.Lookup(name))
	}
	return f
}

// predict runs a plan whose source is stdin and whose sink is stdout. The
// engine wants a result folder, which is thrown away.
func (a *app) predict(ctx context.Context, f adhocFlags, name string, probabilities bool) error {
	h, err := f.adhoc("", nil)
	if err != nil {
		return err
	}
	d, err := a.stdin()
	if err != nil {
		return err
	}
	defer d.Close()
	h.source, h.seed, h.pipelines = stdinSource, d.Header().Seed, []string{name}
	h.place("pipelines[0].name", words("--pipeline", name))
	h.sink = &yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{textNode("type"), textNode(stdoutSink)}}
	reg := withStdin(d)
	sink := &streamSink{w: a.stdout, probabilities: probabilities, signal: a.signals.Code}
	reg.Sinks = registry.New[pipeline.Sink]("sink")
	registry.Register(reg.Sinks, stdoutSink, "A stream of predictions.", struct{}{},
		func(struct{}) (pipeline.Sink, error) { return sink, nil })
	_, c, err := h.compile("", a.options(f.config), reg, false)
	if err != nil {
		return err
	}
	if c.Out, err = os.MkdirTemp("", "pipeline-predict-"); err != nil {
		return err
	}
	defer os.RemoveAll(c.Out)
	plan, err := pipeline.Compile(c, reg)
	if err != nil {
		return err
	}
	result, _, err := a.carryOut(ctx, plan, pipeline.RunOptions{}, c.LogLevel)
	if sink.interrupted != exitOK {
		a.interrupted = sink.interrupted // the engine may have finished before it knew
	}
	if err != nil {
		return onlyStdin(err)
	}
	return streamOutcome(result, c.MaxBadFraction)
}

// streamOutcome is the error for what could not be done. It names no file:
// the result folder is gone.
func streamOutcome(r pipeline.Result, allowed float64) error {
	if len(r.Failed) > 0 {
		var errs []error
		for _, f := range r.Failed {
			errs = append(errs, errors.New(f.Name+": "+f.Error))
		}
		return dataError(errors.Join(errs...))
	}
	return badImages(pipeline.ImageCount{Images: r.Images, Bad: r.Bad, FirstBad: r.FirstBad}, allowed)
}

const stdoutSink = "stdout"

// streamSink writes the records of a run as an Arrow IPC stream.
type streamSink struct {
	w             io.Writer
	probabilities bool
	signal        func() int // exit code of a signal that stops the run, or 0

	out     *bufio.Writer
	records *ipc.Writer
	failed  bool // a model is missing from here on

	interrupted int // exit code of the signal that left out the end mark, or 0
}

var (
	_ pipeline.Sink         = (*streamSink)(nil)
	_ pipeline.Needer       = (*streamSink)(nil)
	_ pipeline.ModelDropper = (*streamSink)(nil)
)

// Needs asks for the probabilities when they are wanted.
func (s *streamSink) Needs(string) []string {
	if s.probabilities {
		return []string{record.ColProbs}
	}
	return nil
}

// Open begins the stream. Its metadata are those of a file of predictions.
func (s *streamSink) Open(_ context.Context, run *pipeline.Run) error {
	values := maps.Clone(run.Metadata)
	if values == nil {
		values = map[string]string{}
	}
	values[record.MetaPipeline] = run.Pipelines[0].Name
	metadata := arrow.MetadataFrom(values)
	s.out = bufio.NewWriter(s.w)
	s.records = ipc.NewWriter(s.out, ipc.WithSchema(arrow.NewSchema(record.Predictions.Fields(), &metadata)))
	return nil
}

// Write sends a record on its way at once.
func (s *streamSink) Write(_ context.Context, rec arrow.Record) error {
	// Records of another schema are no predictions, and the writer says so.
	if err := s.records.Write(rec); err != nil {
		return err
	}
	return s.out.Flush()
}

// Drop leaves the stream without its end mark: rows of the model are gone
// already.
func (s *streamSink) Drop(string) { s.failed = true }

// Close ends the stream, with its end mark only if it is whole.
func (s *streamSink) Close(context.Context) error {
	if s.interrupted = s.signal(); s.failed || s.interrupted != exitOK {
		return s.out.Flush()
	}
	return errors.Join(s.records.Close(), s.out.Flush())
}

func (s *streamSink) Abort() {}
