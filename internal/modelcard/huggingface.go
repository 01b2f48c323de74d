package modelcard

import (
	"math"
	"strings"

	"quba/internal/imaging"
)

// resampleFilters maps the numbers of PIL.Image.Resampling.
var resampleFilters = []imaging.Filter{
	0: imaging.Nearest, 1: imaging.Lanczos, 2: imaging.Bilinear, 3: imaging.Bicubic, 4: imaging.Box, 5: imaging.Hamming,
}

// readPreprocessor reads Hugging Face's preprocessor_config.json. Keys that
// name code (auto_map) are never followed.
func readPreprocessor(o *object) (Card, error) {
	var card Card
	p := preprocessor{object: o, card: &card}
	p.class, _ = o.text("image_processor_type")
	if p.class == "" {
		p.class, _ = o.text("feature_extractor_type")
	}
	p.refuseOthers()
	p.readGeometry()
	p.readNumbers()
	card.Color = From(RGB, o.origin)
	if flip, _ := o.boolean("do_flip_channel_order"); flip {
		card.Color.Value = BGR
	}
	return card, o.err()
}

// preprocessor is a preprocessor_config.json on its way to a card.
type preprocessor struct {
	*object
	card  *Card
	class string
}

// is says whether the processor is of a model family, in the old or the new
// naming: ConvNextImageProcessor, ConvNextFeatureExtractor, ...Fast.
func (p preprocessor) is(families ...string) bool {
	for _, family := range families {
		if strings.HasPrefix(strings.ToLower(p.class), family) {
			return true
		}
	}
	return false
}

// refuseOthers names what changes the pixels in ways that are not offered.
func (p preprocessor) refuseOthers() {
	for _, key := range []string{"do_pad", "do_thumbnail", "do_align_long_axis", "rescale_offset"} {
		if on, _ := p.boolean(key); on {
			p.problem(key, "must not be true: this step is not supported; write a side-car if it has no effect")
		}
	}
	if on, _ := p.boolean("include_top"); on && p.is("efficientnet") {
		p.problem("include_top", "must not be true: it normalises twice, which is not supported; write a side-car with mean and std as they act together")
	}
	if p.is("perceiver") {
		p.problem("image_processor_type", "%s crops before it resizes, which is not supported", p.class)
	}
}

// enabled reads a do_* switch; absent ones are on when what they need is there.
func (p preprocessor) enabled(key string, needs ...string) (on, known bool) {
	if on, ok := p.boolean(key); ok {
		return on, true
	}
	for _, need := range needs {
		if p.has(need) {
			return true, true
		}
	}
	return false, false
}

func (p preprocessor) readGeometry() {
	crop, known := p.enabled("do_center_crop", "crop_size")
	if known && !crop {
		set(&p.card.Crop, p.object, Size{}, true)
	}
	if known && crop {
		size, ok := p.sides("crop_size")
		set(&p.card.Crop, p.object, size, ok)
	}
	resize, known := p.enabled("do_resize", "size")
	if known && !resize {
		set(&p.card.Resize, p.object, Resize{}, true)
	}
	if known && resize {
		p.readResize()
	}
	if n, ok := p.whole("resample", 0, int64(len(resampleFilters)-1)); ok {
		set(&p.card.Filter, p.object, resampleFilters[n], true)
	}
	// A processor without the switch never crops, unless it is a kind whose
	// crop depends on its size.
	if !p.card.Crop.Known() && p.card.Resize.Value.Mode == imaging.ResizeExact && !p.has("do_center_crop") {
		set(&p.card.Crop, p.object, Size{}, true)
	}
}

// readResize reads size: {height, width} makes exactly that, {shortest_edge}
// keeps the aspect, and a plain number means what the family takes it for.
func (p preprocessor) readResize() {
	if _, ok := p.values["size"].(map[string]any); !ok {
		p.readPlainSize()
		return
	}
	size := p.child("size")
	if size.has("shortest_edge") && !size.has("longest_edge") {
		edge, ok := size.whole("shortest_edge", 1, maxSide)
		p.resizeShorter(int(edge), ok)
		return
	}
	h, okH := size.whole("height", 1, maxSide)
	w, okW := size.whole("width", 1, maxSide)
	if !okH || !okW {
		p.problem("size", "must hold height and width, or shortest_edge alone, got %s", describe(size.values))
		return
	}
	set(&p.card.Resize, p.object, Resize{Mode: imaging.ResizeExact, W: int(w), H: int(h)}, true)
}

func (p preprocessor) readPlainSize() {
	edge, ok := p.whole("size", 1, maxSide)
	switch {
	case !ok:
	case p.is("vit", "deit", "beit"):
		set(&p.card.Resize, p.object, Resize{Mode: imaging.ResizeExact, W: int(edge), H: int(edge)}, true)
	case p.is("clip", "convnext", "levit", "poolformer", "bit"):
		p.resizeShorter(int(edge), true)
	default:
		p.problem("size", "must be {height, width} or {shortest_edge}: what the number %d means for %q is not known; write a side-car", edge, p.class)
	}
}

// resizeShorter applies the rules of the families that change the edge.
func (p preprocessor) resizeShorter(edge int, ok bool) {
	if !ok {
		return
	}
	cropPct, hasPct := p.positive("crop_pct")
	switch {
	case p.is("levit"):
		edge = int(256.0 / 224.0 * float64(edge))
	case p.is("convnext") && edge >= 384:
		p.square(edge)
		return
	case p.is("convnext"):
		if !hasPct {
			cropPct = 224.0 / 256
		}
		set(&p.card.Crop, p.object, Size{edge, edge}, true)
		edge = int(float64(edge) / cropPct)
	case hasPct:
		edge = int(float64(edge) / cropPct)
	}
	if edge > maxSide {
		p.problem("size", "must resize to %d at most, got %d", maxSide, edge)
		return
	}
	set(&p.card.Resize, p.object, Resize{Mode: imaging.ResizeShorter, H: edge}, true)
}

// square is the warp of large ConvNeXTs: no crop.
func (p preprocessor) square(edge int) {
	set(&p.card.Resize, p.object, Resize{Mode: imaging.ResizeExact, W: edge, H: edge}, true)
	set(&p.card.Crop, p.object, Size{}, true)
}

// sides reads a number or {height, width}.
func (p preprocessor) sides(key string) (Size, bool) {
	if _, ok := p.values[key].(map[string]any); !ok {
		side, ok := p.whole(key, 1, maxSide)
		return Size{int(side), int(side)}, ok
	}
	c := p.child(key)
	h, okH := c.whole("height", 1, maxSide)
	w, okW := c.whole("width", 1, maxSide)
	if !okH || !okW {
		p.problem(key, "must be a number or hold height and width, got %s", describe(c.values))
	}
	return Size{int(w), int(h)}, okH && okW
}

func (p preprocessor) readNumbers() {
	normalize, known := p.enabled("do_normalize", "image_mean")
	switch {
	case known && normalize:
		mean, ok := p.triple("image_mean")
		set(&p.card.Mean, p.object, mean, ok)
		readStd(p.object, "image_std", p.card)
	case known:
		set(&p.card.Mean, p.object, [3]float64{}, true)
		set(&p.card.Std, p.object, [3]float64{1, 1, 1}, true)
	}
	rescale, known := p.enabled("do_rescale", "rescale_factor")
	switch {
	case known && !rescale:
		set(&p.card.Scale, p.object, 1, true)
	case p.has("rescale_factor"):
		factor, ok := p.positive("rescale_factor")
		set(&p.card.Scale, p.object, snapScale(factor), ok)
	case known || normalize:
		// Feature extractors of old versions have no switch: they convert
		// pixels to [0, 1] before they normalise.
		set(&p.card.Scale, p.object, PixelScale, true)
	}
}

// readConfig reads Hugging Face's config.json: class names, and the settings
// that timm adds to it.
func readConfig(o *object, graph Card) (Card, error) {
	var card Card
	classNames := map[string]string{}
	for index, name := range o.child("id2label").values {
		if text, ok := name.(string); ok {
			classNames[index] = text
		}
	}
	card.setNames(classNames, o.origin)
	if o.has("pretrained_cfg") {
		readTimm(o, graph, &card)
	}
	if text, ok := o.text("architecture"); ok {
		card.Labels = map[string]string{"architecture": text}
	}
	return card, o.err()
}

// floorDiv is floor(size / pct), as timm computes it.
func floorDiv(size int, pct float64) int { return int(math.Floor(float64(size) / pct)) }
