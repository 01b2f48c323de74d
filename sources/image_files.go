package sources

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"quba/pipeline"
)

// imageExtensions are the files that count as images, in any case.
var imageExtensions = []string{".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif"}

func isImage(name string) bool {
	return slices.Contains(imageExtensions, strings.ToLower(path.Ext(name)))
}

// readInside appends a file to a buffer. The file must lie in root, also when
// links lead to it.
func readInside(into *bytes.Buffer, root, path string) error {
	r, err := os.OpenRoot(root)
	if err != nil {
		return err
	}
	defer r.Close()
	info, err := r.Stat(path)
	if err != nil {
		return explainLink(r, path, err)
	}
	return readWhole(into, info, func() (*os.File, error) { return r.Open(path) })
}

// readWhole appends a file that info is about to a buffer.
func readWhole(into *bytes.Buffer, info fs.FileInfo, open func() (*os.File, error)) error {
	if err := checkFile(info); err != nil {
		return err
	}
	file, err := open()
	if err != nil {
		return err
	}
	defer file.Close()
	into.Grow(int(info.Size()) + bytes.MinRead)
	_, err = into.ReadFrom(file)
	return err
}

// explainLink says what is wrong with a link that cannot be followed.
func explainLink(root *os.Root, path string, err error) error {
	info, linkErr := root.Lstat(path)
	if linkErr != nil || info.Mode()&fs.ModeSymlink == 0 {
		return err
	}
	if _, outside := os.Stat(filepath.Join(root.Name(), filepath.FromSlash(path))); outside != nil {
		return fmt.Errorf("%s is a link that cannot be followed: %w", path, outside)
	}
	return fmt.Errorf("%s is a link that leads out of %s; list such files with a file_list source", path, root.Name())
}

// imageFile is one image.
type imageFile struct {
	path       string // with slashes, relative to the root
	id         string // the part of path that names the image in its data set
	label, cue int32
	entry      fs.DirEntry
}

// sample is the sample that reads the file, which must lie in root.
func (f imageFile) sample(root string, seq uint64) pipeline.Sample {
	return pipeline.Sample{
		Seq: seq, ID: stableID(f.id),
		Path:  filepath.Join(root, filepath.FromSlash(f.path)),
		Label: f.label, Cue: f.cue,
		Read: func(into *bytes.Buffer) error { return readInside(into, root, f.path) },
	}
}

// size is that of the file a link leads to; -1 when there is none.
func (f imageFile) size(root *os.Root) int64 {
	info, err := f.entry.Info()
	if err == nil && f.entry.Type()&fs.ModeSymlink != 0 {
		info, err = root.Stat(f.path)
	}
	if err != nil {
		return -1
	}
	return info.Size()
}

// imagesIn lists a class folder with the folders in it, sorted by path.
func imagesIn(ctx context.Context, root *os.Root, folder string) ([]imageFile, error) {
	files, err := appendImages(ctx, nil, root, folder)
	slices.SortFunc(files, func(a, b imageFile) int { return strings.Compare(a.path, b.path) })
	return files, err
}

func appendImages(ctx context.Context, files []imageFile, root *os.Root, folder string) ([]imageFile, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	entries, err := readFolder(root, folder)
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		p := path.Join(folder, entry.Name())
		switch {
		case entry.IsDir():
			files, err = appendImages(ctx, files, root, p)
		case isImage(entry.Name()):
			files = append(files, imageFile{path: p, entry: entry})
		case entry.Type()&fs.ModeSymlink != 0:
			err = refuseFolderLink(root, p)
		}
		if err != nil {
			return nil, err
		}
	}
	return files, nil
}

// readFolder lists what is not hidden. It does not go through io/fs, which
// has no names that are not UTF-8.
func readFolder(root *os.Root, folder string) ([]fs.DirEntry, error) {
	f, err := root.Open(folder)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	entries, err := f.ReadDir(-1)
	return slices.DeleteFunc(entries, func(e fs.DirEntry) bool { return strings.HasPrefix(e.Name(), ".") }), err
}

// refuseFolderLink reports a link to a folder: to follow it could go in
// circles or leave the data set, to pass it over would lose images.
func refuseFolderLink(root *os.Root, p string) error {
	info, err := os.Stat(filepath.Join(root.Name(), filepath.FromSlash(p)))
	if err != nil || !info.IsDir() {
		return nil
	}
	return fmt.Errorf("%s is a link to a folder, and those are not followed; put the folder itself there, or list the files for a file_list source",
		filepath.Join(root.Name(), filepath.FromSlash(p)))
}

// hasFolder reports whether a folder is there. A link to one is refused.
func hasFolder(root *os.Root, folder string) (bool, error) {
	info, err := root.Lstat(folder)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, err
	case info.Mode()&fs.ModeSymlink != 0:
		return false, refuseFolderLink(root, folder)
	}
	return info.IsDir(), nil
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
