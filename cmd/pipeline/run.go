package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"quba/pipeline"
	"quba/ranking"
)

func (a *app) runCommand() *cobra.Command {
	var overwrite bool
	cmd := &cobra.Command{
		Use:   "run CONFIG",
		Short: "Run the pipelines of a config and write a result folder",
		Args:  exactArgs("the path of a config"),
	}
	flags := addConfigFlags(cmd)
	cmd.Flags().BoolVar(&overwrite, "overwrite", false, "replace the result of another config in the result folder")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		plan, c, err := a.load(args[0], flags)
		if err != nil {
			return err
		}
		bars := newProgress(a.stderr)
		result, err := plan.Run(cmd.Context(), pipeline.RunOptions{
			Log: logger(bars.Writer(), c.LogLevel), Progress: bars.Update, Overwrite: overwrite,
		})
		bars.Close()
		if err != nil {
			return err
		}
		if err := a.printResult(result); err != nil {
			return err
		}
		narrate(a.stderr, result)
		return outcome(result)
	}
	return cmd
}

// printResult prints the dimensions of the models of a run. A model without
// all dimensions is printed without a rank, as `pipeline rank` does.
func (a *app) printResult(result pipeline.Result) error {
	cohort, err := ranking.Read([]string{result.Out})
	if err != nil {
		return err
	}
	return a.printRanking(cohort, ranking.Options{})
}

func narrate(w io.Writer, r pipeline.Result) {
	seconds := r.Elapsed.Seconds()
	fmt.Fprintf(w, "%d images, %d predictions in %s (%.1f predictions/s), first after %s\n",
		r.Images, r.Rows, r.Elapsed.Round(10*time.Millisecond), float64(r.Rows)/seconds, r.FirstRecord.Round(time.Millisecond))
	if share := r.CPU.Process; share > 0 {
		percent := func(part float64) float64 { return 100 * part / share }
		rest := share - r.CPU.Read - r.CPU.Decode - r.CPU.Stages - r.CPU.Transform - r.CPU.Infer - r.CPU.Sinks
		fmt.Fprintf(w, "processor time %.1f s: read %.1f %%, decode %.1f %%, stages %.1f %%, resize %.1f %%, inference %.1f %%, sinks %.1f %%, rest %.1f %%\n",
			share, percent(r.CPU.Read), percent(r.CPU.Decode), percent(r.CPU.Stages), percent(r.CPU.Transform), percent(r.CPU.Infer), percent(r.CPU.Sinks), percent(rest))
	}
	fmt.Fprintf(w, "results are in %s\n", r.Out)
}

// outcome is the error for what a finished run could not do.
func outcome(r pipeline.Result) error {
	var errs []error
	code := exitOK
	for _, f := range r.Failed {
		errs = append(errs, fmt.Errorf("model %s is left out: the reason is above and in %s", f.Name, filepath.Join(r.Out, pipeline.RunFile)))
		code = exitData
	}
	for _, p := range r.Problems {
		errs = append(errs, errors.New(p))
		code = exitData
	}
	if len(r.OverBudget) > 0 {
		errs = append(errs, fmt.Errorf("%d images could not be used, more than max_bad_fraction allows in %v; first %s: %s; all are in %s",
			r.Bad, r.OverBudget, r.FirstBad.Path, r.FirstBad.Reason, filepath.Join(r.Out, pipeline.BadFile)))
		code = exitBadSamples
	}
	if code == exitOK {
		return nil
	}
	return &codedError{code, errors.Join(errs...)}
}
