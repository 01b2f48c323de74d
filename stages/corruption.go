package stages

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"quba/internal/corruption"
	"quba/internal/imaging"
	"quba/pipeline"
	"quba/pipeline/registry"
)

func init() {
	registry.Register(Stages, "corruption", "The corruptions of ImageNet-C: one image for each kind and severity.",
		corruptionConfig{
			Kinds: []string{corruption.SetBenchmark}, Severities: []int{1, 2, 3, 4, 5},
			Variant: "imagenet-c", Storage: "jpeg85", Resize: 256, Crop: 224,
		}, newCorruption)
}

type corruptionConfig struct {
	Kinds      []string `koanf:"kinds" alone:"true" jsonschema:"minItems=1,uniqueItems=true" jsonschema_description:"Names of corruptions such as fog, or imagenet-c for the benchmark's 15, extra for the other 4, all for the 19."`
	Severities []int    `koanf:"severities" alone:"true" jsonschema:"minItems=1,uniqueItems=true,minimum=1,maximum=5" jsonschema_description:"1 is the weakest, 5 the strongest."`
	Variant    string   `koanf:"variant" jsonschema:"enum=imagenet-c,enum=imagecorruptions" jsonschema_description:"Whose code to follow where they differ: that of the published benchmark or that of the Python package imagecorruptions."`
	Storage    string   `koanf:"storage" jsonschema:"enum=jpeg85,enum=none" jsonschema_description:"jpeg85: images go through JPEG of quality 85 as the published ones did; none: they do not, and accuracies are not comparable with published ones."`
	FrostDir   string   `koanf:"frost_dir" path:"dir" env:"true" jsonschema_description:"Folder with the original frost1.png to frost3.png, frost4.jpg and frost5.jpg; without it, frost is made by a procedure and called frost_procedural."`
	Resize     int      `koanf:"resize" jsonschema:"minimum=1,maximum=16384" jsonschema_description:"Length of the shorter side before the crop (bilinear)."`
	Crop       int      `koanf:"crop" jsonschema:"minimum=0,maximum=16384" jsonschema_description:"Side of the centre crop that is corrupted; 0 corrupts images of any size as they are, without resize and crop."`
}

// Validate checks what tags cannot say.
func (c *corruptionConfig) Validate() error {
	var problems []error
	for i, name := range c.Kinds {
		if err := corruption.CheckSelection(name); err != nil {
			problems = append(problems, &registry.FieldError{Field: itemOf("kinds", i), Err: err})
		}
	}
	problems = append(problems, checkCrop(c.Resize, c.Crop))
	hasFrost := slices.ContainsFunc(corruption.Select(c.Kinds), func(k corruption.Corruption) bool { return k.Name == frostName })
	if c.FrostDir != "" && !hasFrost && len(problems) == 1 {
		problems = append(problems, registry.Fieldf("frost_dir", "has no effect without frost among the kinds"))
	}
	return errors.Join(problems...)
}

// corruptions makes the corrupted versions of an image; the image is resized
// and cropped once for all of them.
type corruptions struct {
	kinds      []corruption.Corruption
	severities []int
	options    corruption.Options
	jpeg       bool
	frostDir   string
	crop       imaging.Transform
	cropped    bool // whether there is a crop
}

var (
	_ pipeline.Stage      = (*corruptions)(nil)
	_ pipeline.Opener     = (*corruptions)(nil)
	_ pipeline.Multiplier = (*corruptions)(nil)
	_ pipeline.Noter      = (*corruptions)(nil)
)

func newCorruption(c corruptionConfig) (pipeline.Stage, error) {
	s := &corruptions{
		kinds: corruption.Select(c.Kinds), severities: c.Severities, jpeg: c.Storage == "jpeg85",
		frostDir: c.FrostDir, crop: shorterSide(c.Resize, c.Crop, imaging.Bilinear), cropped: c.Crop > 0,
	}
	if c.Variant == "imagecorruptions" {
		s.options.Variant = corruption.ImageCorruptions
	}
	return s, nil
}

// Open reads the frost textures.
func (c *corruptions) Open(context.Context, *pipeline.Run) (err error) {
	if c.frostDir != "" {
		c.options.Frost, err = corruption.LoadFrost(c.frostDir)
	}
	return err
}

// Notes are where the images differ from those of the benchmark.
func (c *corruptions) Notes() []string {
	var notes []string
	if !c.jpeg {
		notes = append(notes, "corrupted images are not stored as JPEG, as those of ImageNet-C are")
	}
	if c.options.Variant == corruption.ImageCorruptions {
		notes = append(notes, "corruptions are those of imagecorruptions, not of ImageNet-C")
	}
	if !c.cropped {
		notes = append(notes, "corruptions are made at the images' own sizes, those of ImageNet-C after a crop")
	}
	return notes
}

// Variants is the number of kinds times severities.
func (c *corruptions) Variants() int { return len(c.kinds) * len(c.severities) }

// Apply makes all kinds and severities, in this order. An image that one of
// them cannot be done to is left out of all.
func (c *corruptions) Apply(ctx context.Context, s pipeline.Sample) ([]pipeline.Sample, error) {
	s, err := c.prepare(s)
	if err != nil {
		return nil, pipeline.Unusable("%w", err)
	}
	out := make([]pipeline.Sample, 0, c.Variants())
	for _, kind := range c.kinds {
		for _, severity := range c.severities {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			corrupted, err := c.corrupt(kind, severity, s)
			if err != nil {
				return nil, pipeline.Unusable("%w", err)
			}
			out = append(out, corrupted)
		}
	}
	return out, nil
}

// prepare resizes and crops, unless a stage before has done so.
func (c *corruptions) prepare(s pipeline.Sample) (pipeline.Sample, error) {
	if !c.cropped || s.Whole {
		return s, nil
	}
	image, err := c.crop.Apply(s.Image)
	if err != nil {
		return s, err
	}
	s = s.With(image, s.Variant)
	s.Whole = true
	return s, nil
}

func (c *corruptions) corrupt(kind corruption.Corruption, severity int, s pipeline.Sample) (pipeline.Sample, error) {
	draws := corruption.NewDraws(s.Rand(fmt.Sprintf("corruption %s %d", kind.Name, severity)))
	image, err := kind.Corrupt(s.Image, severity, draws, c.options)
	if err != nil {
		return s, err
	}
	if c.jpeg {
		if err := corruption.StoreJPEG(image, image, corruption.StorageQuality); err != nil {
			return s, err
		}
	}
	return s.With(image, s.Variant.Then(c.nameOf(kind), int32(severity))), nil
}

const frostName = "frost"

// nameOf tells procedural frost, which is no part of the benchmark, from the
// original.
func (c *corruptions) nameOf(kind corruption.Corruption) string {
	if kind.Name == frostName && c.frostDir == "" {
		return "frost_procedural"
	}
	return kind.Name
}
