package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"quba/pipeline"
	"quba/pipeline/record"
)

// manifestName lists what was saved: path, label, cue, perturbation, severity,
// id, cue_id. A file_list source reads it; the cue is the second class of a
// cue-conflict image, -1 where there is none, id the image in its source and
// cue_id that which the cue was taken from.
const manifestName = "manifest.csv"

// imageSaver writes samples as an ImageFolder with a manifest; cue conflicts
// have the names of conflictNames where that is possible. It never leaves its
// folder and never replaces a file.
type imageSaver struct {
	root      *os.Root
	quality   int
	file      *os.File
	manifest  *csv.Writer
	names     conflictNames
	saved     int
	conflicts int             // images that conflictNames has a name for
	plain     int             // cue conflicts that it has no name for
	unnamed   pipeline.Sample // the first of these
}

func newImageSaver(dir string, quality int) (*imageSaver, error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, usagef("--out-dir: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, usagef("--out-dir: %w", err)
	}
	s := &imageSaver{root: root, quality: quality}
	if s.file, err = s.create(manifestName); err != nil {
		return nil, errors.Join(err, root.Close())
	}
	s.manifest = csv.NewWriter(s.file)
	return s, s.manifest.Write([]string{"path", "label", "cue", "perturbation", "severity", "id", "cue_id"})
}

// create makes a new file; one that exists is an error of usage.
func (s *imageSaver) create(name string) (*os.File, error) {
	f, err := s.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if errors.Is(err, os.ErrExist) {
		return nil, usagef("--out-dir: %s exists already; choose a folder without images", filepath.Join(s.root.Name(), name))
	}
	return f, err
}

// Finish completes the manifest.
func (s *imageSaver) Finish() error {
	s.manifest.Flush()
	return errors.Join(s.manifest.Error(), s.file.Sync())
}

// Close leaves the folder.
func (s *imageSaver) Close() {
	_ = s.file.Close() // Finish has reported what matters
	_ = s.root.Close()
}

// Save writes the samples.
func (s *imageSaver) Save(samples []pipeline.Sample) error {
	for _, sample := range samples {
		name := s.nameOf(sample)
		if err := s.root.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			return err
		}
		f, err := s.create(name)
		if err != nil {
			return err
		}
		if err := errors.Join(encodeImage(f, picture(sample.Image), s.quality), f.Close()); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if err := s.manifest.Write(manifestRow(name, sample)); err != nil {
			return fmt.Errorf("%s: %w", manifestName, err)
		}
		s.saved++
	}
	return nil
}

// nameOf gives the image its path in the folder.
func (s *imageSaver) nameOf(sample pipeline.Sample) string {
	if name := s.names.name(sample); name != "" {
		s.conflicts++
		return name + extensionOf(s.quality)
	}
	if sample.CueID != "" {
		if s.plain++; s.plain == 1 {
			s.unnamed = sample
		}
	}
	return savedName(sample, s.quality)
}

// Summary says in words what was saved.
func (s *imageSaver) Summary() string {
	text := fmt.Sprintf("%d images", s.saved)
	if s.conflicts > 0 {
		text += fmt.Sprintf(", %d named as cue conflicts: SHAPE/SHAPE<n>-TEXTURE<m>", s.conflicts)
	}
	if s.plain > 0 {
		shape, texture := conflictClasses(s.unnamed)
		text += fmt.Sprintf("; %d cue conflicts are not named by shape and texture, as the classes must have names without digits and -_., and those of %s are %q and %q", s.plain, s.unnamed.ID, shape, texture)
	}
	return text
}

func manifestRow(name string, s pipeline.Sample) []string {
	perturbation := s.Variant.Perturbation
	if perturbation == "" {
		perturbation = record.CleanPerturbation
	}
	return []string{filepath.ToSlash(name), strconv.Itoa(int(s.Label)), strconv.Itoa(int(s.Cue)), perturbation, strconv.Itoa(int(s.Variant.Severity)), s.ID, s.CueID}
}

// savedName is CLASS/NAME_PERTURBATION_SEVERITY.EXT. The class is the first
// folder of the sample's ID, or its label.
func savedName(s pipeline.Sample, quality int) string {
	class, rest, ok := strings.Cut(s.ID, "/")
	if !ok || !filepath.IsLocal(class) || class == "." {
		class, rest = fmt.Sprintf("class_%d", s.Label), s.ID
	}
	name := strings.TrimSuffix(rest, filepath.Ext(rest))
	if s.Variant.Perturbation != "" {
		name += "_" + variantName(s.Variant, "_")
	}
	name = strings.Map(func(r rune) rune {
		if r < ' ' || strings.ContainsRune(`/\:`, r) {
			return '_'
		}
		return r
	}, name)
	return filepath.Join(class, name+extensionOf(quality))
}

func extensionOf(quality int) string {
	if quality > 0 {
		return ".jpg"
	}
	return ".png"
}

func variantName(v pipeline.Variant, between string) string {
	name := v.Perturbation
	if name == "" {
		name = "clean"
	}
	if v.Severity > 0 {
		name += between + strconv.Itoa(int(v.Severity))
	}
	return name
}
