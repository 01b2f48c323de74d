package stages

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"quba/internal/imaging"
	"quba/internal/onnxfile"
	"quba/pipeline"
	"quba/pipeline/registry"
)

func init() {
	registry.Register(Stages, "silhouette", "A black object on white, from masks, a segmentation network or a uniform background.",
		silhouetteConfig{
			Tolerance: 32, Uniform: 0.95,
			Segmenter: networkConfig{
				Size: 320, Scale: "1/255", Mean: [3]float64{0.485, 0.456, 0.406}, Std: [3]float64{0.229, 0.224, 0.225},
				Limits: OnnxProbe{Timeout: time.Minute, MemoryMB: 4096, Remember: true},
			},
		}, newSilhouette)
}

// maskExtension is that of the files in a mask folder.
const maskExtension = ".png"

type silhouetteConfig struct {
	Masks     string        `koanf:"masks" path:"dir" env:"true" jsonschema_description:"Folder with the masks, white objects on black: the image's path in its data set with the ending .png. Without masks and segmenter, the object is what differs from a uniform background, and images without one are unusable."`
	Tolerance int           `koanf:"tolerance" jsonschema:"minimum=1,maximum=255" jsonschema_description:"On a uniform background: by how many of 256 levels each channel of the background may differ from its median."`
	Uniform   float64       `koanf:"uniform" jsonschema:"exclusiveMinimum=0.5,maximum=1" jsonschema_description:"On a uniform background: the part of the image's border that must be background."`
	Segmenter networkConfig `koanf:"segmenter" jsonschema_description:"A network that finds the object: an output of one channel is its probability; of several, the largest is the pixel's class and the first is background."`
}

// Validate checks what tags cannot say.
func (c *silhouetteConfig) Validate() error {
	if c.Masks != "" && c.Segmenter.Path != "" {
		return registry.Fieldf("segmenter.path", "must not stand beside masks")
	}
	return c.Segmenter.validate("segmenter")
}

// silhouette paints the object black and the rest white.
type silhouette struct {
	config  silhouetteConfig
	network *imageNetwork // nil without a segmenter
	facts   []pipeline.Fact
}

var (
	_ pipeline.Stage      = (*silhouette)(nil)
	_ pipeline.Opener     = (*silhouette)(nil)
	_ pipeline.Factual    = (*silhouette)(nil)
	_ pipeline.Multiplier = (*silhouette)(nil)
)

func newSilhouette(c silhouetteConfig) (pipeline.Stage, error) { return &silhouette{config: c}, nil }

// Open lists the masks, or loads the segmenter.
func (c *silhouette) Open(ctx context.Context, run *pipeline.Run) error {
	if c.config.Masks != "" {
		masks, err := listFolder(ctx, c.config.Masks, []string{maskExtension})
		if err != nil {
			return fmt.Errorf("masks: %w", err)
		}
		c.facts = []pipeline.Fact{folderFact("masks", masks)}
	}
	if c.config.Segmenter.Path == "" {
		return nil
	}
	network, err := openNetwork(ctx, run, c.config.Segmenter, func(file *onnxfile.File) ([]imageInput, error) {
		return soleInput(file, c.config.Segmenter.Size)
	})
	if err != nil {
		return err
	}
	c.network, c.facts = network, network.facts("segmenter")
	return nil
}

// Facts identify the masks or the segmenter.
func (c *silhouette) Facts() []pipeline.Fact { return c.facts }

// Close frees the segmenter.
func (c *silhouette) Close() error { return c.network.close() }

// Apply calls what it found without a mask silhouette_generated.
func (c *silhouette) Apply(ctx context.Context, s pipeline.Sample) ([]pipeline.Sample, error) {
	name := "silhouette_generated"
	if c.config.Masks != "" {
		name = "silhouette"
	}
	object, err := c.find(ctx, s)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(object, true) {
		return nil, pipeline.Unusable("no object was found")
	}
	grey := make([]byte, len(object))
	for i, inside := range object {
		if !inside {
			grey[i] = 255
		}
	}
	return []pipeline.Sample{s.With(greyImage(s.Image.W, s.Image.H, grey), s.Variant.Then(name, 0))}, nil
}

// Variants is one.
func (c *silhouette) Variants() int { return 1 }

// find says for each pixel whether it is the object's.
func (c *silhouette) find(ctx context.Context, s pipeline.Sample) ([]bool, error) {
	switch {
	case c.config.Masks != "":
		return c.fromMask(s)
	case c.config.Segmenter.Path == "":
		return c.generate(s)
	case c.network == nil:
		return nil, errors.New("silhouette must be opened before it is applied")
	}
	return segment(ctx, c.network, s.Image)
}

// fromMask says for each pixel whether it is the object's.
func (c *silhouette) fromMask(s pipeline.Sample) ([]bool, error) {
	mask, err := c.readMask(s.ID)
	if pipeline.MachineFault(err) {
		return nil, err
	}
	if err != nil {
		return nil, pipeline.Unusable("mask: %w", err)
	}
	if !fits(mask, s) {
		return nil, pipeline.Unusable("the mask has %dx%d pixels and does not fit the image of %dx%d; a mask is of the whole image, before it is cropped or rotated", mask.W, mask.H, s.Image.W, s.Image.H)
	}
	if mask.W != s.Image.W || mask.H != s.Image.H {
		mask = imaging.Resize(mask, s.Image.W, s.Image.H, imaging.Nearest)
	}
	return bright(mask), nil
}

// bright says which pixels are nearer to white than to black.
func bright(mask *imaging.Image) []bool {
	object := make([]bool, mask.W*mask.H)
	for i, v := range greyOf(mask).v {
		object[i] = v >= 0.5
	}
	return object
}

// fits says whether a mask is of the whole image, perhaps at another size.
func fits(mask *imaging.Image, s pipeline.Sample) bool {
	w, h := s.Image.W, s.Image.H
	if mask.W == w && mask.H == h {
		return true
	}
	// Each side may be rounded by one pixel.
	return !s.Whole && max(mask.W*h-w*mask.H, w*mask.H-mask.W*h) <= max(w, h, mask.W, mask.H)
}

// readMask reads from inside the folder alone, whatever the ID is.
func (c *silhouette) readMask(id string) (*imaging.Image, error) {
	root, err := os.OpenRoot(c.config.Masks)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	data, err := root.ReadFile(strings.TrimSuffix(id, path.Ext(id)) + maskExtension)
	if err != nil {
		return nil, err
	}
	mask, _, err := imaging.Decode(data, imaging.Options{})
	return mask, err
}
