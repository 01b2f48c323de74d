package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"quba/pipeline"
	"quba/pipeline/config"
)

// adhocFlags are the flags that spell out a config.
type adhocFlags struct {
	models, stages, metrics []string
	images, labels          string
	batch                   int
	config                  *configFlags
}

// addImages defines the flags of a data set.
func (f *adhocFlags) addImages(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.images, "images", "", "`DIR` with one folder of images for each class, or a list of images (.csv or .jsonl)")
	cmd.Flags().StringVar(&f.labels, "labels", "", "how class folders are read: imagenet (wnids; the default) or folders (in the order of their names)")
}

func (f *adhocFlags) addStages(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&f.stages, "stage", nil, "what happens to each image, `NAME[:KEY=VALUE,...]`; may be repeated, in order")
}

func (f *adhocFlags) addModels(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&f.models, "model", nil, "a classifier, `FILE.onnx`; may be repeated")
	cmd.Flags().IntVar(&f.batch, "batch", 0, "images in one run of a network; 0 is the default")
}

func (f *adhocFlags) addMetrics(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&f.metrics, "metric", nil, "what is measured, `NAME[:KEY=VALUE,...]`; may be repeated (default accuracy)")
}

// adhoc makes the config that the flags spell out; stages are given
// separately, as not all verbs have them in a flag.
func (f *adhocFlags) adhoc(stageFlag string, stages []string) (*adhoc, error) {
	if f.labels != "" && f.labels != "imagenet" && f.labels != "folders" {
		return nil, usagef("--labels must be imagenet or folders, got %q", f.labels)
	}
	if f.batch < 0 {
		return nil, usagef("--batch must be at least 0, got %d", f.batch)
	}
	h := &adhoc{models: f.models, images: f.images, labels: f.labels, batch: f.batch}
	if f.config != nil {
		if f.config.limit < 0 {
			return nil, usagef("--limit must be at least 0, got %d", f.config.limit)
		}
		h.limit = f.config.limit
		h.seed, _ = f.config.values()["seed"].(uint64)
	}
	var err error
	if h.stages, err = parseComponents(stageFlag, stages); err != nil {
		return nil, err
	}
	h.metrics, err = parseComponents("--metric", f.metrics)
	return h, err
}

// options are the settings around an ad-hoc config.
func (a *app) options(f *configFlags) config.Options {
	flags := map[string]any{}
	if f != nil {
		flags = f.values()
	}
	if a.logLevel != "" {
		flags["log_level"] = a.logLevel
	}
	return config.Options{Flags: flags, Environ: os.Environ()}
}

// need is a mistake unless a flag was given.
func need(cmd *cobra.Command, names ...string) error {
	for _, name := range names {
		if !cmd.Flags().Changed(name) {
			return usagef("%s needs --%s; see `%s --help`", cmd.CommandPath(), name, cmd.CommandPath())
		}
	}
	return nil
}

// noArgs refuses arguments, which are flags whose dashes were forgotten.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usagef("%s takes no arguments, got %q; see `%s --help`", cmd.CommandPath(), args, cmd.CommandPath())
	}
	return nil
}

func (a *app) evalCommand() *cobra.Command {
	var f adhocFlags
	var printConfig, overwrite bool
	cmd := &cobra.Command{
		Use:   "eval --model FILE.onnx --images DIR [--stage NAME...] [--metric NAME...]",
		Short: "Measure models on images without writing a config",
		Long: `eval makes a config of its flags and runs it, as ` + "`pipeline run`" + ` would.

` + settingHelp + `

Without --out the result goes into a temporary folder, which is removed when all
went well. Every role of a metric is played by the images as the stages leave
them. Only where stages are given and a metric compares clean images with others
there are two pipelines, clean and perturbed, and each role is played by the
pipeline of its name, or by perturbed. Another choice is on.ROLE=PIPELINE.`,
		Example: `  pipeline eval --model m.onnx --images val --limit 1000
  pipeline eval --model m.onnx --images val --stage corruption:kinds=fog|snow,severities=3 --stage patch_shuffle:grid=4
  pipeline eval --model a.onnx --model b.onnx --images val --metric accuracy --metric calibration_error --print-config`,
		Args: noArgs,
	}
	f.addModels(cmd)
	f.addImages(cmd)
	f.addStages(cmd)
	f.addMetrics(cmd)
	f.config = addConfigFlags(cmd)
	cmd.Flags().BoolVar(&overwrite, "overwrite", false, overwriteHelp)
	cmd.Flags().BoolVar(&printConfig, "print-config", false, "print the config, to be run from this folder, and run nothing")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := need(cmd, "model", "images"); err != nil {
			return err
		}
		if len(f.metrics) == 0 {
			f.metrics = []string{"accuracy"}
		}
		h, err := f.adhoc("--stage", f.stages)
		if err != nil {
			return err
		}
		plan, c, err := h.compile("--stage", a.options(f.config), components(), false)
		switch {
		case err != nil:
			return err
		case printConfig:
			_, err := a.stdout.Write(h.text)
			return err
		case c.Out != "":
			return a.runPlan(cmd.Context(), plan, c, overwrite)
		}
		return a.runTemporarily(cmd.Context(), c)
	}
	return cmd
}

// runPlan is `pipeline run` for a plan.
func (a *app) runPlan(ctx context.Context, plan *pipeline.Plan, c config.Config, overwrite bool) error {
	result, total, err := a.carryOut(ctx, plan, pipeline.RunOptions{Overwrite: overwrite}, c.LogLevel)
	if err != nil {
		return err
	}
	if err := a.printResult(result); err != nil {
		return err
	}
	narrate(a.stderr, result, total)
	return outcome(result, len(c.Models))
}

// runTemporarily runs a plan whose result folder is removed unless its files
// are needed to see what went wrong.
func (a *app) runTemporarily(ctx context.Context, c config.Config) error {
	out, err := os.MkdirTemp("", "pipeline-eval-")
	if err != nil {
		return err
	}
	keep := false
	defer func() {
		if !keep {
			_ = os.RemoveAll(out)
		}
	}()
	c.Out = out
	plan, err := pipeline.Compile(c, components())
	if err != nil {
		return err
	}
	result, total, err := a.carryOut(ctx, plan, pipeline.RunOptions{}, c.LogLevel)
	if err != nil {
		return err
	}
	if err := a.printResult(result); err != nil {
		return err
	}
	if result.Interrupted {
		fmt.Fprintf(a.stderr, "interrupted after %d of %d images\n", result.Images, total)
	}
	err = outcome(result, len(c.Models))
	keep = err != nil
	kept := "give --out to keep the result"
	if keep {
		kept = "what went wrong is in " + out
	}
	fmt.Fprintf(a.stderr, "%d images, %d predictions in %s; %s\n",
		result.Images, result.Rows, result.Elapsed.Round(10*time.Millisecond), kept)
	return err
}
