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
	var show string
	cmd.Flags().StringVar(&show, "show", "", "which `table`: pipelines or models (default both; pipelines for csv)")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := a.checkShow(show); err != nil {
			return err
		}
		plan, _, err := a.load(args[0], flags)
		if err != nil {
			return err
		}
		o := plan.Describe(cmd.Context())
		if err := a.printOverview(o, show); err != nil {
			return err
		}
		return overviewError(o)
	}
	return cmd
}

// The tables of `pipeline plan`.
const (
	showPipelines = "pipelines"
	showModels    = "models"
)

func (a *app) checkShow(show string) error {
	if show == "" {
		return nil
	}
	if show != showPipelines && show != showModels {
		return usagef("--show must be %s or %s, got %q", showPipelines, showModels, show)
	}
	if a.format == "json" {
		return usagef("--show chooses a table, and JSON has both: leave --show out")
	}
	return nil
}

// printOverview prints one of the tables, or both with a summary when show is
// empty. A CSV file holds one table.
func (a *app) printOverview(o pipeline.Overview, show string) error {
	if show == "" && a.format == "csv" {
		show = showPipelines
	}
	switch show {
	case showPipelines:
		return pipelineGrid(o).render(a.stdout, a.format)
	case showModels:
		return modelGrid(o).render(a.stdout, a.format)
	}
	if a.format == "json" {
		return writeJSON(a.stdout, o)
	}
	if err := pipelineGrid(o).render(a.stdout, a.format); err != nil {
		return err
	}
	fmt.Fprintln(a.stdout)
	if err := modelGrid(o).render(a.stdout, a.format); err != nil {
		return err
	}
	_, err := fmt.Fprintf(a.stdout, "\n%s", overviewSummary(o))
	return err
}

func pipelineGrid(o pipeline.Overview) grid {
	g := grid{
		header:  []string{"pipeline", "source", "images", "classes", "stages", "variants", "models", "forward passes", "backward passes"},
		numeric: map[int]bool{2: true, 3: true, 5: true, 7: true, 8: true},
	}
	for _, p := range o.Pipelines {
		g.rows = append(g.rows, []string{
			p.Name, p.Source, strconv.FormatInt(p.Images, 10), classesText(p), strings.Join(p.Stages, ", "),
			variantsText(p), strings.Join(p.Models, ", "), passesText(p), strconv.FormatInt(p.BackwardPasses, 10),
		})
	}
	return g
}

func modelGrid(o pipeline.Overview) grid {
	g := grid{header: []string{"model", "setting", "value", "from"}}
	for _, m := range o.Models {
		for _, f := range m.Facts {
			g.rows = append(g.rows, []string{m.Name, f.Name, f.Value, f.Origin})
		}
	}
	return g
}

// classesText names the classes where they are not the models' own.
func classesText(p pipeline.PipelineOverview) string {
	if p.Decision == "" {
		return strconv.Itoa(p.Classes)
	}
	return fmt.Sprintf("%d (%s)", p.Classes, p.Decision)
}

func variantsText(p pipeline.PipelineOverview) string {
	if p.Variants == 0 {
		return "?"
	}
	return strconv.Itoa(p.Variants)
}

// passesText is unknown when only the run tells how many variants an image
// has; no images have none.
func passesText(p pipeline.PipelineOverview) string {
	if p.Variants == 0 && p.Images > 0 {
		return "?"
	}
	return strconv.FormatInt(p.ForwardPasses, 10)
}

// overviewSummary says what models and pipelines have in common.
func overviewSummary(o pipeline.Overview) string {
	var b strings.Builder
	fmt.Fprintf(&b, "images decoded: %d, once for all models\n", o.Decodes)
	sharing := map[string][]string{}
	var order []string
	for _, m := range o.Models {
		if m.Error != "" {
			continue
		}
		if sharing[m.Preprocessing] == nil {
			order = append(order, m.Preprocessing)
		}
		sharing[m.Preprocessing] = append(sharing[m.Preprocessing], m.Name)
	}
	for _, preprocessing := range order {
		if names := sharing[preprocessing]; len(names) > 1 {
			fmt.Fprintf(&b, "preprocessing shared by %s: %s\n", strings.Join(names, ", "), preprocessing)
		}
	}
	for _, left := range o.LeftOut {
		name := "pipeline " + left.Pipeline
		if left.Score != "" {
			name = "score " + left.Score
		}
		fmt.Fprintf(&b, "left out: %s: %s\n", name, left.Reason)
	}
	for _, p := range o.Pipelines {
		if len(p.Scores) > 1 {
			fmt.Fprintf(&b, "pipeline %s: one pass for %d scores (%s)\n", p.Name, len(p.Scores), strings.Join(p.Scores, ", "))
		}
	}
	b.WriteString(fewerPasses(o))
	for _, m := range o.Models {
		if m.UnsharedPasses > m.ForwardPasses {
			fmt.Fprintf(&b, "model %s: %d forward passes; %d if every score made its own\n", m.Name, m.ForwardPasses, m.UnsharedPasses)
		}
	}
	return b.String() + attackShare(o) + authorsPasses(o)
}

// fewerPasses names the pipelines that leave out images.
func fewerPasses(o pipeline.Overview) string {
	var names []string
	for _, p := range o.Pipelines {
		if p.AtMost {
			names = append(names, p.Name)
		}
	}
	if len(names) == 0 {
		return ""
	}
	return fmt.Sprintf("fewer forward passes for %s: images of classes that the decision does not have are left out\n", strings.Join(names, ", "))
}

// backwardCost is what a backward pass costs in forward passes, as measured on
// the common families of networks.
const backwardCost = 2

// attackShare says how much of the work attacks are.
func attackShare(o pipeline.Overview) string {
	var attacks, all int64
	for _, p := range o.Pipelines {
		cost := p.ForwardPasses + backwardCost*p.BackwardPasses
		all += cost
		if p.Attacked {
			attacks += cost
		}
	}
	if attacks == 0 {
		return ""
	}
	return fmt.Sprintf("attacks: about %d %% of the work (a backward pass counted as %d forward passes)\n", 100*attacks/all, backwardCost) + substitutes(o)
}

// substitutes says what the attacks cost on models without a gradient.
func substitutes(o pipeline.Overview) string {
	var b strings.Builder
	for _, p := range o.Pipelines {
		if p.SubstitutePasses > 0 {
			fmt.Fprintf(&b, "pipeline %s: up to %d forward passes if no model has a gradient and Square stands in\n", p.Name, p.SubstitutePasses)
		}
	}
	return b.String()
}

// authorsCleanPasses is how often the code released with the paper runs a
// model over the clean images.
const authorsCleanPasses = 10

// authorsCleanScores is how many scores must share the clean images for a
// comparison with the paper's code to be fair: the dimensions that it measures
// on them or divides by their accuracy.
const authorsCleanScores = 6

// authorsPasses compares a plan of most of the paper's dimensions with the
// paper's own code.
func authorsPasses(o pipeline.Overview) string {
	for _, p := range o.Pipelines {
		if len(p.Scores) >= authorsCleanScores && len(p.Stages) == 0 {
			return fmt.Sprintf("clean images: %d forward passes for each model; the code released with the paper makes %d of the same images\n", p.Images, authorsCleanPasses*p.Images)
		}
	}
	return ""
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
	switch {
	case len(errs) > 0:
		return dataError(errors.Join(errs...))
	case len(o.Issues) > 0:
		return o.Issues
	}
	return nil
}
