// Package compose makes a data set like ImageNet-9 (Xiao et al. 2021, "Noise or
// Signal: The Role of Image Backgrounds in Object Recognition") from images and
// foregrounds of one's own.
//
// The steps and limits are those of the script that the authors published,
// with two differences: an image is resized and cropped before it is composed,
// and its background never comes from the image itself.
package compose

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"quba/internal/imaging"
	"quba/pipeline"
)

// Foregrounds finds the foregrounds of images. It is safe for concurrent use.
type Foregrounds interface {
	// Find says of each pixel, row by row, whether it is foreground. The image
	// is the whole one, as decoded, and the ID its slash path in the data set.
	// An error made with pipeline.Unusable concerns this image alone.
	Find(ctx context.Context, id string, m *imaging.Image) ([]bool, error)
}

// The variants that are made.
const (
	MixedSame = "mixed_same" // the foreground on the background of another image of its class
	MixedRand = "mixed_rand" // the foreground on the background of another image of any class
	OnlyFG    = "only_fg"    // the foreground on black
	NoFG      = "no_fg"      // the image with its foreground black
	OnlyBGT   = "only_bg_t"  // the image with the box of its foreground tiled with background
)

// Options say what is composed of what.
type Options struct {
	// Images has class folders, which are the first part of an image's ID:
	// wnids, or the nine folders of ImageNet-9.
	Images      pipeline.Source
	Foregrounds Foregrounds
	// From says in a word where foregrounds come from, and Facts identify them.
	From  string
	Facts []pipeline.Fact
	Seed  uint64
	// Workers is how many images are worked on at once, at least 1.
	Workers int
	// MaxPixels is that of imaging.Options.
	MaxPixels int64
	// Out is the folder that is made. It must not exist or be empty;
	// with Overwrite it may also hold what was composed earlier.
	Out       string
	Overwrite bool
	// Progress, if not nil, is called from one goroutine after each image.
	Progress func(step string, done, total int)
}

// composer is one run.
type composer struct {
	Options
	folder *folder
	images []*image9
	report Report
}

// Compose writes VARIANT/val/CLASS/NAME.png, a manifest, the list of what was
// left out, and the report that it returns. The files are the same for the
// same images, foregrounds and seed, whatever the number of workers.
//
// An image that cannot be used is left out and listed. Errors are of the data
// set or the foregrounds (pipeline.DataError), of Out (pipeline.UsageError), of
// the machine (pipeline.MachineFault), or ctx's; Out is then as it was.
func Compose(ctx context.Context, o Options) (Report, error) {
	c := &composer{Options: o}
	if err := c.list(ctx); err != nil {
		return Report{}, err
	}
	var err error
	if c.folder, err = openFolder(o.Out, o.Overwrite); err != nil {
		return Report{}, err
	}
	defer c.folder.Close()
	if err := c.cutAll(ctx); err != nil {
		return Report{}, err
	}
	if err := c.dropLonely(); err != nil {
		return Report{}, err
	}
	c.drawBackgrounds()
	if err := c.mixAll(ctx); err != nil {
		return Report{}, err
	}
	if err := c.publish(); err != nil {
		return Report{}, err
	}
	return c.report, nil
}

// cutAll reads every image and writes what needs no other image.
func (c *composer) cutAll(ctx context.Context) error {
	images := slices.DeleteFunc(slices.Clone(c.images), (*image9).leftOut)
	return inParallel(ctx, c.Workers, len(images), func(ctx context.Context, i int) error {
		m := images[i]
		err := c.cut(ctx, m)
		var unfit *unfitError
		if errors.As(err, &unfit) {
			m.outcome, m.reason = unfit.outcome, unfit.reason
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: %w", m.sample.Path, err)
		}
		return nil
	}, c.progress("cutting out"))
}

// mixAll writes what needs two images.
func (c *composer) mixAll(ctx context.Context) error {
	images := c.composed()
	return inParallel(ctx, c.Workers, len(images), func(_ context.Context, i int) error {
		if err := c.mix(images[i]); err != nil {
			return fmt.Errorf("%s: %w", images[i].sample.Path, err)
		}
		return nil
	}, c.progress("mixing"))
}

func (c *composer) progress(step string) func(done, total int) {
	if c.Progress == nil {
		return func(int, int) {}
	}
	return func(done, total int) { c.Progress(step, done, total) }
}

// cut writes only_fg, no_fg and only_bg_t of an image and keeps its mask.
func (c *composer) cut(ctx context.Context, m *image9) error {
	picture, err := c.read(m.sample)
	if err != nil {
		return err
	}
	foreground, err := c.Foregrounds.Find(ctx, m.sample.ID, picture)
	switch {
	case errors.Is(err, pipeline.ErrUnusable):
		return unfit(noForeground, "%w", err)
	case err != nil:
		return &pipeline.DataError{Err: err}
	}
	part, err := crop(picture, foreground)
	if err != nil {
		return err
	}
	if err := part.check(); err != nil {
		return err
	}
	return errors.Join(
		c.folder.writeMask(m, part.mask),
		c.folder.write(OnlyFG, m, part.onlyForeground()),
		c.folder.write(NoFG, m, part.noForeground()),
		c.folder.write(OnlyBGT, m, part.tiled()),
	)
}

// read decodes an image.
func (c *composer) read(s pipeline.Sample) (*imaging.Image, error) {
	var data bytes.Buffer
	err := s.Read(&data)
	if pipeline.MachineFault(err) {
		return nil, err
	}
	if err != nil {
		return nil, unfit(unreadable, "%w", err)
	}
	picture, _, err := imaging.Decode(data.Bytes(), imaging.Options{MaxPixels: c.MaxPixels})
	if err != nil {
		return nil, unfit(unreadable, "%w", err)
	}
	return picture, nil
}

// mix writes mixed_same and mixed_rand of an image.
func (c *composer) mix(m *image9) error {
	foreground, err := c.folder.read(OnlyFG, m)
	if err != nil {
		return err
	}
	inside, err := c.folder.readMask(m)
	if err != nil {
		return err
	}
	for _, on := range []struct {
		variant    string
		background *image9
	}{{MixedSame, m.same}, {MixedRand, m.rand}} {
		background, err := c.folder.read(OnlyBGT, on.background)
		if err != nil {
			return err
		}
		paste(background, foreground, inside)
		if err := c.folder.write(on.variant, m, background); err != nil {
			return err
		}
	}
	return nil
}
