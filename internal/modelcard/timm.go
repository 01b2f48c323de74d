package modelcard

import (
	"fmt"
	"math"

	"quba/internal/imaging"
)

// timm's defaults (timm/data/config.py, constants.py); they hold because
// pretrained_cfg leaves out what is equal to them.
var (
	timmMean = [3]float64{0.485, 0.456, 0.406}
	timmStd  = [3]float64{0.229, 0.224, 0.225}
)

const timmCropPct = 0.875

// readTimm reads pretrained_cfg of timm's config.json as
// transforms_imagenet_eval does.
func readTimm(config *object, graph Card, card *Card) {
	o := config.child("pretrained_cfg")
	card.Mean, card.Std = From(timmMean, o.origin), From(timmStd, o.origin)
	mean, ok := o.triple("mean")
	set(&card.Mean, o, mean, ok)
	readStd(o, "std", card)
	card.Scale, card.Color = From(PixelScale, o.origin), From(RGB, o.origin)
	card.Filter = From(imaging.Bicubic, o.origin)
	if name, ok := o.text("interpolation"); ok {
		filter, err := imaging.ParseFilter(name)
		if err != nil {
			o.problem("interpolation", "%s", err)
		}
		set(&card.Filter, o, filter, err == nil)
	}
	readTimmGeometry(o, graph, card)
	readTimmClasses(o, graph, card)
}

func readTimmGeometry(o *object, graph Card, card *Card) {
	size, pct := timmSize(o, graph)
	scaled := Size{W: floorDiv(size.W, pct), H: floorDiv(size.H, pct)}
	if scaled.W > maxSide || scaled.H > maxSide || scaled.W < 1 || scaled.H < 1 {
		o.problem("crop_pct", "must resize to 1..%d, resizes to %s", maxSide, scaled)
		return
	}
	mode, ok := o.text("crop_mode")
	if !ok {
		mode = "center"
	}
	resize := Resize{Mode: imaging.ResizeExact, W: scaled.W, H: scaled.H}
	switch {
	case mode == "squash":
	case mode != "center" && mode != "border":
		o.problem("crop_mode", "must be center, squash or border, got %q", mode)
		return
	case scaled.W != scaled.H:
		o.problem("input_size", "must be square with crop_mode %s, is %s", mode, size)
		return
	case mode == "center":
		resize = Resize{Mode: imaging.ResizeShorter, H: scaled.H}
	default:
		resize = Resize{Mode: imaging.ResizeLonger, H: scaled.H}
		card.PadColor = From(padColor(card.Mean.Value), o.origin)
	}
	card.Resize, card.Crop = From(resize, o.origin), From(size, o.origin)
}

// padColor is what timm pads with: round(255 * mean), halves to even.
func padColor(mean [3]float64) [3]uint8 {
	var c [3]uint8
	for i, m := range mean {
		c[i] = uint8(min(max(math.RoundToEven(255*m), 0), 255))
	}
	return c
}

// timmSize chooses between the training and the test size: the one that the
// graph has fixed, else the test size, which timm validates with.
func timmSize(o *object, graph Card) (Size, float64) {
	size, pct := Size{224, 224}, timmCropPct
	if s, ok := timmInputSize(o, "input_size"); ok {
		size = s
	}
	if p, ok := o.positive("crop_pct"); ok {
		pct = p
	}
	test, ok := timmInputSize(o, "test_input_size")
	if ok && graph.InputSize.Known() && graph.InputSize.Value == size && test != size {
		return size, pct
	}
	if ok {
		size = test
	}
	if p, ok := o.positive("test_crop_pct"); ok {
		pct = p
	}
	return size, pct
}

// timmInputSize reads [3, height, width].
func timmInputSize(o *object, key string) (Size, bool) {
	if !o.has(key) {
		return Size{}, false
	}
	list, _ := o.values[key].([]any)
	if len(list) != 3 {
		o.problem(key, "must be [3, height, width], got %s", describe(o.values[key]))
		return Size{}, false
	}
	if channels, ok := number(list[0]); !ok || channels != 3 {
		o.problem(key, "must have 3 channels, got %s", describe(list[0]))
		return Size{}, false
	}
	part := &object{origin: o.origin, path: o.path, problems: o.problems, values: map[string]any{key: list[1:]}}
	return part.size(key)
}

// readTimmClasses follows timm's infer_imagenet_subset: 1000 classes are
// those of ImageNet-1k. A label_offset counts classes before them.
func readTimmClasses(o *object, graph Card, card *Card) {
	offset, _ := o.whole("label_offset", 0, 1)
	n, ok := o.whole("num_classes", 1, 1<<24)
	if !ok {
		n = 1000
	}
	if graph.Classes.Known() {
		n = int64(graph.Classes.Value)
	}
	origin := fmt.Sprintf("%s (timm, %d classes)", o.origin, n)
	switch {
	case n == 1000:
		card.ClassOrder.fill(From(ImageNet, origin))
	case n == 1001 && offset == 1:
		card.ClassOrder.fill(From(ImageNetBackground, origin))
	}
}
