package compose

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"quba/internal/imaging"
	"quba/pipeline"
)

// The files beside the variants.
const (
	ReportFile   = "composed.json" // what the variants are made of
	ManifestFile = "manifest.csv"  // every file with the images it is made of
	LeftOutFile  = "left_out.csv"  // the images that could not be used, and why
)

// folder is the folder that is made. Everything is written into a hidden
// folder beside it, which takes its place when it is whole.
type folder struct {
	path      string
	temporary string // has what follows and, at the end, the earlier folder
	staging   string
	masks     *os.File // of the images, packed, one after the other
}

func openFolder(name string, overwrite bool) (*folder, error) {
	whole, err := filepath.Abs(name)
	if err != nil {
		return nil, err
	}
	f := &folder{path: whole}
	if err := f.checkFree(name, overwrite); err != nil {
		return nil, &pipeline.UsageError{Err: err}
	}
	parent := filepath.Dir(whole)
	if err := os.MkdirAll(parent, 0o777); err != nil {
		return nil, &pipeline.UsageError{Err: err}
	}
	if f.temporary, err = os.MkdirTemp(parent, "."+filepath.Base(whole)+".partial-*"); err != nil {
		return nil, &pipeline.UsageError{Err: err}
	}
	f.staging = filepath.Join(f.temporary, "new")
	if err := f.prepare(); err != nil {
		f.Close()
		return nil, &pipeline.UsageError{Err: err}
	}
	return f, nil
}

// checkFree refuses a folder that holds anything; what overwrite replaces must
// have been composed.
func (f *folder) checkFree(name string, overwrite bool) error {
	entries, err := os.ReadDir(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = os.Stat(filepath.Join(f.path, ReportFile))
	switch {
	case len(entries) == 0, err == nil && overwrite:
		return nil
	case err == nil:
		return fmt.Errorf("%s holds images that were composed earlier; choose another folder, or replace them with --overwrite", name)
	case overwrite:
		return fmt.Errorf("%s is not empty and has no %s, so it holds nothing composed that may be replaced; choose another folder", name, ReportFile)
	}
	return fmt.Errorf("%s is not empty; choose another folder", name)
}

func (f *folder) prepare() error {
	for _, variant := range variants {
		for _, class := range ClassFolders() {
			if err := os.MkdirAll(filepath.Join(f.staging, variant, "val", class), 0o777); err != nil {
				return err
			}
		}
	}
	var err error
	f.masks, err = os.Create(filepath.Join(f.temporary, "masks"))
	return err
}

// filePath is the slash path of an image's file in a variant.
func filePath(variant string, m *image9) string {
	return path.Join(variant, "val", ClassFolders()[m.class], m.name+".png")
}

func (f *folder) in(slash string) string { return filepath.Join(f.staging, filepath.FromSlash(slash)) }

func (f *folder) write(variant string, m *image9, picture *imaging.Image) error {
	file, err := os.OpenFile(f.in(filePath(variant, m)), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	return errors.Join(imaging.EncodePNG(file, picture), file.Close())
}

func (f *folder) read(variant string, m *image9) (*imaging.Image, error) {
	data, err := os.ReadFile(f.in(filePath(variant, m)))
	if err != nil {
		return nil, err
	}
	picture, _, err := imaging.Decode(data, imaging.Options{})
	return picture, err
}

// writeMask keeps the mask of an image for readMask, out of the memory.
func (f *folder) writeMask(m *image9, inside mask) error {
	bits := inside.packed()
	_, err := f.masks.WriteAt(bits[:], int64(m.index*len(bits)))
	return err
}

func (f *folder) readMask(m *image9) (mask, error) {
	var bits [packedSize]byte
	_, err := f.masks.ReadAt(bits[:], int64(m.index*len(bits)))
	return unpack(bits), err
}

func (f *folder) remove(m *image9, variants ...string) error {
	var err error
	for _, variant := range variants {
		err = errors.Join(err, os.Remove(f.in(filePath(variant, m))))
	}
	return err
}

func (f *folder) writeCSV(name string, rows [][]string) error {
	file, err := os.Create(f.in(name))
	if err != nil {
		return err
	}
	return errors.Join(csv.NewWriter(file).WriteAll(rows), file.Close())
}

func (f *folder) writeJSON(name string, doc any) error {
	text, err := json.MarshalIndent(doc, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(f.in(name), append(text, '\n'), 0o666)
}

// replace puts the new folder in its place.
func (f *folder) replace() error {
	earlier := filepath.Join(f.temporary, "earlier")
	if err := os.Rename(f.path, earlier); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	err := os.Rename(f.staging, f.path)
	if err == nil {
		return nil
	}
	if back := os.Rename(earlier, f.path); back != nil && !errors.Is(back, fs.ErrNotExist) {
		f.temporary = "" // Close must not remove the only copy
		err = errors.Join(err, fmt.Errorf("the earlier images are in %s: %w", earlier, back))
	}
	return err
}

// Close removes what is not in its place.
func (f *folder) Close() {
	_ = f.masks.Close() // nobody reads them again
	if f.temporary != "" {
		_ = os.RemoveAll(f.temporary) // hidden, and in nobody's way
	}
}
