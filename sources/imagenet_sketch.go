package sources

import (
	"os"

	"quba/pipeline"
	"quba/pipeline/registry"
)

func init() {
	registry.Register(Sources, "imagenet_sketch", "ImageNet-Sketch: drawings of the 1000 classes of ImageNet.",
		imageNetSketchConfig{}, newImageNetSketch)
}

type imageNetSketchConfig struct {
	Root string `koanf:"root" jsonschema:"required" path:"dir" env:"true" jsonschema_description:"Folder that holds the class folders, or the folder sketch with them in it."`
}

// sketchFolder is the folder of the published archive.
const sketchFolder = "sketch"

// Layout is that of the published archive.
func (imageNetSketchConfig) Layout() string {
	return `root
└── sketch                               may be left out
    ├── n01440764
    │   ├── sketch_0.JPEG
    │   └── ...
    └── ...`
}

// newImageNetSketch reads the data set of Wang et al. (2019).
func newImageNetSketch(c imageNetSketchConfig) (pipeline.Source, error) {
	return newFolderSource(c.Root, func(root *os.Root) (*classFolders, error) {
		found, err := hasFolder(root, sketchFolder)
		if err != nil {
			return nil, err
		}
		base := "."
		if found {
			base = sketchFolder
		}
		return wnidFolders(root, base, layout{example: "sketch/n01440764/sketch_0.JPEG"}, nil)
	}), nil
}
