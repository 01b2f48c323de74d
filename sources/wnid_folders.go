package sources

import (
	"os"

	"quba/internal/imagenet"
	"quba/pipeline/record"
)

// wnidFolders are the folders in base, which must be named by wnids. among is
// the decision of a data set with some of ImageNet's classes, nil for one with
// all.
func wnidFolders(root *os.Root, base string, l layout, among *record.Decision) (*classFolders, error) {
	names, err := foldersIn(root, base)
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		return nil, l.fault(root, "%s", contents(root, base))
	}
	folders := &classFolders{base: base, names: names, classes: imagenet.Classes, decision: among}
	if among != nil {
		folders.classes = len(among.Classes)
	}
	var strange, foreign []string
	for _, name := range names {
		label, known := imagenet.Index(name)
		if !known {
			strange = append(strange, name)
			continue
		}
		if among != nil {
			label = among.Label(label)
		}
		if label == record.NoClass {
			foreign = append(foreign, name)
		}
		folders.labels = append(folders.labels, label)
	}
	switch {
	case len(strange) > 0:
		return nil, l.fault(root, "%s%s, which no wnid of ImageNet names", shownFolders(strange), in(base))
	case len(foreign) > 0:
		return nil, l.fault(root, "%s%s, of ImageNet but not of the %d classes here", shownFolders(foreign), in(base), folders.classes)
	}
	return folders, nil
}
