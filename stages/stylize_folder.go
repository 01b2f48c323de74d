package stages

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"quba/internal/imagenet"
	"quba/internal/imaging"
	"quba/pipeline"
	"quba/pipeline/record"
	"quba/pipeline/registry"
)

// What folders of style images say of their class.
const (
	noCues         = "none"
	folderCues     = "folders"
	categories16   = imagenet.NameCategories16
	classIndexCues = "index"
	imagenetCues   = "imagenet"
)

// styleFolder is a list of style images in bytewise order of their paths.
type styleFolder struct {
	root  string
	files []styleFile
	fact  pipeline.Fact
	// classes names what the styles' classes are indexes of; nil where that is
	// not known.
	classes []string
}

// styleFile is one style image: its slash path in the folder and its class,
// record.NoClass where there is none.
type styleFile struct {
	path  string
	class int32
	// own says that class is one of the classifiers' own, whatever the samples'
	// decision is.
	own bool
}

var styleExtensions = []string{".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif"}

// listStyles lists the images in a folder and the folders in it; hidden ones
// are left out.
func listStyles(ctx context.Context, folder, cues string) (*styleFolder, error) {
	listed, err := listFolder(ctx, folder, styleExtensions)
	if err != nil {
		return nil, fmt.Errorf("styles: %w", err)
	}
	list := &styleFolder{root: folder, fact: folderFact("styles", listed)}
	for _, f := range listed {
		list.files = append(list.files, styleFile{path: f.path, class: record.NoClass})
	}
	return list, list.classify(cues)
}

// classify gives every style the class of the folder it is in.
func (l *styleFolder) classify(cues string) error {
	if cues == noCues {
		return nil
	}
	var folders []string
	for _, f := range l.files {
		folder, _, inside := strings.Cut(f.path, "/")
		if !inside {
			return fmt.Errorf("styles: with cues: %s every image must lie in the folder of its class, %s does not", cues, f.path)
		}
		folders = append(folders, folder)
	}
	names := slices.Clone(folders)
	slices.Sort(names)
	names = slices.Compact(names)
	switch cues {
	case folderCues:
		l.classes = names
	case categories16:
		l.classes = imagenet.Categories16(record.First).Classes
	}
	classes := make(map[string]int32, len(names))
	for _, name := range names {
		class, err := classOf(name, names, cues)
		if err != nil {
			return fmt.Errorf("styles: %w", err)
		}
		classes[name] = class
	}
	for i, folder := range folders {
		l.files[i].class, l.files[i].own = classes[folder], cues == imagenetCues
	}
	return nil
}

func classOf(folder string, folders []string, cues string) (int32, error) {
	switch cues {
	case folderCues:
		return int32(slices.Index(folders, folder)), nil
	case categories16:
		known := imagenet.Categories16(record.First).Classes
		if i := slices.Index(known, folder); i >= 0 {
			return int32(i), nil
		}
		return 0, registry.Unknown("category", folder, known)
	case classIndexCues:
		n, err := strconv.ParseInt(folder, 10, 32)
		if err != nil || n < 0 {
			return 0, fmt.Errorf("with cues: %s folders must be named by whole numbers from 0 on, got %q", cues, folder)
		}
		return int32(n), nil
	case imagenetCues:
		if class, ok := imagenet.Index(folder); ok {
			return class, nil
		}
		return 0, fmt.Errorf("with cues: %s folders must be named by wnids such as n01440764, got %q", cues, folder)
	}
	return 0, fmt.Errorf("cues are unknown: %q", cues)
}

// checkClasses says that the styles are of other classes than the sample's
// decision is among.
func (l *styleFolder) checkClasses(s pipeline.Sample) error {
	if s.Decision == nil || l.classes == nil || slices.Equal(l.classes, s.Decision.Classes) {
		return nil
	}
	return fmt.Errorf("styles: the cues are of %d classes, %s ... %s; they must be the %d of the images' decision %s, %s ... %s",
		len(l.classes), l.classes[0], l.classes[len(l.classes)-1],
		len(s.Decision.Classes), s.Decision.Name, s.Decision.Classes[0], s.Decision.Classes[len(s.Decision.Classes)-1])
}

// pick draws a style for the sample, of another class than its own.
func (l *styleFolder) pick(s pipeline.Sample) (styleFile, error) {
	if err := l.checkClasses(s); err != nil {
		return styleFile{}, err
	}
	others := 0
	for _, f := range l.files {
		if f.conflicts(s) {
			others++
		}
	}
	if others == 0 {
		return styleFile{}, pipeline.Unusable("all style images are of the image's own class %d", s.Label)
	}
	n := s.Rand("stylize").IntN(others)
	for _, f := range l.files {
		if !f.conflicts(s) {
			continue
		}
		if n == 0 {
			return f, nil
		}
		n--
	}
	return styleFile{}, errors.New("stylize: the list of style images has changed")
}

// classFor is the style's class among those that the sample is labelled with.
func (f styleFile) classFor(s pipeline.Sample) int32 {
	if f.own && s.Decision != nil {
		return s.Decision.Label(f.class)
	}
	return f.class
}

// conflicts says whether the style is of another class than the sample; one
// that belongs to none of the sample's classes is no texture of a cue conflict.
func (f styleFile) conflicts(s pipeline.Sample) bool {
	if f.class == record.NoClass {
		return true
	}
	class := f.classFor(s)
	return class != record.NoClass && class != s.Label
}

// read decodes a style image; it must lie in the folder, also where links
// lead to it.
func (l *styleFolder) read(f styleFile) (*imaging.Image, error) {
	root, err := os.OpenRoot(l.root)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	data, err := root.ReadFile(filepath.FromSlash(f.path))
	if err != nil {
		return nil, err
	}
	m, _, err := imaging.Decode(data, imaging.Options{})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(l.root, filepath.FromSlash(f.path)), err)
	}
	return m, nil
}
