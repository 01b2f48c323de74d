package sources

import (
	"os"
	"strconv"

	"quba/internal/imagenet"
	"quba/pipeline"
	"quba/pipeline/registry"
)

func init() {
	registry.Register(Sources, "imagenet_v2", "ImageNet-V2: new photographs of the 1000 classes, in folders that are named by class indexes.",
		imageNetV2Config{}, newImageNetV2)
}

type imageNetV2Config struct {
	Root string `koanf:"root" jsonschema:"required" path:"dir" env:"true" jsonschema_description:"Folder that holds the class folders 0 to 999, such as imagenetv2-matched-frequency-format-val."`
}

var imageNetV2Layout = layout{example: "0/0af3f1b55de791c4144e2fb6d7dfe96dfc22d3fc.jpeg"}

// Layout is that of the published archives.
func (imageNetV2Config) Layout() string {
	return `root
├── 0                                    the class index, 0 to 999
│   ├── 0af3f1b55de791c4144e2fb6d7dfe96dfc22d3fc.jpeg
│   └── ...
└── ...`
}

// newImageNetV2 reads the data sets of Recht et al. (2019).
func newImageNetV2(c imageNetV2Config) (pipeline.Source, error) {
	return newFolderSource(c.Root, indexFolders), nil
}

// indexFolders are folders whose names are class indexes. Their bytewise order
// (0, 1, 10, ...) is not that of the classes.
func indexFolders(root *os.Root) (*classFolders, error) {
	names, err := foldersIn(root, ".")
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		return nil, imageNetV2Layout.fault(root, "%s", contents(root, "."))
	}
	folders := &classFolders{base: ".", names: names, classes: imagenet.Classes}
	var strange []string
	for _, name := range names {
		index, err := strconv.Atoi(name)
		if err != nil || strconv.Itoa(index) != name || index < 0 || index >= imagenet.Classes {
			strange = append(strange, name)
		}
		folders.labels = append(folders.labels, int32(index))
	}
	if len(strange) > 0 {
		return nil, imageNetV2Layout.fault(root, "%s, not named by a class index of 0 to 999", shownFolders(strange))
	}
	return folders, nil
}
