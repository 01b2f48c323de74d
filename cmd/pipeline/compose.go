package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"quba/internal/compose"
	"quba/pipeline"
	"quba/pipeline/config"
)

// composeFlags are the options of `pipeline compose-backgrounds`.
type composeFlags struct {
	images, out      string
	masks            string
	boxes            string
	segmenter        string
	segmenterOptions []string
	overwrite        bool
	maxBadFraction   float64
	config           *configFlags
}

func (a *app) composeCommand() *cobra.Command {
	var f composeFlags
	folders := compose.ClassFolders()
	cmd := &cobra.Command{
		Use:   "compose-backgrounds --images DIR --masks DIR|--boxes FILE.csv|--segmenter FILE.onnx -o OUT",
		Short: "Compose a data set like ImageNet-9 from images of your own",
		Long: `compose-backgrounds makes the variants of Xiao et al. (2021) from images and their
foregrounds, as OUT/VARIANT/val/CLASS/NAME.png of 224x224 pixels:

  mixed_same  the foreground on the background of another image of its class
  mixed_rand  the foreground on the background of another image of any class,
              each class being as likely as the others
  only_fg     the foreground on black
  no_fg       the image with its foreground black
  only_bg_t   the image with the box of its foreground tiled with the largest
              rectangle beside it; it is what the backgrounds above are

An image is resized to 256 on its shorter side (bilinear) and cropped to its
centre, its foreground with it (nearest). The folders in --images are wnids or
those of the challenge (` + folders[0] + " ... " + folders[len(folders)-1] + `). Images of other wnids are left out.

Foregrounds come from one of
  --masks      PNG files, white on black, at the image's path with the ending .png
  --boxes      a CSV file with the columns path,x0,y0,x1,y1, in pixels of the
               original image; x1 and y1 are the first ones outside
  --segmenter  an ONNX network such as U2-Net or IS-Net, whose first output is a
               mask; --segmenter-option sets the options that segmenter has in
               the silhouette stage, as in size=1024

` + limitsHelp() + `

OUT also gets manifest.csv (every file with the images it is made of),
left_out.csv (images that could not be used, and why) and composed.json, from
which every later report knows that the data set is not the published one. An
imagenet_9 source reads OUT.`,
		Example: `  pipeline compose-backgrounds --images val --masks masks -o in9
  pipeline compose-backgrounds --images val --segmenter isnet.onnx --segmenter-option size=1024 \
    --segmenter-option 'mean=0.5|0.5|0.5' --segmenter-option 'std=1|1|1' -o in9`,
		Args: noArgs,
	}
	flags := cmd.Flags()
	flags.StringVar(&f.images, "images", "", "`DIR` with one folder of images for each class")
	flags.StringVarP(&f.out, "output", "o", "", "the `folder` that is made")
	flags.StringVar(&f.masks, "masks", "", "`DIR` with the masks")
	flags.StringVar(&f.boxes, "boxes", "", "`FILE` with the bounding boxes")
	flags.StringVar(&f.segmenter, "segmenter", "", "`FILE` of a segmentation network")
	flags.StringArrayVar(&f.segmenterOptions, "segmenter-option", nil, "`KEY=VALUE` of the segmenter; may be repeated")
	flags.BoolVar(&f.overwrite, "overwrite", false, "replace what was composed earlier in the output folder")
	flags.Float64Var(&f.maxBadFraction, "max-bad-fraction", 0.001, "fraction of images that cannot be read above which the exit code is 4")
	f.config = addConfigFlags(&cobra.Command{})
	for _, name := range []string{"workers", "library", "seed"} {
		flags.AddFlag(f.config.set.Lookup(name))
	}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := errors.Join(need(cmd, "images", "output"), f.check()); err != nil {
			return err
		}
		return a.compose(cmd.Context(), f)
	}
	return cmd
}

func limitsHelp() string {
	return fmt.Sprintf(`An image is left out where the foreground is less than %g %% of the crop, its box
more than %g %% of the crop or less than %g %% filled, where the crop keeps less than
%g %% of it, and where no other image of its class is left.`,
		100*compose.MinForeground, 100*compose.MaxBox, 100*compose.MinFill, 100*compose.MinKept)
}

func (f *composeFlags) check() error {
	given := 0
	for _, from := range []string{f.masks, f.boxes, f.segmenter} {
		if from != "" {
			given++
		}
	}
	switch {
	case given != 1:
		return usagef("compose-backgrounds needs one of --masks, --boxes and --segmenter, got %d", given)
	case len(f.segmenterOptions) > 0 && f.segmenter == "":
		return usagef("--segmenter-option goes with --segmenter")
	case !(f.maxBadFraction >= 0 && f.maxBadFraction <= 1):
		return usagef("--max-bad-fraction must be 0..1, got %g", f.maxBadFraction)
	}
	for _, given := range [][2]string{{"--images", f.images}, {"--masks", f.masks}} {
		flag, dir := given[0], given[1]
		if dir == "" {
			continue
		}
		if info, err := os.Stat(dir); err == nil && !info.IsDir() {
			return usagef("%s must be a folder, %s is a file", flag, dir)
		}
		if overlap(dir, f.out) {
			return usagef("--output %s and %s %s must not lie in each other", f.out, flag, dir)
		}
	}
	return nil
}

// overlap says whether one of two folders is the other or lies in it.
func overlap(a, b string) bool {
	return inside(a, b) || inside(b, a)
}

func inside(folder, name string) bool {
	folder, name = resolved(folder), resolved(name)
	rest, err := filepath.Rel(folder, name)
	return err == nil && filepath.IsLocal(rest)
}

// resolved is the absolute path, without links as far as it exists.
func resolved(name string) string {
	if whole, err := filepath.Abs(name); err == nil {
		name = whole
	}
	if real, err := filepath.EvalSymlinks(name); err == nil {
		return real
	}
	if parent := filepath.Dir(name); parent != name {
		return filepath.Join(resolved(parent), filepath.Base(name))
	}
	return name
}

// compose makes the data set and prints how many images each class has.
func (a *app) compose(ctx context.Context, f composeFlags) error {
	c, err := a.composeConfig(f)
	if err != nil {
		return err
	}
	o, err := composeOptions(c, f)
	if err != nil {
		return err
	}
	o.Progress = plainProgress(a.stderr)
	ctx, release := a.signals.Graceful(ctx, func() {})
	defer release()
	closeForegrounds, err := openForegrounds(ctx, c, f, &o)
	if err == nil {
		var report compose.Report
		report, err = compose.Compose(ctx, o)
		err = errors.Join(err, closeForegrounds())
		if err == nil {
			return a.composed(report, f)
		}
	}
	if a.interrupted = a.signals.Code(); a.interrupted != exitOK {
		return fmt.Errorf("interrupted: %s is as it was", f.out)
	}
	return err
}

// composeConfig spells out the images and the stage that finds the foregrounds
// as a config, so that both are checked as any config is.
func (a *app) composeConfig(f composeFlags) (config.Config, error) {
	h := &adhoc{images: f.images, labels: "folders"}
	flag := "--masks"
	switch {
	case f.masks != "":
		h.stages = []component{silhouettesFrom(f.masks, "masks")}
	case f.segmenter != "":
		flag = "--segmenter"
		c := silhouettesFrom(f.segmenter, "segmenter", "path")
		for _, option := range f.segmenterOptions {
			key, value, ok := strings.Cut(option, "=")
			if !ok {
				return config.Config{}, usagef("--segmenter-option must be KEY=VALUE, got %q", option)
			}
			if err := c.add(append([]string{"segmenter"}, strings.Split(key, ".")...), value); err != nil {
				return config.Config{}, usagef("--segmenter-option %s: %w", option, err)
			}
		}
		h.stages = []component{c}
	}
	_, c, err := h.compile(flag, a.options(f.config), components(), true)
	return c, err
}

// silhouettesFrom is the stage that paints foregrounds black, with a path as
// one of its options.
func silhouettesFrom(path string, key ...string) component {
	return component{text: path, name: "silhouette", settings: []setting{{key: key, values: []*yaml.Node{textNode(path)}}}}
}

func composeOptions(c config.Config, f composeFlags) (compose.Options, error) {
	o := compose.Options{
		Seed: c.Seed, Workers: c.Workers, MaxPixels: c.MaxPixels, Out: f.out, Overwrite: f.overwrite,
	}
	if o.Workers == 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	source := c.Pipelines[0].Source
	entry, err := components().Sources.Lookup(source.Type)
	if err != nil {
		return o, err
	}
	o.Images, err = entry.New(source.Options.Decode)
	return o, err
}

// openForegrounds opens what finds the foregrounds; the caller closes it.
func openForegrounds(ctx context.Context, c config.Config, f composeFlags, o *compose.Options) (closing func() error, err error) {
	nothing := func() error { return nil }
	if f.boxes != "" {
		boxes, err := compose.ReadBoxes(f.boxes)
		if errors.Is(err, fs.ErrNotExist) {
			return nothing, usagef("--boxes: %w", err)
		}
		if err != nil {
			return nothing, fmt.Errorf("--boxes: %w", err)
		}
		o.Foregrounds, o.From = boxes, "boxes"
		o.Facts = []pipeline.Fact{{Name: "boxes", Value: boxes.SHA256, Origin: "sha256"}}
		return nothing, nil
	}
	o.From = "masks"
	if f.segmenter != "" {
		o.From = "segmenter"
	}
	stage := c.Pipelines[0].Stages[0]
	entry, err := components().Stages.Lookup(stage.Type)
	if err != nil {
		return nothing, err
	}
	made, err := entry.New(stage.Options.Decode)
	if err != nil {
		return nothing, err
	}
	if opener, ok := made.(pipeline.Opener); ok {
		if err := opener.Open(ctx, &pipeline.Run{Seed: c.Seed, Library: c.Library, Workers: o.Workers}); err != nil {
			return nothing, dataError(err)
		}
	}
	if factual, ok := made.(pipeline.Factual); ok {
		o.Facts = factual.Facts()
	}
	for _, option := range f.segmenterOptions {
		key, value, _ := strings.Cut(option, "=")
		o.Facts = append(o.Facts, pipeline.Fact{Name: "segmenter." + key, Value: value, Origin: "command line"})
	}
	o.Foregrounds = compose.FromSilhouettes(made)
	if closer, ok := made.(io.Closer); ok {
		return closer.Close, nil
	}
	return nothing, nil
}

// plainProgress writes a line every ten seconds.
func plainProgress(w io.Writer) func(step string, done, total int) {
	var current string
	var began, printed time.Time
	return func(step string, done, total int) {
		now := time.Now()
		if step != current {
			current, began, printed = step, now, now
		}
		if now.Sub(printed) < plainInterval {
			return
		}
		printed = now
		fmt.Fprintf(w, "%s: %d/%d images, %.1f images/s\n", step, done, total, float64(done)/now.Sub(began).Seconds())
	}
}

// composed sums up what was made.
func (a *app) composed(r compose.Report, f composeFlags) error {
	g := grid{header: []string{"class", "images", "composed", "left out"}, numeric: map[int]bool{1: true, 2: true, 3: true}}
	row := func(name string, images, composed int) {
		g.rows = append(g.rows, []string{name, strconv.Itoa(images), strconv.Itoa(composed), strconv.Itoa(images - composed)})
	}
	for _, class := range r.Classes {
		row(class.Class, class.Images, class.Composed)
	}
	n := r.Counts
	row("all", n.Images, n.Composed)
	if err := a.write(g, r); err != nil {
		return err
	}
	if n.Outside > 0 {
		a.notes([]string{fmt.Sprintf("%d images are of classes that ImageNet-9 does not have", n.Outside)})
	}
	leftOut := filepath.Join(f.out, compose.LeftOutFile)
	if n.LeftOut() > 0 {
		a.notes([]string{fmt.Sprintf("%d images are left out: %d cannot be read, %d have no foreground within the limits, %d are alone in their class, %d have no name of their own; %s has the reasons",
			n.LeftOut(), n.Unreadable, n.NoForeground, n.NoPartner, n.NoName, leftOut)})
	}
	fmt.Fprintf(a.stderr, "%s: %d images in each of %s\n", f.out, n.Composed, strings.Join(r.Variants, ", "))
	if float64(n.Unreadable) > f.maxBadFraction*float64(n.Images) {
		return &codedError{exitBadSamples, fmt.Errorf("%d of %d images cannot be read, more than --max-bad-fraction allows; %s lists them", n.Unreadable, n.Images, leftOut)}
	}
	return nil
}
