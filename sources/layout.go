package sources

import (
	"fmt"
	"os"
	"slices"
	"strings"
)

// layout is how a data set must lie, as messages say it.
type layout struct {
	example string // slash path of a file, relative to the root
	hint    string // what else can be done about another layout; may be ""
}

// fault is the error for a root where something else was found.
func (l layout) fault(root *os.Root, found string, args ...any) error {
	found = fmt.Sprintf(found, args...)
	if l.hint != "" {
		found += "; " + l.hint
	}
	return layoutError(root.Name(), l.example, found)
}

// layoutError shows the layout that a data set must have, by an example,
// beside what was found.
func layoutError(root, example, found string) error {
	return fmt.Errorf("%s: expected files such as %s; found %s", root, example, found)
}

// contents says in words what lies in a folder.
func contents(root *os.Root, folder string) string {
	entries, err := readFolder(root, folder)
	if err != nil || len(entries) == 0 {
		return "nothing" + in(folder)
	}
	var folders, files []string
	for _, entry := range entries {
		if entry.IsDir() {
			folders = append(folders, entry.Name())
		} else {
			files = append(files, entry.Name())
		}
	}
	slices.Sort(folders)
	slices.Sort(files)
	if len(folders) > 0 {
		return shownFolders(folders) + in(folder)
	}
	return "no folder but " + some("file", files) + in(folder)
}

// in says where something is, unless that is the root.
func in(folder string) string {
	if folder == "." {
		return ""
	}
	return " in " + folder
}

func shownFolders(names []string) string {
	if len(names) == 0 {
		return "no folder"
	}
	return some("folder", names)
}

// maxShown is how many of many names are written out.
const maxShown = 10

// some lists names of which there is at least one, such as "the files a, b and
// 3 others".
func some(kind string, names []string) string {
	if len(names) == 1 {
		return "the " + kind + " " + names[0]
	}
	shown := "the " + kind + "s " + strings.Join(names[:min(len(names), maxShown)], ", ")
	if len(names) > maxShown {
		shown += " and " + others(len(names)-maxShown)
	}
	return shown
}

func others(n int) string {
	if n == 1 {
		return "1 other"
	}
	return fmt.Sprintf("%d others", n)
}
