package sources

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"quba/pipeline"
	"quba/pipeline/record"
	"quba/pipeline/registry"
)

func init() {
	registry.Register(Sources, "image_folder", "Images in one folder for each class, such as the ImageNet validation set.",
		imageFolderConfig{Labels: "imagenet"}, newImageFolder)
}

type imageFolderConfig struct {
	Root     string `koanf:"root" jsonschema:"required" path:"dir" env:"true" jsonschema_description:"Folder that holds the class folders."`
	Labels   string `koanf:"labels" jsonschema:"enum=imagenet,enum=folders,enum=map" jsonschema_description:"imagenet: class folders are wnids; folders: classes are the folders in bytewise order of their names; map: label_map says."`
	LabelMap string `koanf:"label_map" path:"file" env:"true" jsonschema_description:"CSV (name,index) or JSON ({name: index}) from class folders to class indexes."`
}

func (c imageFolderConfig) Validate() error { return checkLabelMap(c.Labels, c.LabelMap) }

// checkLabelMap checks that a map is there when, and only when, it is used.
func checkLabelMap(labels, file string) error {
	switch {
	case labels == "map" && file == "":
		return registry.Fieldf("label_map", "must be given with labels: map")
	case labels != "map" && file != "":
		return registry.Fieldf("label_map", "has no effect with labels: %s; write labels: map", labels)
	}
	return nil
}

// imageFolder walks class folders in bytewise order, and the images of each
// in bytewise order of their relative paths, which are also the IDs. Hidden
// files and folders are left out.
type imageFolder struct {
	config imageFolderConfig
	cached cachedInfo
}

var _ pipeline.Source = (*imageFolder)(nil)

func newImageFolder(c imageFolderConfig) (pipeline.Source, error) {
	return &imageFolder{config: c}, nil
}

// imageExtensions are the files that count as images, in any case.
var imageExtensions = []string{".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif"}

func isImage(name string) bool {
	return slices.Contains(imageExtensions, strings.ToLower(path.Ext(name)))
}

func (s *imageFolder) Describe(ctx context.Context) (pipeline.SourceInfo, error) {
	return s.cached.get(func() (pipeline.SourceInfo, error) {
		list := newListing()
		classes := 0
		err := s.walk(ctx, func(root *os.Root, c *classFolders, f imageFile) bool {
			list.add(stableID(f.path), f.label, f.size(root))
			classes = c.classes
			return true
		})
		return list.info(classes), err
	})
}

func (s *imageFolder) Samples(ctx context.Context) iter.Seq2[pipeline.Sample, error] {
	return func(yield func(pipeline.Sample, error) bool) {
		seq := uint64(0)
		stopped := false
		err := s.walk(ctx, func(_ *os.Root, _ *classFolders, f imageFile) bool {
			sample := pipeline.Sample{
				Seq: seq, ID: stableID(f.path),
				Path:  filepath.Join(s.config.Root, filepath.FromSlash(f.path)),
				Label: f.label, Cue: record.NoClass,
				Read: func() ([]byte, error) { return readInside(s.config.Root, f.path) },
			}
			seq++
			stopped = !yield(sample, nil)
			return !stopped
		})
		if err != nil && !stopped {
			yield(pipeline.Sample{}, err)
		}
	}
}

// readInside reads a file that must lie in root, also when links lead to it.
func readInside(root, path string) ([]byte, error) {
	r, err := os.OpenRoot(root)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	info, err := r.Stat(path)
	if err != nil {
		return nil, explainLink(r, path, err)
	}
	if err := checkFile(info); err != nil {
		return nil, err
	}
	return r.ReadFile(path)
}

// explainLink says what is wrong with a link that cannot be followed.
func explainLink(root *os.Root, path string, err error) error {
	info, linkErr := root.Lstat(path)
	if linkErr != nil || info.Mode()&fs.ModeSymlink == 0 {
		return err
	}
	if _, outside := os.Stat(filepath.Join(root.Name(), filepath.FromSlash(path))); outside != nil {
		return fmt.Errorf("%s is a link that cannot be followed: %w", path, outside)
	}
	return fmt.Errorf("%s is a link that leads out of %s; list such files with a file_list source", path, root.Name())
}

// imageFile is one image: its slash path relative to the root.
type imageFile struct {
	path  string
	label int32
	entry fs.DirEntry
}

// size is that of the file a link leads to; -1 when there is none.
func (f imageFile) size(root *os.Root) int64 {
	info, err := f.entry.Info()
	if err == nil && f.entry.Type()&fs.ModeSymlink != 0 {
		info, err = root.Stat(f.path)
	}
	if err != nil {
		return -1
	}
	return info.Size()
}

// walk calls visit for each image until it returns false. It holds the paths
// of one class at a time.
func (s *imageFolder) walk(ctx context.Context, visit func(*os.Root, *classFolders, imageFile) bool) error {
	root, err := os.OpenRoot(s.config.Root)
	if err != nil {
		return err
	}
	defer root.Close()
	folders, err := s.classFolders(root)
	if err != nil {
		return err
	}
	found := 0
	for i, name := range folders.names {
		files, err := imagesIn(ctx, root, name)
		if err != nil {
			return err
		}
		for _, f := range files {
			if err := ctx.Err(); err != nil {
				return err
			}
			f.label = folders.labels[i]
			if found++; !visit(root, folders, f) {
				return nil
			}
		}
	}
	if found == 0 {
		return fmt.Errorf("%s: found no image; looked for files named *%s in the folders of the classes, of which there are %d",
			s.config.Root, strings.Join(imageExtensions, ", *"), len(folders.names))
	}
	return nil
}

// imagesIn lists a class folder with the folders in it, sorted by path.
func imagesIn(ctx context.Context, root *os.Root, folder string) ([]imageFile, error) {
	files, err := appendImages(ctx, nil, root, folder)
	slices.SortFunc(files, func(a, b imageFile) int { return strings.Compare(a.path, b.path) })
	return files, err
}

func appendImages(ctx context.Context, files []imageFile, root *os.Root, folder string) ([]imageFile, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	entries, err := readFolder(root, folder)
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		p := path.Join(folder, entry.Name())
		switch {
		case entry.IsDir():
			files, err = appendImages(ctx, files, root, p)
		case isImage(entry.Name()):
			files = append(files, imageFile{path: p, entry: entry})
		case entry.Type()&fs.ModeSymlink != 0:
			err = refuseFolderLink(root, p)
		}
		if err != nil {
			return nil, err
		}
	}
	return files, nil
}

// readFolder lists what is not hidden. It does not go through io/fs, which
// has no names that are not UTF-8.
func readFolder(root *os.Root, folder string) ([]fs.DirEntry, error) {
	f, err := root.Open(folder)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	entries, err := f.ReadDir(-1)
	return slices.DeleteFunc(entries, func(e fs.DirEntry) bool { return strings.HasPrefix(e.Name(), ".") }), err
}

// refuseFolderLink reports a link to a folder: to follow it could go in
// circles or leave the data set, to pass it over would lose images.
func refuseFolderLink(root *os.Root, p string) error {
	info, err := os.Stat(filepath.Join(root.Name(), filepath.FromSlash(p)))
	if err != nil || !info.IsDir() {
		return nil
	}
	return fmt.Errorf("%s is a link to a folder, and those are not followed; put the folder itself there, or list the files for a file_list source",
		filepath.Join(root.Name(), filepath.FromSlash(p)))
}

// classFolders are the class folders with their labels.
type classFolders struct {
	names   []string
	labels  []int32
	classes int
}

func (s *imageFolder) classFolders(root *os.Root) (*classFolders, error) {
	entries, err := readFolder(root, ".")
	if err != nil {
		return nil, err
	}
	f := &classFolders{}
	for _, entry := range entries {
		switch {
		case entry.IsDir():
			f.names = append(f.names, entry.Name())
		case entry.Type()&fs.ModeSymlink != 0:
			if err := refuseFolderLink(root, entry.Name()); err != nil {
				return nil, err
			}
		}
	}
	if len(f.names) == 0 {
		return nil, fmt.Errorf("%s: found no class folder; images must lie in one folder for each class, such as %s",
			s.config.Root, filepath.Join(s.config.Root, s.exampleClass(), "image.jpg"))
	}
	slices.Sort(f.names)
	return f, s.label(f)
}

func (s *imageFolder) exampleClass() string {
	if s.config.Labels == "imagenet" {
		return "n01440764"
	}
	return "cat"
}

func (s *imageFolder) label(f *classFolders) error {
	switch s.config.Labels {
	case "folders":
		for i := range f.names {
			f.labels = append(f.labels, int32(i))
		}
		f.classes = len(f.names)
		return nil
	case "imagenet":
		f.classes = imagenetClasses
		return f.lookup(s.config.Root, imagenetIndex(), `must be named by wnids such as "n01440764"; use labels: folders or labels: map for other names`)
	}
	known, err := readLabelMap(s.config.LabelMap)
	if err != nil {
		return err
	}
	f.classes = known.classes()
	return f.lookup(s.config.Root, known, "must all be in "+s.config.LabelMap)
}

func others(n int) string {
	if n == 1 {
		return "1 other"
	}
	return fmt.Sprintf("%d others", n)
}

// maxShown is how many of many faults are written out.
const maxShown = 10

func (f *classFolders) lookup(root string, known map[string]int32, rule string) error {
	var strange []string
	for _, name := range f.names {
		label, ok := known[name]
		if !ok {
			strange = append(strange, name)
			continue
		}
		f.labels = append(f.labels, label)
	}
	if len(strange) == 0 {
		return nil
	}
	shown := fmt.Sprintf("%q", strange[:min(len(strange), maxShown)])
	return errors.New(root + ": the class folders " + rule + fmt.Sprintf("; found %s: %s", others(len(strange)), shown))
}
