package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"unicode"

	"quba/internal/imagenet"
	"quba/pipeline"
	"quba/pipeline/record"
)

// conflictNames names the images of a cue-conflict set as Geirhos et al. (2019)
// named theirs: SHAPE/SHAPE<n>-TEXTURE<m>. Content n of a shape has the same
// number in all names, and so has look m of a texture: a style image, after the
// same stages. They count from 1 in the order in which they come.
type conflictNames struct {
	shapes, textures numbering
}

// name is the path of an image without its ending. Of an image that is no cue
// conflict, and of one with a class whose name could not be read back, it is
// "".
func (c *conflictNames) name(s pipeline.Sample) string {
	shape, texture := conflictClasses(s)
	if s.CueID == "" || !readable(shape) || !readable(texture) {
		return ""
	}
	n := c.shapes.of(numbered{class: shape, id: s.ID})
	m := c.textures.of(numbered{class: texture, id: s.CueID, variant: s.Variant})
	return filepath.Join(shape, fmt.Sprintf("%s%d-%s%d", shape, n, texture, m))
}

func conflictClasses(s pipeline.Sample) (shape, texture string) {
	return className(s.Decision, s.Label, s.ID), className(s.Decision, s.Cue, s.CueID)
}

// className is what the decision calls a class. Where the classes are the
// models' own, it is the first folder of the image's ID, or the category of
// model-vs-human when that is a wnid; "" where there is none.
func className(d *record.Decision, class int32, id string) string {
	if d != nil && class >= 0 && int(class) < len(d.Classes) {
		return d.Classes[class]
	}
	folder, _, ok := strings.Cut(id, "/")
	if !ok {
		return ""
	}
	if index, isWNID := imagenet.Index(folder); isWNID {
		return imagenet.All()[index].Category
	}
	return folder
}

// readable says whether a class can be told from the rest of a name: readers
// take the last part between the signs and remove its digits.
func readable(class string) bool {
	return class != "" && !strings.ContainsFunc(class, func(r rune) bool {
		return unicode.IsDigit(r) || r < ' ' || strings.ContainsRune(`-_./\:`, r)
	})
}

// numbered is what has a number in its class.
type numbered struct {
	class, id string
	variant   pipeline.Variant
}

// numbering gives numbers from 1, for each class.
type numbering struct {
	given map[numbered]int
	last  map[string]int
}

func (n *numbering) of(what numbered) int {
	if number, ok := n.given[what]; ok {
		return number
	}
	if n.given == nil {
		n.given, n.last = map[numbered]int{}, map[string]int{}
	}
	n.last[what.class]++
	n.given[what] = n.last[what.class]
	return n.given[what]
}
