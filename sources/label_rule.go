package sources

import "quba/internal/imagenet"

// labelRule is the option labels of data sets whose labels are written as
// text: index, imagenet or map.
type labelRule struct {
	labels  string
	file    string // of labels: map
	classes int    // with labels: index; 0 is one more than the highest label
}

// reader returns what turns a text into a class, and the number of classes, 0
// when the labels must tell.
func (r labelRule) reader() (func(text string) (int32, error), int, error) {
	switch r.labels {
	case "imagenet":
		return imagenetLabel, imagenet.Classes, nil
	case "map":
		known, err := readLabelMap(r.file)
		return func(text string) (int32, error) { return mappedLabel(known, text, r.file) }, known.classes(), err
	}
	return func(text string) (int32, error) { return indexLabel(text, r.classes) }, r.classes, nil
}
