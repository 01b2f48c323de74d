package sources

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"quba/internal/corruption"
	"quba/internal/imagenet"
	"quba/pipeline"
	"quba/pipeline/registry"
)

func init() {
	registry.Register(Sources, "image_net_c", "The published ImageNet-C: images that are corrupted already, in folders corruption/severity/wnid.",
		imageNetCConfig{Kinds: []string{corruption.SetBenchmark}, Severities: []int{1, 2, 3, 4, 5}}, newImageNetC)
}

type imageNetCConfig struct {
	Root       string   `koanf:"root" jsonschema:"required" path:"dir" env:"true" jsonschema_description:"Folder that holds the corruption folders, such as fog."`
	Kinds      []string `koanf:"kinds" alone:"true" jsonschema:"minItems=1,uniqueItems=true" jsonschema_description:"Names of corruptions such as fog, or imagenet-c for the benchmark's 15, extra for the other 4, all for the 19."`
	Severities []int    `koanf:"severities" alone:"true" jsonschema:"minItems=1,uniqueItems=true,minimum=1,maximum=5" jsonschema_description:"1 is the weakest, 5 the strongest."`
}

func (c imageNetCConfig) Validate() error {
	var faults []error
	for i, kind := range c.Kinds {
		if err := corruption.CheckSelection(kind); err != nil {
			faults = append(faults, &registry.FieldError{Field: fmt.Sprintf("kinds[%d]", i), Err: err})
		}
	}
	return errors.Join(faults...)
}

// Layout is that of the published archives.
func (imageNetCConfig) Layout() string {
	return `root
├── fog                                  the corruption
│   ├── 1                                the severity, 1 to 5
│   │   ├── n01440764
│   │   │   ├── ILSVRC2012_val_00000293.JPEG
│   │   │   └── ...
│   │   └── ...
│   └── ...
└── ...`
}

// corruptions are the chosen ones, in the order of the benchmark.
func (c imageNetCConfig) corruptions() []string {
	var names []string
	for _, kind := range corruption.Select(c.Kinds) {
		names = append(names, kind.Name)
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

// corruptedFile is an image of the benchmark.
type corruptedFile struct {
	imageFile
	variant pipeline.Variant
}

func (s *imageNetC) Describe(ctx context.Context) (pipeline.SourceInfo, error) {
	return s.cached.get(func() (pipeline.SourceInfo, error) {
		list := newListing()
		err := s.walk(ctx, func(root *os.Root, f corruptedFile) bool {
			list.add(stableID(f.path), f.label, f.size(root))
			return true
		})
		return list.info(imagenet.Classes), err
	})
}

func (s *imageNetC) Samples(ctx context.Context) iter.Seq2[pipeline.Sample, error] {
	return func(yield func(pipeline.Sample, error) bool) {
		seq := uint64(0)
		stopped := false
		err := s.walk(ctx, func(_ *os.Root, f corruptedFile) bool {
			sample := f.sample(s.root, seq)
			sample.Variant, sample.Whole = f.variant, true
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
	folders, err := wnidFolders(root, cellFolder(name, severity), s.layout(), nil)
	if err != nil {
		return false, err
	}
	variant := pipeline.Variant{Perturbation: name, Severity: int32(severity)}
	for f, err := range folders.images(ctx, root) {
		if err != nil {
			return false, err
		}
		if !visit(root, corruptedFile{imageFile: f, variant: variant}) {
			return false, nil
		}
	}
	return true, nil
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
		return s.layout().fault(root, "no folder %s, but %s", strings.Join(missing, ", "), shownFolders(found))
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
			return s.layout().fault(root, "no folder %s, but in %s %s", cellFolder(name, severity), name, shownFolders(found))
		}
	}
	return nil
}

func (s *imageNetC) layout() layout {
	return layout{
		example: path.Join(cellFolder(s.corruptions[0], s.severities[0]), "n01440764", "ILSVRC2012_val_00000293.JPEG"),
		hint:    "choose what is there with kinds and severities",
	}
}
