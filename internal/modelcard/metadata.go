package modelcard

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"quba/internal/imaging"
)

// metadataOrigin is the origin of what metadata_props say.
const metadataOrigin = "metadata_props"

// metadataPrefix marks our own keys: pipeline.preprocess, .input and .output
// hold the JSON of the side-car's keys, the others plain values.
const metadataPrefix = "pipeline."

// readMetadata reads the metadata_props of the ONNX file: our own keys, those
// of the ONNX specification for images, and those of ultralytics.
func readMetadata(metadata map[string]string, sha256 string) (Card, error) {
	card, err := readOwnMetadata(metadata, sha256)
	if err != nil {
		return card, err
	}
	image, err := readImageMetadata(metadata)
	if err != nil {
		return card, err
	}
	card.fill(image)
	ultralytics, err := readUltralytics(metadata)
	card.fill(ultralytics)
	return card, err
}

func readOwnMetadata(metadata map[string]string, sha256 string) (Card, error) {
	values := map[string]any{}
	for _, key := range []string{"preprocess", "input", "output"} {
		text, ok := metadata[metadataPrefix+key]
		if !ok {
			continue
		}
		object, err := decodeJSON([]byte(text))
		if err != nil {
			return Card{}, fmt.Errorf("%s: %s%s: %w", metadataOrigin, metadataPrefix, key, err)
		}
		values[key] = object
	}
	if order, ok := metadata[metadataPrefix+"class_order"]; ok {
		values["class_order"] = order
	}
	if text, ok := metadata[metadataPrefix+"params"]; ok {
		values["params"] = any(text)
		if n, err := strconv.Atoi(text); err == nil {
			values["params"] = n
		}
	}
	return readSideCar(newObject(metadataOrigin, values), sha256)
}

// readImageMetadata reads the keys of onnx's MetadataProps.md.
func readImageMetadata(metadata map[string]string) (Card, error) {
	var card Card
	switch format := metadata["Image.BitmapPixelFormat"]; format {
	case "":
	case "Rgb8":
		card.Color = From(RGB, metadataOrigin)
	case "Bgr8":
		card.Color = From(BGR, metadataOrigin)
	default:
		return card, fmt.Errorf("%s: Image.BitmapPixelFormat: must be Rgb8 or Bgr8, got %q", metadataOrigin, format)
	}
	switch span := metadata["Image.NominalPixelRange"]; span {
	case "":
	case "NominalRange_0_255":
		card.setRange(1, 0, 1)
	case "Normalized_0_1":
		card.setRange(PixelScale, 0, 1)
	case "Normalized_1_1":
		card.setRange(PixelScale, 0.5, 0.5)
	default:
		return card, fmt.Errorf("%s: Image.NominalPixelRange: must be NominalRange_0_255, Normalized_0_1 or Normalized_1_1, got %q", metadataOrigin, span)
	}
	return card, nil
}

// setRange says what pixel values become when all channels are alike.
func (c *Card) setRange(scale, mean, std float64) {
	c.Scale = From(scale, metadataOrigin)
	c.Mean = From([3]float64{mean, mean, mean}, metadataOrigin)
	c.Std = From([3]float64{std, std, std}, metadataOrigin)
}

var (
	pythonNumbers = regexp.MustCompile(`^\[(\d{1,5}), (\d{1,5})\]$`)
	pythonEntry   = regexp.MustCompile(`(?:^\{|, )(\d+): (?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)")`)
)

// readUltralytics reads what the exporter of ultralytics writes for
// classifiers: values in the notation of Python. Its classifiers take pixels
// in [0, 1] and give probabilities.
func readUltralytics(metadata map[string]string) (Card, error) {
	var card Card
	if metadata["task"] != "classify" {
		return card, nil
	}
	sides := pythonNumbers.FindStringSubmatch(metadata["imgsz"])
	if sides == nil || sides[1] != sides[2] {
		return card, fmt.Errorf("%s: imgsz: must be two equal sides such as [224, 224], got %q", metadataOrigin, metadata["imgsz"])
	}
	side, err := strconv.Atoi(sides[1])
	if err != nil || side < 1 || side > maxSide {
		return card, fmt.Errorf("%s: imgsz: must be from 1 to %d, got %s", metadataOrigin, maxSide, sides[1])
	}
	card.setRange(PixelScale, 0, 1)
	card.Color = From(RGB, metadataOrigin)
	card.Resize = From(Resize{Mode: imaging.ResizeShorter, H: side}, metadataOrigin)
	card.Crop = From(Size{side, side}, metadataOrigin)
	card.Filter = From(imaging.Bilinear, metadataOrigin)
	card.Output = From(Probabilities, metadataOrigin)
	card.setNames(pythonNames(metadata["names"]), metadataOrigin)
	return card, nil
}

// pythonNames reads {0: 'tench', 1: "Jack's goldfish"} as a map.
func pythonNames(text string) map[string]string {
	entries := map[string]string{}
	for _, m := range pythonEntry.FindAllStringSubmatch(text, -1) {
		entries[m[1]] = m[2] + m[3]
	}
	return entries
}

// setNames takes the number of classes, and their order where the first and
// last name tell it, from names by output index.
func (c *Card) setNames(classNames map[string]string, origin string) {
	n := len(classNames)
	if n < 2 {
		return
	}
	c.Classes = From(n, origin)
	named := func(index int, word string) bool {
		name := strings.ToLower(strings.ReplaceAll(classNames[strconv.Itoa(index)], "_", " "))
		first, _, _ := strings.Cut(name, ",")
		return first == word
	}
	switch {
	case n == 1000 && named(0, "tench") && named(999, "toilet tissue"):
		c.ClassOrder = From(ImageNet, origin)
	case n == 1001 && named(0, "background") && named(1, "tench") && named(1000, "toilet tissue"):
		c.ClassOrder = From(ImageNetBackground, origin)
	}
}
