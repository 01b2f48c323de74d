package modelcard

import (
	"path/filepath"
	"strings"

	"quba/internal/imaging"
	"quba/internal/onnxfile"
	"quba/pipeline/registry"
)

// sideCarNames are the files that may stand beside a model, first things
// first.
func sideCarNames(modelPath string) []string {
	base := strings.TrimSuffix(modelPath, filepath.Ext(modelPath))
	var paths []string
	for _, stem := range []string{base + ".pipeline", base} {
		for _, ext := range []string{".yaml", ".yml", ".json"} {
			paths = append(paths, stem+ext)
		}
	}
	return paths
}

// structural are the keys of a side-car that have a meaning; other scalars
// are labels.
var structural = []string{"input", "output", "preprocess", "class_order", "classes", "params", "sha256"}

// readSideCar reads our own format. sha256 is that of the model file.
func readSideCar(o *object, sha256 string) (Card, error) {
	var card Card
	readPreprocess(o.child("preprocess"), &card)
	readInput(o.child("input"), &card)
	readOutput(o.child("output"), &card)
	readClassOrder(o, &card)
	classes, ok := o.whole("classes", 2, 1<<24)
	set(&card.Classes, o, int(classes), ok)
	params, ok := o.whole("params", 0, 1<<50)
	set(&card.Parameters, o, params, ok)
	if want, ok := o.text("sha256"); ok && !strings.EqualFold(want, sha256) {
		o.problem("sha256", "must be that of the model file: it is written as %s, the file has %s; the side-car belongs to another file", want, sha256)
	}
	card.Labels = readLabels(o)
	return card, o.err()
}

// readLabels keeps the other scalars. A mapping whose key is nearly a known
// one is a slip, not a label.
func readLabels(o *object) map[string]string {
	labels := map[string]string{}
	known := map[string]bool{}
	for _, key := range structural {
		known[key] = true
	}
	for _, key := range sortedKeys(o.values) {
		if known[key] {
			continue
		}
		if text, ok := scalar(o.values[key]); ok {
			labels[key] = text
			continue
		}
		if guess := registry.Nearest(key, structural); guess != "" && o.has(key) {
			o.problem(key, "unknown key; did you mean %q?", guess)
		}
	}
	return labels
}

func readPreprocess(o *object, card *Card) {
	o.onlyKeys("resize_shorter_side", "resize_longer_side", "resize_exact", "no_resize", "center_crop", "no_crop",
		"pad_color", "interpolation", "antialias", "scale", "mean", "std", "color",
		"resize_rule", "crop_rule", "exif", "grayscale")
	readResize(o, card)
	readCrop(o, card)
	if name, ok := o.text("interpolation"); ok {
		filter, err := imaging.ParseFilter(name)
		if err != nil {
			o.problem("interpolation", "%s", err)
		}
		set(&card.Filter, o, filter, err == nil)
	}
	if antialias, ok := o.boolean("antialias"); ok && !antialias {
		o.problem("antialias", "must be true: images are resized as Pillow does")
	}
	readScale(o, card)
	mean, ok := o.triple("mean")
	set(&card.Mean, o, mean, ok)
	readStd(o, "std", card)
	color, ok := word(o, "color", colors)
	set(&card.Color, o, color, ok)
	only(o, "exif", "ignored")
	only(o, "grayscale", "expanded to RGB")
}

// only accepts one value of a key that describes what is always done.
func only(o *object, key, value string) {
	if text, ok := o.text(key); ok && text != value {
		o.problem(key, "must be %q, which is what is done, got %q", value, text)
	}
}

func readResize(o *object, card *Card) {
	var found []string
	add := func(key string, r Resize, ok bool) {
		if ok {
			found = append(found, key)
			card.Resize = From(r, o.origin)
		}
	}
	shorter, ok := o.whole("resize_shorter_side", 1, maxSide)
	add("resize_shorter_side", Resize{Mode: imaging.ResizeShorter, H: int(shorter)}, ok)
	longer, ok := o.whole("resize_longer_side", 1, maxSide)
	add("resize_longer_side", Resize{Mode: imaging.ResizeLonger, H: int(longer)}, ok)
	exact, ok := o.size("resize_exact")
	add("resize_exact", Resize{Mode: imaging.ResizeExact, W: exact.W, H: exact.H}, ok)
	none, ok := o.boolean("no_resize")
	add("no_resize", Resize{}, ok && none)
	if len(found) > 1 {
		o.problem(found[1], "must not stand beside %s: an image is resized once", found[0])
	}
}

func readCrop(o *object, card *Card) {
	crop, ok := o.size("center_crop")
	set(&card.Crop, o, crop, ok)
	if none, isSet := o.boolean("no_crop"); isSet && none {
		if ok {
			o.problem("no_crop", "must not stand beside center_crop")
		}
		set(&card.Crop, o, Size{}, true)
	}
	if pad, ok := o.triple("pad_color"); ok {
		var color [3]uint8
		for i, v := range pad {
			if v < 0 || v > 255 || v != float64(uint8(v)) {
				o.problem("pad_color", "must be 3 whole numbers from 0 to 255, got %v", pad)
				return
			}
			color[i] = uint8(v)
		}
		set(&card.PadColor, o, color, true)
	}
}

// readScale accepts "1/255", "none" and a number.
func readScale(o *object, card *Card) {
	text, isText := o.values["scale"].(string)
	switch {
	case isText && text == "1/255":
		set(&card.Scale, o, PixelScale, true)
	case isText && text == "none":
		set(&card.Scale, o, 1, true)
	case isText:
		o.problem("scale", "must be \"1/255\", \"none\" or a number, got %q", text)
	default:
		scale, ok := o.positive("scale")
		set(&card.Scale, o, snapScale(scale), ok)
	}
}

// snapScale takes the rounded writings of 1/255 for what they mean.
func snapScale(scale float64) float64 {
	if scale > PixelScale*(1-1e-6) && scale < PixelScale*(1+1e-6) {
		return PixelScale
	}
	return scale
}

func readStd(o *object, key string, card *Card) {
	std, ok := o.triple(key)
	if ok && (std[0] <= 0 || std[1] <= 0 || std[2] <= 0) {
		o.problem(key, "must be above 0, got %v", std)
		return
	}
	set(&card.Std, o, std, ok)
}

func readInput(o *object, card *Card) {
	o.onlyKeys("name", "shape", "dtype", "layout", "color")
	name, ok := o.text("name")
	set(&card.InputName, o, name, ok)
	layout, ok := word(o, "layout", layouts)
	set(&card.Layout, o, layout, ok)
	if color, ok := word(o, "color", colors); ok {
		card.Color.fill(From(color, o.origin))
	}
	readType(o, &card.InputType)
}

func readType(o *object, field *Field[onnxfile.ElementType]) {
	name, ok := o.text("dtype")
	if !ok {
		return
	}
	t, err := ParseInputType(name)
	if err != nil {
		o.problem("dtype", "%s", err)
	}
	set(field, o, t, err == nil)
}

func readOutput(o *object, card *Card) {
	o.onlyKeys("name", "shape", "dtype", "kind")
	name, ok := o.text("name")
	set(&card.OutputName, o, name, ok)
	kind, ok := word(o, "kind", kinds)
	set(&card.Output, o, kind, ok)
	readType(o, &card.OutputType)
}

// readClassOrder accepts our words, and in their place a sentence that says
// that the classes are the sorted wnids of ILSVRC2012.
func readClassOrder(o *object, card *Card) {
	text, ok := o.text("class_order")
	if !ok {
		return
	}
	lower := strings.ToLower(text)
	if strings.Contains(lower, "ilsvrc2012") && strings.Contains(lower, "wnids sorted") {
		set(&card.ClassOrder, o, ImageNet, true)
		return
	}
	order, ok := word(o, "class_order", classOrders)
	set(&card.ClassOrder, o, order, ok)
}
