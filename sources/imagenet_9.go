package sources

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"quba/internal/imagenet"
	"quba/pipeline"
	"quba/pipeline/registry"
)

func init() {
	registry.Register(Sources, "imagenet_9", "ImageNet-9, the backgrounds challenge: 9 coarse classes with their backgrounds changed.",
		imageNet9Config{}, newImageNet9)
}

type imageNet9Config struct {
	Root    string `koanf:"root" jsonschema:"required" path:"dir" env:"true" jsonschema_description:"Folder that holds the folders of the variants, such as mixed_same."`
	Variant string `koanf:"variant" jsonschema:"required,enum=original,enum=mixed_same,enum=mixed_rand,enum=mixed_next,enum=only_fg,enum=no_fg,enum=only_bg_b,enum=only_bg_t" jsonschema_description:"What was done to the backgrounds: mixed_same has that of an image of the same class, mixed_rand of a random one, mixed_next of the next one."`
}

// validationFolder stands between a variant and its classes.
const validationFolder = "val"

// composedFile says that the images were composed by compose-backgrounds.
const composedFile = "composed.json"

// composedNote is the caveat of such images.
const composedNote = "composed from the user's own images, not the published ImageNet-9"

// Layout is that of the published archive.
func (imageNet9Config) Layout() string {
	return `root
└── mixed_same                           the variant
    └── val                              may be left out
        ├── 00_dog
        │   ├── fg_n02085620_10074_bg_n02085782_1039.JPEG
        │   └── ...
        ├── 01_bird ... 07_primate
        └── 08_fish`
}

func (c imageNet9Config) layout() layout {
	return layout{example: path.Join(c.Variant, validationFolder, "00_dog", "fg_n02085620_10074_bg_n02085782_1039.JPEG")}
}

// newImageNet9 reads the data set of Xiao et al. (2021), "Noise or Signal", or
// one that was made like it.
func newImageNet9(c imageNet9Config) (pipeline.Source, error) {
	return newFolderSource(c.Root, c.classFolders), nil
}

func (c imageNet9Config) classFolders(root *os.Root) (*classFolders, error) {
	base, err := c.base(root)
	if err != nil {
		return nil, err
	}
	names, err := foldersIn(root, base)
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		return nil, c.layout().fault(root, "%s", contents(root, base))
	}
	decision := imagenet.ImageNet9()
	folders := &classFolders{base: base, names: names, classes: len(decision.Classes), decision: decision}
	var strange []string
	for _, name := range names {
		label := imageNet9Label(name)
		if label < 0 {
			strange = append(strange, name)
		}
		folders.labels = append(folders.labels, label)
	}
	if len(strange) > 0 {
		return nil, c.layout().fault(root, "%s%s, whose name does not begin with 00_ to 08_", shownFolders(strange), in(base))
	}
	folders.notes, err = composedNotes(root)
	return folders, err
}

// base is the folder that holds the class folders.
func (c imageNet9Config) base(root *os.Root) (string, error) {
	found, err := hasFolder(root, c.Variant)
	if err != nil {
		return "", err
	}
	if !found {
		return "", c.layout().fault(root, "no folder %s, but %s", c.Variant, contents(root, "."))
	}
	inner := path.Join(c.Variant, validationFolder)
	found, err = hasFolder(root, inner)
	if err != nil {
		return "", err
	}
	if found {
		return inner, nil
	}
	return c.Variant, nil
}

// imageNet9Label is the class of a folder such as 00_dog, -1 for other names.
func imageNet9Label(name string) int32 {
	number, _, ok := strings.Cut(name, "_")
	if !ok || len(number) != 2 || number[0] != '0' || number[1] < '0' || number[1] > '8' {
		return -1
	}
	return int32(number[1] - '0')
}

// composedNotes are the caveats of a root with a composedFile.
func composedNotes(root *os.Root) ([]string, error) {
	if _, err := root.Lstat(composedFile); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var made struct {
		By string `json:"composed_by"`
	}
	var data bytes.Buffer
	err := readInside(&data, root.Name(), composedFile)
	if err == nil {
		err = json.Unmarshal(data.Bytes(), &made)
	}
	if err == nil && made.By == "" {
		err = errors.New("has no composed_by")
	}
	if err != nil {
		return nil, fmt.Errorf("%s: must be the JSON object that compose-backgrounds writes: %w", filepath.Join(root.Name(), composedFile), err)
	}
	return []string{composedNote}, nil
}
