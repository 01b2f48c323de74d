package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"quba/pipeline"
)

func (a *app) planCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "plan CONFIG",
		Short: "Say what a config would do: images, forward passes, preprocessing and where it comes from",
		Args:  exactArgs("the path of a config"),
	}
	flags := addConfigFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		plan, _, err := a.load(args[0], flags)
		if err != nil {
			return err
		}
		o := plan.Describe(cmd.Context())
		if err := a.printOverview(o); err != nil {
			return err
		}
		return overviewError(o)
	}
	return cmd
}

func (a *app) printOverview(o pipeline.Overview) error {
	if a.format == "json" {
		return writeJSON(a.stdout, o)
	}
	pipelines := grid{
		header:  []string{"pipeline", "source", "images", "classes", "stages", "variants", "models", "forward passes"},
		numeric: map[int]bool{2: true, 3: true, 5: true, 7: true},
	}
	for _, p := range o.Pipelines {
		pipelines.rows = append(pipelines.rows, []string{
			p.Name, p.Source, strconv.FormatInt(p.Images, 10), strconv.Itoa(p.Classes), strings.Join(p.Stages, ", "),
			known(int64(p.Variants)), strings.Join(p.Models, ", "), known(p.ForwardPasses),
		})
	}
	models := grid{header: []string{"model", "setting", "value", "from"}}
	for _, m := range o.Models {
		for _, f := range m.Facts {
			models.rows = append(models.rows, []string{m.Name, f.Name, f.Value, f.Origin})
		}
	}
	if err := pipelines.render(a.stdout, a.format); err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "\n")
	return models.render(a.stdout, a.format)
}

func known(n int64) string {
	if n == 0 {
		return "?"
	}
	return strconv.FormatInt(n, 10)
}

func overviewError(o pipeline.Overview) error {
	var errs []error
	for _, p := range o.Pipelines {
		if p.Error != "" {
			errs = append(errs, fmt.Errorf("pipeline %s: %s", p.Name, p.Error))
		}
	}
	for _, m := range o.Models {
		if m.Error != "" {
			errs = append(errs, fmt.Errorf("model %s: %s", m.Name, m.Error))
		}
	}
	if len(errs) == 0 {
		return nil
	}
	return dataError(errors.Join(errs...))
}
