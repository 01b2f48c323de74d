package stages

import (
	"context"

	"quba/internal/imaging"
	"quba/pipeline"
	"quba/pipeline/registry"
)

func init() {
	registry.Register(Stages, "resize_crop", "Resize of the shorter side and centre crop, in place of the models' own; no perturbation.",
		resizeCropConfig{Resize: 256, Crop: 224, Filter: "bilinear", Whole: true}, newResizeCrop)
}

type resizeCropConfig struct {
	Resize int    `koanf:"resize" jsonschema:"minimum=1,maximum=16384" jsonschema_description:"Length of the shorter side after the resize."`
	Crop   int    `koanf:"crop" jsonschema:"minimum=0,maximum=16384" jsonschema_description:"Side of the square that is cut out of the middle; 0 crops nothing."`
	Filter string `koanf:"filter" jsonschema:"enum=nearest,enum=box,enum=bilinear,enum=hamming,enum=bicubic,enum=lanczos" jsonschema_description:"Filter of the resize, as in Pillow."`
	Whole  bool   `koanf:"whole" jsonschema_description:"The models see the whole result, resized to their input where the size differs; otherwise their own resize and crop follow."`
}

func (c *resizeCropConfig) Validate() error { return checkCrop(c.Resize, c.Crop) }

func checkCrop(resize, crop int) error {
	if crop > resize {
		return registry.Fieldf("crop", "must be at most resize (%d), got %d", resize, crop)
	}
	return nil
}

// resizeCrop prepares images for stages that work at the size that models see.
type resizeCrop struct {
	transform imaging.Transform
	whole     bool
}

var (
	_ pipeline.Stage      = (*resizeCrop)(nil)
	_ pipeline.Multiplier = (*resizeCrop)(nil)
)

func newResizeCrop(c resizeCropConfig) (pipeline.Stage, error) {
	filter, err := imaging.ParseFilter(c.Filter)
	if err != nil {
		return nil, &registry.FieldError{Field: "filter", Err: err}
	}
	return &resizeCrop{transform: shorterSide(c.Resize, c.Crop, filter), whole: c.Whole}, nil
}

func shorterSide(resize, crop int, filter imaging.Filter) imaging.Transform {
	return imaging.Transform{
		Mode: imaging.ResizeShorter, ResizeH: resize, Filter: filter, CropW: crop, CropH: crop,
	}
}

func (r *resizeCrop) Apply(_ context.Context, s pipeline.Sample) ([]pipeline.Sample, error) {
	image, err := r.transform.Apply(s.Image)
	if err != nil {
		return nil, pipeline.Unusable("%w", err)
	}
	s = s.With(image, s.Variant)
	s.Whole = s.Whole || r.whole
	return []pipeline.Sample{s}, nil
}

// Variants is one.
func (r *resizeCrop) Variants() int { return 1 }
