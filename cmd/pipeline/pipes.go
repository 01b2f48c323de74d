package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"os/signal"
	"syscall"

	alloc "github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"quba/pipeline"
	"quba/pipeline/config"
	"quba/pipeline/registry"
	"quba/pipeline/samplestream"
)

const pipesHelp = `

The stream is an Arrow IPC stream with one row for each image: seq, id, path,
label, cue, perturbation, severity, whole, width, height and pixels (RGB bytes),
with the seed in the metadata of its schema. Any program with an Arrow library
can read and write it; id, width, height and pixels are enough. A stream that
ends without Arrow's end mark is an error for whoever reads it. When whoever
reads it stops early, the command ends quietly with 141.`

func (a *app) emitCommand() *cobra.Command {
	var f adhocFlags
	cmd := &cobra.Command{
		Use:     "emit --images DIR",
		Short:   "Write images as an Arrow stream, for a shell pipe",
		Long:    "emit decodes images and writes them on stdout." + pipesHelp,
		Example: "  pipeline emit --images val | pipeline apply corruption:kinds=fog,severities=3 | pipeline predict --model m.onnx | pipeline collect --metric accuracy",
		Args:    noArgs,
	}
	f.addImages(cmd)
	f.config = addConfigFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := errors.Join(need(cmd, "images"), a.refuseTerminal()); err != nil {
			return err
		}
		h, err := f.adhoc("", nil)
		if err != nil {
			return err
		}
		plan, c, err := h.compile("", a.options(f.config), components(), true)
		if err != nil {
			return err
		}
		o := plan.Describe(cmd.Context()).Pipelines[0]
		if o.Error != "" {
			return dataError(errors.New(o.Error))
		}
		return a.encode(cmd.Context(), plan, c, samplestream.Header{Seed: c.Seed, Classes: o.Classes, Dataset: o.Digest, Decision: o.Decides})
	}
	return cmd
}

func (a *app) applyCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "apply STAGE...",
		Short:   "Change the images of an Arrow stream, for a shell pipe",
		Long:    "apply reads a stream of images on stdin, sends each through the stages and writes\nwhat they make of it on stdout.\n\n" + settingHelp + pipesHelp,
		Example: "  pipeline emit --images val | pipeline apply edges corruption:kinds=fog|snow,severities=3 > changed.arrows",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("pipeline apply needs a stage; see `pipeline apply --help`")
			}
			stages, err := parseComponents("", args)
			if err != nil {
				return err
			}
			d, err := a.stdin()
			if err != nil {
				return err
			}
			defer d.Close()
			h := &adhoc{stages: stages, source: stdinSource, seed: d.Header().Seed}
			plan, c, err := h.compile("", a.options(nil), withStdin(d), true)
			if err != nil {
				return err
			}
			if err := a.refuseTerminal(); err != nil {
				return err
			}
			header := d.Header()
			if o := plan.Describe(cmd.Context()).Pipelines[0]; o.Decides != nil {
				header.Decision, header.Classes = o.Decides, o.Classes
			}
			return a.encode(cmd.Context(), plan, c, header)
		},
	}
}

// encode writes what a plan makes of its images as a stream on stdout.
func (a *app) encode(ctx context.Context, plan *pipeline.Plan, c config.Config, h samplestream.Header) error {
	e := samplestream.NewEncoder(a.stdout, h, alloc.DefaultAllocator)
	defer e.Release()
	log := logger(a.stderr, c.LogLevel)
	count, err := plan.EachImage(ctx, c.Pipelines[0].Name, log, func(_ pipeline.Sample, made []pipeline.Sample) error {
		for _, s := range made {
			if err := e.Append(s); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		err = e.Close()
	}
	if err != nil {
		return onlyStdin(err)
	}
	return badImages(count, c.MaxBadFraction)
}

// badImages is an error when more images than allowed could not be used.
func badImages(count pipeline.ImageCount, allowed float64) error {
	if float64(count.Bad) <= allowed*float64(count.Images) {
		return nil
	}
	return &codedError{exitBadSamples, fmt.Errorf("%d of %d images could not be used; first %s: %s",
		count.Bad, count.Images, count.FirstBad.Path, count.FirstBad.Reason)}
}

// refuseTerminal keeps binary data from a person's screen.
func (a *app) refuseTerminal() error {
	if f, ok := a.stdout.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return usagef("the output is binary data; send it into a pipe or a file")
	}
	return nil
}

// stdin reads the head of the stream of images on stdin.
func (a *app) stdin() (*samplestream.Decoder, error) {
	if term.IsTerminal(int(os.Stdin.Fd())) {
		return nil, usagef("needs a stream of images on stdin, as `pipeline emit` writes it")
	}
	d, err := samplestream.NewDecoder(bufio.NewReaderSize(os.Stdin, 1<<20), alloc.DefaultAllocator)
	if err != nil {
		return nil, onlyStdin(&stdinError{err})
	}
	return d, nil
}

// stdinSource is the name of the source that reads a stream. It can be read
// only once, so that no config may use it.
const stdinSource = "stdin"

type streamSource struct{ d *samplestream.Decoder }

var _ pipeline.Source = streamSource{}

func (s streamSource) Samples(context.Context) iter.Seq2[pipeline.Sample, error] {
	return func(yield func(pipeline.Sample, error) bool) {
		for sample, err := range s.d.Samples() {
			if err != nil {
				err = &stdinError{err}
			}
			if !yield(sample, err) {
				return
			}
		}
	}
}

// stdinError is an error of the stream itself. The config around it is none
// of the user's business.
type stdinError struct{ err error }

func (e *stdinError) Error() string { return "stdin: " + e.err.Error() }
func (e *stdinError) Unwrap() error { return e.err }

// onlyStdin drops the words of the engine around an error of the stream.
func onlyStdin(err error) error {
	var fault *stdinError
	if errors.As(err, &fault) && !pipeline.MachineFault(err) {
		return dataError(fault)
	}
	return err
}

func (s streamSource) Describe(context.Context) (pipeline.SourceInfo, error) {
	h := s.d.Header()
	return pipeline.SourceInfo{Classes: h.Classes, Digest: h.Dataset, Decision: h.Decision}, nil
}

// withStdin are the components with a stream as the only source.
func withStdin(d *samplestream.Decoder) pipeline.Registries {
	reg := components()
	reg.Sources = registry.New[pipeline.Source]("source")
	registry.Register(reg.Sources, stdinSource, "A stream of images.", struct{}{},
		func(struct{}) (pipeline.Source, error) { return streamSource{d}, nil })
	return reg
}

// quietPipe makes writing to a closed pipe an error instead of the end of the
// process, so that temporary files can be removed; ended makes that error the
// quiet end that it is for every other program.
func (a *app) quietPipe() (ended func(error) error) {
	signal.Ignore(syscall.SIGPIPE)
	return func(err error) error {
		if !errors.Is(err, syscall.EPIPE) && !errors.Is(err, io.ErrClosedPipe) {
			return err
		}
		a.interrupted = exitPipe
		return nil
	}
}
