package sources

import (
	"os"

	"quba/internal/imagenet"
	"quba/pipeline"
	"quba/pipeline/registry"
)

func init() {
	registry.Register(Sources, "imagenet_a", "ImageNet-A: natural adversarial images of 200 classes of ImageNet; models decide among these.",
		imageNetAConfig{}, newImageNetA)
}

type imageNetAConfig struct {
	Root string `koanf:"root" jsonschema:"required" path:"dir" env:"true" jsonschema_description:"Folder that holds the 200 class folders, such as n01498041."`
}

// Layout is that of the published archive.
func (imageNetAConfig) Layout() string {
	return `root
├── n01498041                            one of the 200 wnids
│   ├── 0.000116_digital clock _ digital clock_0.865662.jpg
│   └── ...
└── ...`
}

// newImageNetA reads the data set of Hendrycks et al. (2021), "Natural
// Adversarial Examples".
func newImageNetA(c imageNetAConfig) (pipeline.Source, error) {
	example := layout{example: "n01498041/0.000116_digital clock _ digital clock_0.865662.jpg"}
	return newFolderSource(c.Root, func(root *os.Root) (*classFolders, error) {
		return wnidFolders(root, ".", example, imagenet.ImageNetA())
	}), nil
}
