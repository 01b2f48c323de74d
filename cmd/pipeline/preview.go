package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"quba/internal/imaging"
	"quba/pipeline"
	"quba/pipeline/config"
	"quba/pipeline/registry"
)

// previewFlags are the options of `pipeline preview`.
type previewFlags struct {
	adhocFlags
	pipeline string
	model    string
	sheet    string
	outDir   string
	quality  int
	thumb    int
}

const previewImages = 6

func (a *app) previewCommand() *cobra.Command {
	var f previewFlags
	cmd := &cobra.Command{
		Use:   "preview [CONFIG] [--stage NAME...] --images DIR|N [-o SHEET.png] [--out-dir DIR]",
		Short: "Show what stages do to images: a contact sheet, or the images themselves",
		Long: `preview sends a few images through the stages of a config's pipeline, or of
--stage, and draws a contact sheet: a row for each image, a column for each
perturbation and severity, the clean image first. With --out-dir it also saves
the perturbed images as an ImageFolder, CLASS/NAME_PERTURBATION_SEVERITY.png,
with a manifest.csv. Where stylize has set a cue, they are named as the published
cue-conflict images are, SHAPE/SHAPE<n>-TEXTURE<m>.png: by the folders of content
and style, or the 16 categories of model-vs-human where those are wnids.

Where the stages end in attacks, --model says on whom: a model of the config, the
first of the pipeline when left out, or without a CONFIG a file. The sheet then
shows each image as the model is given it, resized and cropped, what the attack
made of it, and how it changed: 128 is no change, and a change of one level of
256 is shown as ten. Images of --out-dir are rounded to 256 levels; that may undo
a weak attack.

` + settingHelp + `

--images is a folder or a list of images; with a CONFIG it may also be the number
of images taken from the pipeline's own source.`,
		Example: `  pipeline preview --images val --stage corruption:kinds=imagenet-c,severities=1|3|5 -o sheet.png
  pipeline preview configs/full.yaml --pipeline corrupted --images 6 -o sheet.png
  pipeline preview --images val --limit 50000 --stage edges --out-dir edges
  pipeline preview --images val --stage stylize:styles=textures,cues=folders --out-dir conflicts
  pipeline preview --images val --stage pgd:eps=1|8 --model m.onnx -o sheet.png`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usagef("%s takes one config, got %q more", cmd.CommandPath(), args[1:])
			}
			return nil
		},
	}
	f.addImages(cmd)
	f.addStages(cmd)
	cmd.Flags().StringVar(&f.pipeline, "pipeline", "", "`NAME` of the config's pipeline; the first one with stages when left out")
	cmd.Flags().StringVar(&f.model, "model", "", "the model that is attacked, `NAME` in the config or a file")
	cmd.Flags().StringVarP(&f.sheet, "output", "o", "", "the contact `sheet`, a PNG file")
	cmd.Flags().StringVar(&f.outDir, "out-dir", "", "`folder` for the perturbed images")
	cmd.Flags().IntVar(&f.quality, "quality", 0, "save images as JPEG of this quality, 1..100; 0 is PNG")
	cmd.Flags().IntVar(&f.thumb, "thumb", 128, "side of a picture in the sheet, in pixels")
	f.config = addConfigFlags(cmd)
	// The result folder has no meaning here.
	if err := cmd.Flags().MarkHidden("out"); err != nil {
		panic(err)
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := f.check(len(args) > 0); err != nil {
			return err
		}
		plan, c, err := a.previewPlan(&f, args)
		if err != nil {
			return err
		}
		if f.model != "" && !plan.HasAttack(c.Pipelines[0].Name) {
			return usagef("--model goes with stages that end in an attack")
		}
		return a.preview(cmd.Context(), plan, c, f)
	}
	return cmd
}

func (f *previewFlags) check(hasConfig bool) error {
	switch {
	case f.sheet == "" && f.outDir == "":
		return usagef("pipeline preview needs -o SHEET.png or --out-dir DIR")
	case f.sheet != "" && strings.ToLower(filepath.Ext(f.sheet)) != ".png":
		return usagef("--output must be a .png file, got %q", f.sheet)
	case f.quality < 0 || f.quality > 100:
		return usagef("--quality must be 1..100, or 0 for PNG, got %d", f.quality)
	case f.quality > 0 && f.outDir == "":
		return usagef("--quality goes with --out-dir")
	case f.thumb < 16 || f.thumb > 1024:
		return usagef("--thumb must be 16..1024, got %d", f.thumb)
	case hasConfig && len(f.stages) > 0:
		return usagef("preview takes its stages from a config or from --stage, not from both")
	case !hasConfig && f.images == "":
		return usagef("pipeline preview needs a config or --images; see `pipeline preview --help`")
	case !hasConfig && f.pipeline != "":
		return usagef("--pipeline names a pipeline of a config, and there is none")
	}
	return nil
}

// previewPlan compiles the one pipeline that is shown.
func (a *app) previewPlan(f *previewFlags, args []string) (*pipeline.Plan, config.Config, error) {
	count, err := strconv.Atoi(f.images)
	counted := err == nil && len(args) > 0
	if counted {
		if count < 1 {
			return nil, config.Config{}, usagef("--images must be at least 1, got %d", count)
		}
		f.images, f.config.limit = "", count
	}
	if f.config.limit == 0 {
		f.config.limit = previewImages
	}
	if len(args) == 0 && f.model != "" {
		f.models = []string{f.model}
	}
	h, err := f.adhoc("--stage", f.stages)
	if err != nil {
		return nil, config.Config{}, err
	}
	if len(args) == 0 {
		return h.compile("--stage", a.options(f.config), components(), true)
	}
	c, err := a.pipelineOf(args[0], f)
	if err != nil {
		return nil, c, err
	}
	if f.images != "" {
		_, other, err := h.compile("--stage", a.options(nil), components(), true)
		if err != nil {
			return nil, c, err
		}
		c.Pipelines[0].Source = other.Pipelines[0].Source
	}
	c.Pipelines[0].Limit = f.config.limit
	return compilePreview(c, f.model)
}

// compilePreview needs a model only where one is attacked.
func compilePreview(c config.Config, model string) (*pipeline.Plan, config.Config, error) {
	models := c.Models
	c.Models = nil
	plan, err := pipeline.Compile(c, components())
	if err != nil || !plan.HasAttack(c.Pipelines[0].Name) {
		return plan, c, err
	}
	attacked, err := attackedModel(models, c.Pipelines[0], model)
	if err != nil {
		return nil, c, err
	}
	c.Models = []config.Named{attacked}
	plan, err = pipeline.Compile(c, components())
	return plan, c, err
}

// attackedModel finds the model of a name, or the first that the pipeline is
// for.
func attackedModel(models []config.Named, p config.Pipeline, name string) (config.Named, error) {
	var names []string
	for _, m := range models {
		if m.Name == name || name == "" && (len(p.Models) == 0 || slices.Contains(p.Models, m.Name)) {
			return m, nil
		}
		names = append(names, m.Name)
	}
	if len(names) == 0 {
		return config.Named{}, usagef("pipeline %s attacks a model, and the config names none", p.Name)
	}
	return config.Named{}, usagef("--model: %w", registry.Unknown("model", name, names))
}

// pipelineOf reads a config and keeps the chosen pipeline. What is wrong with
// models and sinks does not matter here.
func (a *app) pipelineOf(path string, f *previewFlags) (config.Config, error) {
	c, err := config.Load(path, a.options(f.config))
	elsewhere := func(i config.Issue) bool {
		return strings.HasPrefix(i.Path, "models") || strings.HasPrefix(i.Path, "sinks") ||
			i.Path == "" && strings.Contains(i.Message, `"models"`) || i.Path == "" && strings.Contains(i.Message, `"sinks"`)
	}
	if issues := slices.DeleteFunc(c.Place("", err), elsewhere); len(issues) > 0 {
		return c, issues
	}
	c.Sinks = nil
	at := slices.IndexFunc(c.Pipelines, func(p config.Pipeline) bool {
		return p.Name == f.pipeline || f.pipeline == "" && len(p.Stages) > 0
	})
	if at < 0 && f.pipeline == "" {
		return c, usagef("%s: no pipeline has stages; name one with --pipeline", path)
	}
	if at < 0 {
		var names []string
		for _, p := range c.Pipelines {
			names = append(names, p.Name)
		}
		return c, usagef("--pipeline: no pipeline is named %q; there are %s", f.pipeline, strings.Join(names, ", "))
	}
	c.Pipelines = c.Pipelines[at : at+1]
	return c, nil
}

func (a *app) preview(ctx context.Context, plan *pipeline.Plan, c config.Config, f previewFlags) error {
	sheet := newSheet(f.thumb)
	var folder *imageSaver
	if f.outDir != "" {
		var err error
		if folder, err = newImageSaver(f.outDir, f.quality); err != nil {
			return err
		}
		defer folder.Close()
	}
	count, err := a.eachImage(ctx, plan, c, func(before pipeline.Sample, made []pipeline.Sample) error {
		if f.sheet != "" {
			if err := sheet.Add(before, made); err != nil {
				return err
			}
		}
		if folder == nil {
			return nil
		}
		return folder.Save(made)
	})
	if err != nil {
		return err
	}
	if count.Images == count.Bad {
		return dataError(errors.New("no image could be used"))
	}
	if f.sheet != "" {
		if err := sheet.Write(f.sheet); err != nil {
			return err
		}
		fmt.Fprintf(a.stderr, "%s: %d images, %d columns\n", f.sheet, len(sheet.rows), len(sheet.columns))
	}
	if folder != nil {
		if err := folder.Finish(); err != nil {
			return err
		}
		fmt.Fprintf(a.stderr, "%s: %s\n", f.outDir, folder.Summary())
	}
	return badImages(count, c.MaxBadFraction)
}

// eachImage gives take each image before and after the stages or attacks.
func (a *app) eachImage(ctx context.Context, plan *pipeline.Plan, c config.Config, take func(before pipeline.Sample, made []pipeline.Sample) error) (pipeline.ImageCount, error) {
	name, log := c.Pipelines[0].Name, logger(a.stderr, c.LogLevel)
	switch {
	case !plan.HasAttack(name):
		return plan.EachImage(ctx, name, log, take)
	case len(c.Models) == 0:
		return pipeline.ImageCount{}, usagef("the stages end in an attack; name the model that is attacked with --model FILE.onnx")
	}
	return plan.EachAttack(ctx, name, c.Models[0].Name, log, take)
}

// thumbnail fits an image into a square, with a border where it is not one.
func thumbnail(m *pipeline.Image, side int) (*pipeline.Image, error) {
	t := pipeline.Transform{
		Mode: imaging.ResizeLonger, ResizeH: side, Filter: imaging.Bilinear,
		CropW: side, CropH: side, PadColor: [3]uint8{paper, paper, paper},
	}
	return t.Apply(m)
}
