package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"quba/pipeline"
	"quba/pipeline/config"
	"quba/pipeline/registry"
	"quba/sinks"
	"quba/sources"
	"quba/stages"
)

// app is what the verbs share.
type app struct {
	stdout, stderr io.Writer
	signals        *signals
	interrupted    int // exit code of the signal that cut a run short, or 0
	format         string
	logLevel       string
}

// components are those that this program links.
func components() pipeline.Registries {
	return pipeline.Registries{Sources: sources.Sources, Stages: stages.Stages, Models: stages.Models, Sinks: sinks.Sinks}
}

func (a *app) command() *cobra.Command {
	root := &cobra.Command{
		Use:   "pipeline",
		Short: "Measure how well-behaved image classifiers are, and rank them",
		Long: `pipeline runs ONNX image classifiers over data sets and perturbations, measures
the nine quality dimensions of arXiv 2503.17110 and ranks the models with QUBA.
Data goes to stdout, narration to stderr.`,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.ArbitraryArgs,
		RunE:          withoutVerb,
		PersistentPreRunE: func(*cobra.Command, []string) error {
			return a.checkFlags()
		},
	}
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	flags := root.PersistentFlags()
	flags.StringVar(&a.format, "format", "table", "output `format`: table, json, md or csv")
	flags.StringVar(&a.logLevel, "log-level", "", "how much is narrated: debug, info, warn or error (default info)")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usagef("%w", err) })
	root.SetHelpCommand(helpCommand())
	root.AddCommand(
		a.runCommand(), a.planCommand(), a.checkCommand(), a.listCommand(), a.rankCommand(), a.showCommand(), a.reportCommand(),
		a.schemaCommand(), a.doctorCommand(), a.versionCommand(),
		a.evalCommand(), a.previewCommand(), a.emitCommand(), a.applyCommand(), a.predictCommand(), a.collectCommand(), a.composeCommand(),
	)
	root.InitDefaultCompletionCmd()
	for _, c := range root.Commands() {
		if c.HasSubCommands() {
			c.Args, c.RunE = cobra.ArbitraryArgs, withoutVerb
		}
	}
	return root
}

func (a *app) checkFlags() error {
	switch a.format {
	case "table", "json", "md", "csv":
	default:
		return usagef("--format must be table, json, md or csv, got %q", a.format)
	}
	if a.logLevel != "" {
		if _, err := parseLevel(a.logLevel); err != nil {
			return usagef("--log-level: %w", err)
		}
	}
	return nil
}

func parseLevel(name string) (slog.Level, error) {
	levels := map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError}
	level, ok := levels[name]
	if !ok {
		return 0, fmt.Errorf("must be debug, info, warn or error, got %q", name)
	}
	return level, nil
}

// withoutVerb runs when no known verb was given.
func withoutVerb(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return cmd.Help()
	}
	var verbs []string
	for _, c := range cmd.Commands() {
		if !c.Hidden {
			verbs = append(verbs, c.Name())
		}
	}
	return usagef("%w", registry.Unknown("command", args[0], verbs))
}

// helpCommand knows no topics but commands; any other is a mistake.
func helpCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "help [command]",
		Short: "Help about any command",
		RunE: func(cmd *cobra.Command, args []string) error {
			target, rest, err := cmd.Root().Find(args)
			if err != nil {
				return usagef("%w", err)
			}
			if target.HasSubCommands() {
				return withoutVerb(target, rest)
			}
			target.InitDefaultHelpFlag()
			return target.Help()
		},
	}
}

// exactArgs says in words what an argument is when it is missing.
func exactArgs(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) < len(names) {
			return usagef("%s needs %s; see `%s --help`", cmd.CommandPath(), names[len(args)], cmd.CommandPath())
		}
		if len(args) > len(names) {
			return usagef("%s takes %d arguments, got %q more", cmd.CommandPath(), len(names), args[len(names):])
		}
		return nil
	}
}

// configFlags are the flags that change a config on this machine.
type configFlags struct {
	set   *pflag.FlagSet
	limit int
}

func addConfigFlags(cmd *cobra.Command) *configFlags {
	f := &configFlags{set: pflag.NewFlagSet("config", pflag.ContinueOnError)}
	f.set.String("out", "", "result `folder`")
	f.set.Int("workers", 0, "samples and batches worked on at once; 0 is one for each CPU")
	f.set.String("library", "", "`path` of the onnxruntime shared library")
	f.set.Uint64("seed", 0, "seed of everything random")
	cmd.Flags().AddFlagSet(f.set)
	cmd.Flags().IntVar(&f.limit, "limit", 0, "use only the first `N` images of every pipeline")
	return f
}

// values are the flags that were given, by config key.
func (f *configFlags) values() map[string]any {
	given := map[string]any{}
	f.set.VisitAll(func(flag *pflag.Flag) {
		if !flag.Changed {
			return
		}
		switch flag.Name {
		case "workers":
			n, _ := f.set.GetInt(flag.Name) // the name and type are those of addConfigFlags
			given[flag.Name] = n
		case "seed":
			n, _ := f.set.GetUint64(flag.Name)
			given[flag.Name] = n
		default:
			given[flag.Name] = flag.Value.String()
		}
	})
	return given
}

// load reads a config and compiles it; the error has all that is wrong with
// both.
func (a *app) load(path string, f *configFlags) (*pipeline.Plan, config.Config, error) {
	flags := f.values()
	if a.logLevel != "" {
		flags["log_level"] = a.logLevel
	}
	c, loadErr := config.Load(path, config.Options{Flags: flags, Environ: os.Environ()})
	if f.limit < 0 {
		return nil, c, usagef("--limit must be at least 0, got %d", f.limit)
	}
	if f.limit > 0 {
		for i := range c.Pipelines {
			if c.Pipelines[i].Limit == 0 || c.Pipelines[i].Limit > f.limit {
				c.Pipelines[i].Limit = f.limit
			}
		}
	}
	return compile(c, loadErr)
}

// compile adds what is wrong with the components to what is wrong with the
// text.
func compile(c config.Config, loadErr error) (*pipeline.Plan, config.Config, error) {
	plan, err := pipeline.Compile(c, components())
	if issues := c.Place("", errors.Join(loadErr, err)); len(issues) > 0 {
		return nil, c, issues
	}
	return plan, c, nil
}
