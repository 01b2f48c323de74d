package onnxfile

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// ErrExternalData marks a model that refers to a file it must not read.
var ErrExternalData = errors.New("unsafe or missing external data")

// CheckExternalData says whether every external file of the model is a
// regular file inside the model's folder, reached by a plain relative path:
// no "..", no symbolic link on the way, and no second hard link, by which a
// downloaded model could read a file from elsewhere. Offsets and lengths must
// lie within the file.
//
// The errors of all references are joined; each wraps ErrExternalData.
func (f *File) CheckExternalData() error {
	if len(f.External) == 0 {
		return nil
	}
	root, err := os.OpenRoot(filepath.Dir(f.Path))
	if err != nil {
		return err
	}
	defer root.Close()
	var problems []error
	checked := map[string]int64{}
	for _, ext := range f.External {
		if err := checkExternal(root, ext, checked); err != nil {
			problems = append(problems, fmt.Errorf("%s: tensor %q: external data %q: %w: %w", f.Path, ext.Tensor, ext.Location, ErrExternalData, err))
		}
	}
	return errors.Join(problems...)
}

// checkExternal keeps the sizes of files already found sound in checked.
func checkExternal(root *os.Root, ext External, checked map[string]int64) error {
	size, ok := checked[ext.Location]
	if !ok {
		var err error
		if size, err = checkExternalFile(root, ext.Location); err != nil {
			return err
		}
		checked[ext.Location] = size
	}
	if ext.Offset > size || ext.Length > size-ext.Offset {
		return fmt.Errorf("bytes %d to %d must lie within the file, which has %d", ext.Offset, uint64(ext.Offset)+uint64(ext.Length), size)
	}
	return nil
}

func checkExternalFile(root *os.Root, location string) (size int64, err error) {
	if strings.ContainsAny(location, "\\\x00") || !filepath.IsLocal(location) {
		return 0, errors.New("must be a relative path inside the model's folder")
	}
	if err := refuseLinks(root, filepath.Clean(location)); err != nil {
		return 0, err
	}
	info, err := root.Lstat(location)
	if err != nil {
		return 0, errors.Unwrap(err)
	}
	if !info.Mode().IsRegular() {
		return 0, fmt.Errorf("must be a regular file, is %s", info.Mode().Type())
	}
	if n := hardLinks(info); n != 1 {
		return 0, fmt.Errorf("must have no other hard link, has %d; copy the file", n)
	}
	return info.Size(), nil
}

// refuseLinks fails when any folder of the path is a symbolic link. os.Root
// would follow one that stays inside, but onnxruntime opens the path anew.
func refuseLinks(root *os.Root, path string) error {
	for i, c := range path {
		if c != filepath.Separator {
			continue
		}
		if err := refuseLink(root, path[:i]); err != nil {
			return err
		}
	}
	return refuseLink(root, path)
}

func refuseLink(root *os.Root, path string) error {
	info, err := root.Lstat(path)
	if err != nil {
		return errors.Unwrap(err)
	}
	if info.Mode()&os.ModeSymlink != 0 {
		return fmt.Errorf("%s must not be a symbolic link; copy the file", path)
	}
	return nil
}

// ExternalHash is the hex SHA-256 of a whole external file.
type ExternalHash struct{ Location, SHA256 string }

// HashExternalData hashes the external files, each once, in order of
// appearance. CheckExternalData must have accepted them.
func (f *File) HashExternalData() ([]ExternalHash, error) {
	var hashes []ExternalHash
	seen := map[string]bool{}
	for _, ext := range f.External {
		if seen[ext.Location] {
			continue
		}
		seen[ext.Location] = true
		sum, err := hashIn(filepath.Dir(f.Path), ext.Location)
		if err != nil {
			return nil, err
		}
		hashes = append(hashes, ExternalHash{ext.Location, sum})
	}
	return hashes, nil
}

func hashIn(dir, name string) (string, error) {
	file, err := os.OpenInRoot(dir, name)
	if err != nil {
		return "", err
	}
	defer file.Close()
	h := sha256.New()
	if _, err := io.Copy(h, file); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
