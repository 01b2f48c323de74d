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
	"strconv"
	"strings"

	"quba/internal/corruption"
	"quba/pipeline"
	"quba/pipeline/record"
	"quba/pipeline/registry"
)

func init() {
	registry.Register(Sources, "image_net_c", "The published ImageNet-C: images that are corrupted already, in folders corruption/severity/wnid.",
		imageNetCConfig{Kinds: []string{"imagenet-c"}, Severities: []int{1, 2, 3, 4, 5}}, newImageNetC)
}

type imageNetCConfig struct {
	Root       string   `koanf:"root" jsonschema:"required" path:"dir" env:"true" jsonschema_description:"Folder that holds the corruption folders, such as fog."`
	Kinds      []string `koanf:"kinds" alone:"true" jsonschema:"minItems=1,uniqueItems=true" jsonschema_description:"Names of corruptions such as fog, or imagenet-c for the benchmark's 15, extra for the other 4, all for the 19."`
	Severities []int    `koanf:"severities" alone:"true" jsonschema:"minItems=1,uniqueItems=true,minimum=1,maximum=5" jsonschema_description:"1 is the weakest, 5 the strongest."`
}

// The sets of corruptions that kinds may name.
const (
	kindsBenchmark = "imagenet-c"
	kindsExtra     = "extra"
	kindsAll       = "all"
)

func (c imageNetCConfig) Validate() error {
	known := append([]string{kindsBenchmark, kindsExtra, kindsAll}, corruption.Names()...)
	var faults []error
	for i, kind := range c.Kinds {
		if !slices.Contains(known, kind) {
			faults = append(faults, &registry.FieldError{Field: fmt.Sprintf("kinds[%d]", i), Err: registry.Unknown("corruption", kind, known)})
		}
	}
	return errors.Join(faults...)
}

// corruptions are the chosen ones, in the order of the benchmark.
func (c imageNetCConfig) corruptions() []string {
	var names []string
	for _, kind := range corruption.All() {
		set := kindsBenchmark
		if kind.Extra {
			set = kindsExtra
		}
		if slices.Contains(c.Kinds, kind.Name) || slices.Contains(c.Kinds, set) || slices.Contains(c.Kinds, kindsAll) {
			names = append(names, kind.Name)
		}
	}
	return names
}

// imageNetC walks the corruptions in the order of the benchmark, then
// severities, classes, and images in bytewise order. The ID of a sample is the
// same for every corruption and in the clean data set: wnid and file name; its
// variant tells them apart.
type imageNetC struct {
	root        string
	corruptions []string
	severities  []int
	cached      cachedInfo
}

var _ pipeline.Source = (*imageNetC)(nil)

func newImageNetC(c imageNetCConfig) (pipeline.Source, error) {
	return &imageNetC{
		root: c.Root, corruptions: c.corruptions(),
		severities: slices.Sorted(slices.Values(c.Severities)),
	}, nil
}

// corruptedFile is an image of the benchmark; path is relative to the root.
type corruptedFile struct {
	imageFile
	id      string
	variant pipeline.Variant
}

func (s *imageNetC) Describe(ctx context.Context) (pipeline.SourceInfo, error) {
	return s.cached.get(func() (pipeline.SourceInfo, error) {
		list := newListing()
		err := s.walk(ctx, func(root *os.Root, f corruptedFile) bool {
			list.add(stableID(f.path), f.label, f.size(root))
			return true
		})
		return list.info(imagenetClasses), err
	})
}

func (s *imageNetC) Samples(ctx context.Context) iter.Seq2[pipeline.Sample, error] {
	return func(yield func(pipeline.Sample, error) bool) {
		seq := uint64(0)
		stopped := false
		err := s.walk(ctx, func(_ *os.Root, f corruptedFile) bool {
			sample := pipeline.Sample{
				Seq: seq, ID: stableID(f.id),
				Path:  filepath.Join(s.root, filepath.FromSlash(f.path)),
				Label: f.label, Cue: record.NoClass,
				Variant: f.variant, Whole: true,
				Read: func() ([]byte, error) { return readInside(s.root, f.path) },
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

// walk calls visit for each image until it returns false. It holds the paths
// of one class at a time.
func (s *imageNetC) walk(ctx context.Context, visit func(*os.Root, corruptedFile) bool) error {
	root, err := os.OpenRoot(s.root)
	if err != nil {
		return err
	}
	defer root.Close()
	if err := s.checkLayout(root); err != nil {
		return err
	}
	for _, name := range s.corruptions {
		for _, severity := range s.severities {
			more, err := s.walkCell(ctx, root, name, severity, visit)
			if err != nil || !more {
				return err
			}
		}
	}
	return nil
}

func cellFolder(corruption string, severity int) string {
	return path.Join(corruption, strconv.Itoa(severity))
}

// walkCell walks one corruption at one severity and reports whether to go on.
func (s *imageNetC) walkCell(ctx context.Context, root *os.Root, name string, severity int, visit func(*os.Root, corruptedFile) bool) (bool, error) {
	folder := cellFolder(name, severity)
	classes, err := s.classes(root, folder)
	if err != nil {
		return false, err
	}
	found := 0
	for _, wnid := range classes {
		files, err := imagesIn(ctx, root, path.Join(folder, wnid))
		if err != nil {
			return false, err
		}
		for _, f := range files {
			if err := ctx.Err(); err != nil {
				return false, err
			}
			f.label = imagenetIndex()[wnid]
			found++
			file := corruptedFile{imageFile: f, id: f.path[len(folder)+1:], variant: pipeline.Variant{Perturbation: name, Severity: int32(severity)}}
			if !visit(root, file) {
				return false, nil
			}
		}
	}
	if found == 0 {
		return false, fmt.Errorf("%s: found no image in its %d class folders; looked for files named *%s",
			filepath.Join(s.root, filepath.FromSlash(folder)), len(classes), strings.Join(imageExtensions, ", *"))
	}
	return true, nil
}

// classes are the class folders in a folder, which must be wnids.
func (s *imageNetC) classes(root *os.Root, folder string) ([]string, error) {
	classes, err := foldersIn(root, folder)
	if err != nil {
		return nil, err
	}
	for _, name := range classes {
		if _, ok := imagenetIndex()[name]; !ok {
			return nil, s.layoutError(fmt.Sprintf("%s is no wnid", path.Join(folder, name)))
		}
	}
	if len(classes) == 0 {
		return nil, s.layoutError("no class folder in " + folder)
	}
	return classes, nil
}

// foldersIn lists the folders in a folder in bytewise order.
func foldersIn(root *os.Root, folder string) ([]string, error) {
	entries, err := readFolder(root, folder)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, entry := range entries {
		switch {
		case entry.IsDir():
			names = append(names, entry.Name())
		case entry.Type()&fs.ModeSymlink != 0:
			if err := refuseFolderLink(root, path.Join(folder, entry.Name())); err != nil {
				return nil, err
			}
		}
	}
	slices.Sort(names)
	return names, nil
}

// checkLayout finds all folders before the first image is read.
func (s *imageNetC) checkLayout(root *os.Root) error {
	found, err := foldersIn(root, ".")
	if err != nil {
		return err
	}
	var missing []string
	for _, name := range s.corruptions {
		if !slices.Contains(found, name) {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		return s.layoutError(fmt.Sprintf("no folder %s, but %s", strings.Join(missing, ", "), shownFolders(found)))
	}
	for _, name := range s.corruptions {
		if err := s.checkSeverities(root, name); err != nil {
			return err
		}
	}
	return nil
}

func (s *imageNetC) checkSeverities(root *os.Root, name string) error {
	found, err := foldersIn(root, name)
	if err != nil {
		return err
	}
	for _, severity := range s.severities {
		if !slices.Contains(found, strconv.Itoa(severity)) {
			return s.layoutError(fmt.Sprintf("no folder %s, but in %s %s", cellFolder(name, severity), name, shownFolders(found)))
		}
	}
	return nil
}

// layoutError shows the layout that is expected beside what was found.
func (s *imageNetC) layoutError(found string) error {
	example := path.Join(s.corruptions[0], strconv.Itoa(s.severities[0]), "n01440764", "ILSVRC2012_val_00000293.JPEG")
	return fmt.Errorf("%s: expected files such as %s; found %s; choose what is there with kinds and severities", s.root, example, found)
}

func shownFolders(names []string) string {
	if len(names) == 0 {
		return "no folder"
	}
	shown := fmt.Sprintf("the folders %s", strings.Join(names[:min(len(names), maxShown)], ", "))
	if len(names) > maxShown {
		shown += fmt.Sprintf(" and %s", others(len(names)-maxShown))
	}
	return shown
}
