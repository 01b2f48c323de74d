package sources

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"quba/internal/imagenet"
	"quba/pipeline"
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

// Layout is the tree of ImageNet; the class folders may have other names.
func (c imageFolderConfig) Layout() string {
	return `root
├── n01440764                            the class: a wnid, or any name with labels: folders or map
│   ├── ILSVRC2012_val_00000293.JPEG
│   └── ...                              also in folders of its own
└── ...`
}

func newImageFolder(c imageFolderConfig) (pipeline.Source, error) {
	return newFolderSource(c.Root, c.classFolders), nil
}

func (c imageFolderConfig) classFolders(root *os.Root) (*classFolders, error) {
	names, err := foldersIn(root, ".")
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("%s: found no class folder; images must lie in one folder for each class, such as %s",
			c.Root, filepath.Join(c.Root, c.exampleClass(), "image.jpg"))
	}
	f := &classFolders{base: ".", names: names}
	return f, c.label(f)
}

func (c imageFolderConfig) exampleClass() string {
	if c.Labels == "imagenet" {
		return "n01440764"
	}
	return "cat"
}

func (c imageFolderConfig) label(f *classFolders) error {
	switch c.Labels {
	case "folders":
		for i := range f.names {
			f.labels = append(f.labels, int32(i))
		}
		f.classes = len(f.names)
		return nil
	case "imagenet":
		f.classes = imagenet.Classes
		return f.lookup(c.Root, imagenet.ByWNID(), `must be named by wnids such as "n01440764"; use labels: folders or labels: map for other names`)
	}
	known, err := readLabelMap(c.LabelMap)
	if err != nil {
		return err
	}
	f.classes = known.classes()
	return f.lookup(c.Root, known, "must all be in "+c.LabelMap)
}

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
