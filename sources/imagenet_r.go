package sources

import (
	"os"

	"quba/internal/imagenet"
	"quba/pipeline"
	"quba/pipeline/registry"
)

func init() {
	registry.Register(Sources, "imagenet_r", "ImageNet-R: renditions of 200 classes of ImageNet; models decide among these.",
		imageNetRConfig{}, newImageNetR)
}

type imageNetRConfig struct {
	Root string `koanf:"root" jsonschema:"required" path:"dir" env:"true" jsonschema_description:"Folder that holds the 200 class folders, such as n01443537."`
}

// Layout is that of the published archive.
func (imageNetRConfig) Layout() string {
	return `root
├── n01443537                            one of the 200 wnids
│   ├── art_0.jpg
│   └── ...
└── ...`
}

// newImageNetR reads the data set of Hendrycks et al. (2021), "The Many Faces
// of Robustness".
func newImageNetR(c imageNetRConfig) (pipeline.Source, error) {
	return newFolderSource(c.Root, func(root *os.Root) (*classFolders, error) {
		return wnidFolders(root, ".", layout{example: "n01443537/art_0.jpg"}, imagenet.ImageNetR())
	}), nil
}
