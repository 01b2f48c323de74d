package compose

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"quba/internal/imagenet"
	"quba/pipeline"
	"quba/pipeline/record"
)

// image9 is one image of a class of ImageNet-9.
type image9 struct {
	index  int // in the list
	sample pipeline.Sample
	class  int32  // 0..8
	name   string // of its files, without the ending

	outcome outcome
	reason  error // why it is left out

	same, rand *image9 // whose backgrounds it is put on
}

func (m *image9) leftOut() bool { return m.outcome != composed }

// outcome is what became of an image.
type outcome uint8

const (
	composed     outcome = iota
	unreadable           // the file is no image
	noForeground         // none was found, or one beyond the limits
	noPartner            // no other image has a background that it needs
	noName               // its files would have the name of another image's
)

// unfitError is an error of one image, which is then left out.
type unfitError struct {
	outcome outcome
	reason  error
}

func (e *unfitError) Error() string { return e.reason.Error() }
func (e *unfitError) Unwrap() error { return e.reason }

func unfit(o outcome, format string, args ...any) error {
	return &unfitError{o, fmt.Errorf(format, args...)}
}

// maxName is the longest name of a file, without its ending, in bytes.
const maxName = 240

// ClassFolders are the folders of the nine classes, as the challenge names
// them: "00_dog".
func ClassFolders() []string {
	var folders []string
	for i, name := range imagenet.ImageNet9().Classes {
		folders = append(folders, fmt.Sprintf("%02d_%s", i, name))
	}
	return folders
}

// classOf is the class of a class folder; record.NoClass for a wnid that
// ImageNet-9 does not have.
func classOf(folder string) (class int32, known bool) {
	if i := slices.Index(ClassFolders(), folder); i >= 0 {
		return int32(i), true
	}
	index, known := imagenet.Index(folder)
	if !known {
		return 0, false
	}
	return imagenet.ImageNet9().Of[index], true
}

// list lists the images of the nine classes and counts the others.
func (c *composer) list(ctx context.Context) error {
	info, err := c.Images.Describe(ctx)
	if err != nil {
		return &pipeline.DataError{Err: err}
	}
	c.report = c.describe(info)
	folders := map[string]int32{}
	var strange []string
	for s, err := range c.Images.Samples(ctx) {
		if err != nil {
			return &pipeline.DataError{Err: err}
		}
		folder, _, _ := strings.Cut(s.ID, "/")
		class, seen := folders[folder]
		if !seen {
			var known bool
			if class, known = classOf(folder); !known {
				strange = append(strange, folder)
			}
			folders[folder] = class
		}
		if class == record.NoClass {
			c.report.Counts.Outside++
			continue
		}
		s.Seed = c.Seed
		c.images = append(c.images, &image9{index: len(c.images), sample: s, class: class, name: fileName(s.ID)})
	}
	if len(strange) > 0 {
		return &pipeline.DataError{Err: layoutError(strange)}
	}
	if len(c.images) == 0 {
		return &pipeline.DataError{Err: fmt.Errorf("no image is of a class of ImageNet-9; %d are of other classes of ImageNet", c.report.Counts.Outside)}
	}
	c.checkNames()
	return nil
}

func layoutError(found []string) error {
	const shown = 10
	more := ""
	if n := len(found) - shown; n > 0 {
		more = fmt.Sprintf(" and %d more", n)
	}
	return fmt.Errorf("the class folders must be wnids, such as n02085620, or the nine of ImageNet-9: %s; found %q%s",
		strings.Join(ClassFolders(), ", "), found[:min(len(found), shown)], more)
}

// fileName makes one name of an ID. A wnid stays in it: files of two wnids may
// have the same name, and one class of ImageNet-9 has many.
func fileName(id string) string {
	name := strings.TrimSuffix(id, path.Ext(id))
	if folder, rest, _ := strings.Cut(name, "/"); slices.Contains(ClassFolders(), folder) {
		name = rest
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || strings.ContainsRune(`/\:`, r) {
			return '_'
		}
		return r
	}, name)
}

// checkNames leaves out images whose files cannot have a name of their own.
func (c *composer) checkNames() {
	taken := map[[2]string]*image9{}
	for _, m := range c.images {
		key := [2]string{ClassFolders()[m.class], m.name}
		first, exists := taken[key]
		switch {
		case len(m.name) > maxName:
			m.outcome, m.reason = noName, fmt.Errorf("the name of its files would have %d bytes, at most %d are allowed", len(m.name), maxName)
		case exists:
			m.outcome, m.reason = noName, fmt.Errorf("its files would be named as those of %s", first.sample.ID)
		default:
			taken[key] = m
		}
	}
}

// composed lists the images that are not left out.
func (c *composer) composed() []*image9 {
	return slices.DeleteFunc(slices.Clone(c.images), (*image9).leftOut)
}

// dropLonely leaves out images that are alone in their class: all variants have
// the same foregrounds. Backgrounds of one class alone would make mixed_rand
// the same as mixed_same.
func (c *composer) dropLonely() error {
	count := map[int32]int{}
	for _, m := range c.composed() {
		count[m.class]++
	}
	for _, m := range c.composed() {
		if count[m.class] > 1 {
			continue
		}
		delete(count, m.class)
		m.outcome, m.reason = noPartner, errors.New("no other usable image of its class has a background for it")
		if err := c.folder.remove(m, OnlyFG, NoFG, OnlyBGT); err != nil {
			return err
		}
	}
	if len(count) < 2 {
		return &pipeline.DataError{Err: c.tooFew(len(count))}
	}
	return nil
}

func (c *composer) tooFew(classes int) error {
	err := fmt.Errorf("backgrounds are exchanged between classes, so at least two classes must have two usable images each; %d have", classes)
	for _, m := range c.images {
		if m.leftOut() {
			return fmt.Errorf("%w; the first image that is left out is %s: %w", err, m.sample.Path, m.reason)
		}
	}
	return err
}
