package sources

import (
	"context"
	"fmt"
	"iter"
	"os"
	"path"
	"path/filepath"
	"strings"

	"quba/pipeline"
	"quba/pipeline/record"
)

// classFolders are the folders that hold the images of a data set, with what
// they say of their classes.
type classFolders struct {
	base  string   // slash path of the folder that they are in, relative to the root
	names []string // in bytewise order
	// labels are those of the folders' images, which have no cue.
	labels []int32
	// byName takes the place of labels where the name of a file says its label
	// and cue.
	byName func(imageFile) (label, cue int32, err error)

	classes  int
	decision *record.Decision
	notes    []string
}

// images gives the images folder by folder, those of each in bytewise order of
// their paths below base, which are also their IDs. It holds the paths of one
// folder at a time. No image at all is an error.
func (c *classFolders) images(ctx context.Context, root *os.Root) iter.Seq2[imageFile, error] {
	return func(yield func(imageFile, error) bool) {
		found := 0
		for i := range c.names {
			files, err := c.imagesOf(ctx, root, i)
			if err != nil {
				yield(imageFile{}, err)
				return
			}
			found += len(files)
			for _, f := range files {
				if err := ctx.Err(); err != nil {
					yield(imageFile{}, err)
					return
				}
				if !yield(f, nil) {
					return
				}
			}
		}
		if found == 0 {
			yield(imageFile{}, fmt.Errorf("%s: found no image in %s; looked for files named *%s",
				filepath.Join(root.Name(), filepath.FromSlash(c.base)), shownFolders(c.names), strings.Join(imageExtensions, ", *")))
		}
	}
}

// imagesOf are the labelled images of a folder.
func (c *classFolders) imagesOf(ctx context.Context, root *os.Root, folder int) ([]imageFile, error) {
	files, err := imagesIn(ctx, root, path.Join(c.base, c.names[folder]))
	if err != nil {
		return nil, err
	}
	for i := range files {
		f := &files[i]
		if f.id = f.path; c.base != "." {
			f.id = f.path[len(c.base)+1:]
		}
		if c.byName == nil {
			f.label, f.cue = c.labels[folder], record.NoClass
			continue
		}
		if f.label, f.cue, err = c.byName(*f); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// folderSource is a data set in class folders: each kind says how they are
// found.
type folderSource struct {
	root   string
	find   func(root *os.Root) (*classFolders, error)
	cached cachedInfo
}

var _ pipeline.Source = (*folderSource)(nil)

func newFolderSource(root string, find func(*os.Root) (*classFolders, error)) *folderSource {
	return &folderSource{root: root, find: find}
}

// Describe lists the data set.
func (s *folderSource) Describe(ctx context.Context) (pipeline.SourceInfo, error) {
	return s.cached.get(func() (pipeline.SourceInfo, error) { return s.list(ctx) })
}

func (s *folderSource) list(ctx context.Context) (pipeline.SourceInfo, error) {
	root, folders, err := s.open()
	if err != nil {
		return pipeline.SourceInfo{}, err
	}
	defer root.Close()
	list := newListing()
	for f, err := range folders.images(ctx, root) {
		if err != nil {
			return pipeline.SourceInfo{}, err
		}
		list.add(stableID(f.id), f.label, f.size(root))
	}
	info := list.info(folders.classes)
	info.Decision, info.Notes = folders.decision, folders.notes
	return info, nil
}

// Samples gives the images in the order of classFolders.images.
func (s *folderSource) Samples(ctx context.Context) iter.Seq2[pipeline.Sample, error] {
	return func(yield func(pipeline.Sample, error) bool) {
		root, folders, err := s.open()
		if err != nil {
			yield(pipeline.Sample{}, err)
			return
		}
		defer root.Close()
		seq := uint64(0)
		for f, err := range folders.images(ctx, root) {
			if err != nil {
				yield(pipeline.Sample{}, err)
				return
			}
			sample := f.sample(s.root, seq)
			sample.Decision = folders.decision
			if !yield(sample, nil) {
				return
			}
			seq++
		}
	}
}

// open finds the folders. The caller closes the root.
func (s *folderSource) open() (*os.Root, *classFolders, error) {
	root, err := os.OpenRoot(s.root)
	if err != nil {
		return nil, nil, err
	}
	folders, err := s.find(root)
	if err != nil {
		root.Close()
		return nil, nil, err
	}
	return root, folders, nil
}
