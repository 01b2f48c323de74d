package stages

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"quba/internal/imaging"
	"quba/pipeline"
	"quba/pipeline/record"
	"quba/pipeline/registry"
)

// What folders of style images say of their class.
const (
	noCues         = "none"
	folderCues     = "folders"
	categories16   = "categories16"
	classIndexCues = "index"
)

// categories are the 16 of model-vs-human (Geirhos et al.), in the order of
// their indexes.
var categories = []string{
	"airplane", "bear", "bicycle", "bird", "boat", "bottle", "car", "cat",
	"chair", "clock", "dog", "elephant", "keyboard", "knife", "oven", "truck",
}

// styleFolder is a list of style images in bytewise order of their paths.
type styleFolder struct {
	root  string
	files []styleFile
}

// styleFile is one style image: its slash path in the folder and its class,
// record.NoClass where there is none.
type styleFile struct {
	path  string
	class int32
}

var styleExtensions = []string{".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif"}

// listStyles lists the images in a folder and the folders in it; hidden ones
// are left out.
func listStyles(ctx context.Context, folder, cues string) (*styleFolder, error) {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	list := &styleFolder{root: folder}
	err = fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		hidden := name != "." && strings.HasPrefix(d.Name(), ".")
		switch {
		case err != nil:
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		case d.IsDir() && hidden:
			return fs.SkipDir
		case !d.IsDir() && !hidden && slices.Contains(styleExtensions, strings.ToLower(path.Ext(name))):
			list.files = append(list.files, styleFile{path: name, class: record.NoClass})
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("styles: %w", err)
	}
	if len(list.files) == 0 {
		return nil, fmt.Errorf("styles: %s has no image; looked for files named *%s", folder, strings.Join(styleExtensions, ", *"))
	}
	slices.SortFunc(list.files, func(a, b styleFile) int { return strings.Compare(a.path, b.path) })
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
	for i, folder := range folders {
		class, err := classOf(folder, names, cues)
		if err != nil {
			return fmt.Errorf("styles: %w", err)
		}
		l.files[i].class = class
	}
	return nil
}

func classOf(folder string, folders []string, cues string) (int32, error) {
	switch cues {
	case folderCues:
		return int32(slices.Index(folders, folder)), nil
	case categories16:
		if i := slices.Index(categories, folder); i >= 0 {
			return int32(i), nil
		}
		return 0, registry.Unknown("category", folder, categories)
	case classIndexCues:
		n, err := strconv.ParseInt(folder, 10, 32)
		if err != nil || n < 0 {
			return 0, fmt.Errorf("with cues: %s folders must be named by whole numbers from 0 on, got %q", cues, folder)
		}
		return int32(n), nil
	}
	return 0, fmt.Errorf("cues are unknown: %q", cues)
}

// pick draws a style for the sample, of another class than its own.
func (l *styleFolder) pick(s pipeline.Sample) (styleFile, error) {
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

func (f styleFile) conflicts(s pipeline.Sample) bool {
	return f.class == record.NoClass || f.class != s.Label
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
