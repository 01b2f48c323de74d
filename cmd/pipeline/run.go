package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"quba/pipeline"
	"quba/pipeline/record"
	"quba/ranking"
)

const overwriteHelp = "replace the result of another config in the result folder, and do not go on with an unfinished run"

func (a *app) runCommand() *cobra.Command {
	var overwrite bool
	cmd := &cobra.Command{
		Use:   "run CONFIG",
		Short: "Run the pipelines of a config and write a result folder",
		Long: `run writes the result folder of a config.

A run that was killed or interrupted, or that the machine could not finish, goes on
where it stopped when the same command is given again: the predictions that it
had made are taken over, and the result is that of a run without a stop. Where
anything is not the same, such as a model, an option or the version of the tool,
it says so and begins anew.`,
		Args: exactArgs("the path of a config"),
	}
	flags := addConfigFlags(cmd)
	cmd.Flags().BoolVar(&overwrite, "overwrite", false, overwriteHelp)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		plan, c, err := a.load(args[0], flags)
		if err != nil {
			return err
		}
		return a.runPlan(cmd.Context(), plan, c, overwrite)
	}
	return cmd
}

// carryOut runs a plan, shows how far it is and lets the first signal end it
// gracefully. total is how many images were to be read.
func (a *app) carryOut(ctx context.Context, plan *pipeline.Plan, opt pipeline.RunOptions, level string) (result pipeline.Result, total int64, err error) {
	bars := newProgress(a.stderr)
	opt.Log, opt.Progress = logger(bars.Writer(), level), bars.Update
	ctx, release := a.signals.Graceful(ctx, func() {
		fmt.Fprintln(bars.Writer(), "interrupted: finishing the batches in work; press again to stop at once")
	})
	defer release()
	result, err = plan.Run(ctx, opt)
	bars.Close()
	if err != nil || result.Interrupted {
		a.interrupted = a.signals.Code()
	}
	return result, bars.total, err
}

// printResult prints the dimensions of the models of a run. A model without
// all dimensions is printed without a rank, as `pipeline rank` does. A result
// that cannot be ranked is a result all the same.
func (a *app) printResult(result pipeline.Result) error {
	if result.Kept {
		return nil
	}
	r, err := rankResult(result.Out)
	if err != nil {
		a.notes([]string{fmt.Sprintf("the models are not ranked: %v", err)})
		return nil
	}
	return a.writeRanking(r)
}

func rankResult(out string) (ranking.Ranking, error) {
	cohort, err := ranking.Read([]string{out})
	if err != nil {
		return ranking.Ranking{}, err
	}
	return ranking.QUBA(cohort, ranking.Options{})
}

// cpuShares says where the processor time went, in percent. Attacks are rare
// and named only where there are some.
func cpuShares(c pipeline.CPUTime) string {
	rest := c.Process
	var shares []string
	add := func(name string, seconds float64) {
		rest -= seconds
		shares = append(shares, fmt.Sprintf("%s %.1f %%", name, 100*seconds/c.Process))
	}
	add("read", c.Read)
	add("decode", c.Decode)
	add("stages", c.Stages)
	add("resize", c.Transform)
	if c.Attack > 0 {
		add("attacks", c.Attack)
	}
	add("inference", c.Infer)
	add("sinks", c.Sinks)
	add("rest", rest)
	return strings.Join(shares, ", ")
}

// narrate sums a run up; total is how many images it was to read.
func narrate(w io.Writer, r pipeline.Result, total int64) {
	if r.Interrupted {
		fmt.Fprintf(w, "interrupted after %d of %d images; the same command goes on from here\n", r.Images, total)
	}
	seconds := r.Elapsed.Seconds()
	fmt.Fprintf(w, "%d images, %d predictions in %s (%.1f predictions/s), first after %s\n",
		r.Images, r.Rows, r.Elapsed.Round(10*time.Millisecond), float64(r.Rows-r.Resumed.Rows)/seconds, r.FirstRecord.Round(time.Millisecond))
	if r.Resumed.Times > 0 {
		fmt.Fprintf(w, "%d of the predictions were taken over from an unfinished run\n", r.Resumed.Rows)
	}
	// Elsewhere the times are elapsed ones, which add up to more than there is.
	if share := r.CPU.Process; share > 0 && runtime.GOOS == "linux" {
		fmt.Fprintf(w, "processor time %.1f s: %s\n", share, cpuShares(r.CPU))
	}
	if r.Kept {
		fmt.Fprintf(w, "%s keeps the complete result that it had\n", r.Out)
		return
	}
	fmt.Fprintf(w, "results are in %s\n", r.Out)
}

// outcome is the error for what a finished run of so many models could not do.
func outcome(r pipeline.Result, models int) error {
	var errs []error
	code := exitOK
	if len(r.Failed) > 0 {
		var names []string
		for _, f := range r.Failed {
			names = append(names, f.Name)
		}
		errs = append(errs, fmt.Errorf("%d of %d models are left out: %s; the reasons are above and in %s",
			len(names), models, strings.Join(names, ", "), filepath.Join(r.Out, record.RunFile)))
		code = exitData
	}
	for _, p := range r.Problems {
		errs = append(errs, errors.New(p))
		code = exitData
	}
	if len(r.OverBudget) > 0 {
		errs = append(errs, fmt.Errorf("%d images could not be used, more than max_bad_fraction allows in %v; first %s: %s; all are in %s",
			r.Bad, r.OverBudget, r.FirstBad.Path, r.FirstBad.Reason, filepath.Join(r.Out, record.BadFile)))
		code = exitBadSamples
	}
	if code == exitOK {
		return nil
	}
	return &codedError{code, errors.Join(errs...)}
}
