package stages

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"quba/pipeline"
)

// folderFile is a file in a folder: its slash path there, and its size in
// bytes, -1 where that cannot be told.
type folderFile struct {
	path string
	size int64
}

// listFolder lists the files in a folder, and in all folders in it, whose
// names end in one of the extensions, in bytewise order of their paths. Hidden
// ones are left out; that there is none is an error.
func listFolder(ctx context.Context, folder string, extensions []string) ([]folderFile, error) {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	var files []folderFile
	err = fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		hidden := name != "." && strings.HasPrefix(d.Name(), ".")
		switch {
		case err != nil:
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		case d.IsDir() && hidden:
			return fs.SkipDir
		case !d.IsDir() && !hidden && slices.Contains(extensions, strings.ToLower(path.Ext(name))):
			files = append(files, folderFile{path: name, size: sizeIn(root, name)})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("%s has no image; looked for files named *%s", folder, strings.Join(extensions, ", *"))
	}
	slices.SortFunc(files, func(a, b folderFile) int { return strings.Compare(a.path, b.path) })
	return files, nil
}

func sizeIn(root *os.Root, name string) int64 {
	info, err := root.Stat(name)
	if err != nil {
		return -1
	}
	return info.Size()
}

// folderFact identifies the files of a folder by a digest over their paths and
// sizes. Like the digest of a data set, it is not over pixels.
func folderFact(name string, files []folderFile) pipeline.Fact {
	h := sha256.New()
	for _, f := range files {
		h.Write(binary.LittleEndian.AppendUint64(nil, uint64(len(f.path))))
		h.Write([]byte(f.path))
		h.Write(binary.LittleEndian.AppendUint64(nil, uint64(f.size)))
	}
	return pipeline.Fact{
		Name: name, Value: hex.EncodeToString(h.Sum(nil)),
		Origin: fmt.Sprintf("sha256 of the names and sizes of %d files", len(files)),
	}
}
