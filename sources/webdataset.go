package sources

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"quba/pipeline"
	"quba/pipeline/record"
	"quba/pipeline/registry"
)

func init() {
	registry.Register(Sources, "webdataset", "Images and labels in the tar shards of a WebDataset, read without unpacking.",
		webDatasetConfig{Label: "cls", Field: defaultField, Labels: "index"}, newWebDataset)
}

// defaultField is where JSON files hold the label.
const defaultField = "label"

type webDatasetConfig struct {
	Root     string   `koanf:"root" jsonschema:"required" path:"dir" env:"true" jsonschema_description:"Folder that the shards lie in."`
	Shards   []string `koanf:"shards" alone:"true" jsonschema:"required,minItems=1" jsonschema_description:"Tar files below root, in the order in which they are read: names, name-{000000..000147}.tar, or patterns with *, ? and [ ]. Never a URL or a pipe: command."`
	Image    string   `koanf:"image" jsonschema_description:"Extension of the images, such as jpg; any known one when left out."`
	Label    string   `koanf:"label" jsonschema:"minLength=1" jsonschema_description:"Extension of the files that hold the labels, such as cls, txt or json."`
	Field    string   `koanf:"field" jsonschema:"minLength=1" jsonschema_description:"Field of the label, with label: json."`
	Labels   string   `koanf:"labels" jsonschema:"enum=index,enum=imagenet,enum=map" jsonschema_description:"index: labels are class indexes; imagenet: wnids or indexes; map: label_map says."`
	LabelMap string   `koanf:"label_map" path:"file" env:"true" jsonschema_description:"CSV (name,index) or JSON ({name: index}) from labels to class indexes."`
}

func (c webDatasetConfig) Validate() error {
	faults := []error{checkPatterns("shards", c.Shards), checkLabelMap(c.Labels, c.LabelMap)}
	faults = append(faults, checkExtension("image", c.Image), checkExtension("label", c.Label))
	if c.Image == c.Label {
		faults = append(faults, registry.Fieldf("label", "must not be that of the images, %q", c.Image))
	}
	if c.Field != defaultField && c.Label != "json" {
		faults = append(faults, registry.Fieldf("field", "has no effect with label: %s; write label: json", c.Label))
	}
	return errors.Join(faults...)
}

func checkExtension(field, extension string) error {
	if strings.HasPrefix(extension, ".") || extension != strings.ToLower(extension) {
		return registry.Fieldf(field, "must be in small letters without the first dot, such as jpg, got %q", extension)
	}
	return nil
}

// Layout shows two samples of a shard.
func (c webDatasetConfig) Layout() string {
	return `root
├── imagenet-val-000000.tar
│   ├── ILSVRC2012_val_00000001.jpg    the key up to the first dot names the sample
│   ├── ILSVRC2012_val_00000001.cls    its label, such as 65
│   └── ...
└── ...`
}

// webDataset gives the samples shard by shard in the order of the archives.
// IDs are the name of the shard and the key: the path of the files up to the
// first dot of their name. Nothing is unpacked: listing a shard skips the
// images and Read fetches the bytes of one.
type webDataset struct {
	config webDatasetConfig
	cached cachedInfo
}

var _ pipeline.Source = (*webDataset)(nil)

func newWebDataset(c webDatasetConfig) (pipeline.Source, error) {
	return &webDataset{config: c}, nil
}

// Describe lists the samples and reads their labels.
func (s *webDataset) Describe(ctx context.Context) (pipeline.SourceInfo, error) {
	return s.cached.get(func() (pipeline.SourceInfo, error) { return s.list(ctx) })
}

func (s *webDataset) list(ctx context.Context) (pipeline.SourceInfo, error) {
	list := newListing()
	highest := record.NoClass
	seen := map[string]bool{} // keys of the shard
	shard := ""
	classes, err := s.walk(ctx, func(sample shardSample) error {
		if sample.shard != shard {
			shard = sample.shard
			clear(seen)
		}
		if seen[sample.key] {
			return fmt.Errorf("%s: sample %s is there twice; the files of a sample must follow each other", s.file(shard), sample.key)
		}
		seen[sample.key] = true
		list.add(sample.id(), sample.label, sample.image.size)
		highest = max(highest, sample.label)
		return nil
	})
	if classes == 0 {
		classes = int(highest) + 1
	}
	return list.info(classes), err
}

// Samples gives the samples while it goes through the shards.
func (s *webDataset) Samples(ctx context.Context) iter.Seq2[pipeline.Sample, error] {
	return func(yield func(pipeline.Sample, error) bool) {
		seq := uint64(0)
		_, err := s.walk(ctx, func(sample shardSample) error {
			file := s.file(sample.shard)
			out := pipeline.Sample{
				Seq: seq, ID: sample.id(), Path: filepath.Join(file, sample.image.name),
				Label: sample.label, Cue: record.NoClass,
				Read: func(into *bytes.Buffer) error { return readPart(into, file, sample.image.offset, sample.image.size) },
			}
			seq++
			if !yield(out, nil) {
				return errStopped
			}
			return nil
		})
		if err != nil && !errors.Is(err, errStopped) {
			yield(pipeline.Sample{}, err)
		}
	}
}

// errStopped ends a walk whose consumer wants no more.
var errStopped = errors.New("stopped")

// readPart appends size bytes of a file to a buffer.
func readPart(into *bytes.Buffer, path string, offset, size int64) error {
	if size > maxFileBytes {
		return fmt.Errorf("%s: the image at byte %d has %d bytes, at most %d are read", path, offset, size, maxFileBytes)
	}
	f, err := openRegular(path)
	if err != nil {
		return err
	}
	defer f.Close()
	into.Grow(int(size) + bytes.MinRead)
	n, err := into.ReadFrom(io.NewSectionReader(f, offset, size))
	if err == nil && n < size {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return fmt.Errorf("%s: at byte %d: %w", path, offset, err)
	}
	return nil
}

func (s *webDataset) file(shard string) string {
	return filepath.Join(s.config.Root, filepath.FromSlash(shard))
}

// shardSample is a whole sample.
type shardSample struct {
	shard string // slash path below the root
	key   string
	image tarEntry
	label int32
}

func (s shardSample) id() string { return stableID(path.Base(s.shard) + "/" + s.key) }

// walk calls visit for each sample until it returns an error, and returns the
// number of classes, 0 when the labels must tell.
func (s *webDataset) walk(ctx context.Context, visit func(shardSample) error) (int, error) {
	labels, classes, err := labelRule{labels: s.config.Labels, file: s.config.LabelMap}.reader()
	if err != nil {
		return 0, err
	}
	shards, err := filesOf(s.config.Root, s.config.Shards)
	if err != nil {
		return 0, err
	}
	for _, shard := range shards {
		if err := s.walkShard(ctx, shard, labels, visit); err != nil {
			return 0, err
		}
	}
	return classes, nil
}

func (s *webDataset) walkShard(ctx context.Context, shard string, labels func(string) (int32, error), visit func(shardSample) error) error {
	f, err := openRegular(s.file(shard))
	if err != nil {
		return err
	}
	defer f.Close()
	for group, err := range s.config.groups(f) {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			return fmt.Errorf("%s: %w", f.Name(), err)
		}
		label, err := s.config.label(group, labels)
		if err != nil {
			return fmt.Errorf("%s: sample %s: %w", f.Name(), group.key, err)
		}
		if err := visit(shardSample{shard: shard, key: group.key, image: *group.image, label: label}); err != nil {
			return err
		}
	}
	return nil
}

// keyGroup is the run of entries with one key.
type keyGroup struct {
	key       string
	image     *tarEntry
	label     []byte // nil when there is none
	extension string // of the image
	others    []string
}

// maxLabelBytes bounds what is read of a label, and JSON may hold more than it.
const maxLabelBytes = 1 << 20

// groups gives the samples of an archive. One without an image is an error.
func (c webDatasetConfig) groups(r io.ReadSeeker) iter.Seq2[keyGroup, error] {
	return func(yield func(keyGroup, error) bool) {
		var group keyGroup
		for entry, err := range tarEntries(r) {
			if err != nil {
				yield(keyGroup{}, err)
				return
			}
			key, extension, ok := splitKey(entry.name)
			if !ok {
				continue
			}
			if key != group.key {
				if group.key != "" && !yield(group, c.checkGroup(group)) {
					return
				}
				group = keyGroup{key: key}
			}
			if err := c.put(&group, entry, extension); err != nil {
				yield(keyGroup{}, fmt.Errorf("sample %s: %w", key, err))
				return
			}
		}
		if group.key == "" {
			yield(keyGroup{}, fmt.Errorf("has no sample; expected files such as %s", c.expected("00000001")))
			return
		}
		yield(group, c.checkGroup(group))
	}
}

// splitKey cuts a path at the first dot of its last part, as WebDataset does.
// ok is false for what belongs to no sample: hidden files, those without an
// extension, and metadata such as __index__.
func splitKey(name string) (key, extension string, ok bool) {
	folder, base := path.Split(name)
	stem, extension, found := strings.Cut(base, ".")
	if !found || stem == "" {
		return "", "", false
	}
	key = folder + stem
	for part := range strings.SplitSeq(key, "/") {
		if len(part) >= 4 && strings.HasPrefix(part, "__") && strings.HasSuffix(part, "__") {
			return "", "", false
		}
	}
	return key, strings.ToLower(extension), true
}

// put adds an entry to the group of its key.
func (c webDatasetConfig) put(g *keyGroup, entry tarEntry, extension string) error {
	switch {
	case extension == c.Label:
		if g.label != nil {
			return fmt.Errorf("has two files .%s", extension)
		}
		label, err := io.ReadAll(io.LimitReader(entry.content, maxLabelBytes+1))
		if err != nil {
			return fmt.Errorf(".%s, at byte %d: %w", extension, entry.offset, err)
		}
		if len(label) > maxLabelBytes {
			return fmt.Errorf("the label .%s has %d bytes, at most %d are read", extension, entry.size, maxLabelBytes)
		}
		g.label = label
	case c.isImage(extension):
		if g.image != nil {
			return fmt.Errorf("has two images, .%s and .%s; choose one by its extension with image", g.extension, extension)
		}
		entry.content = nil
		g.image, g.extension = &entry, extension
	case len(g.others) < maxShown:
		g.others = append(g.others, "."+extension)
	}
	return nil
}

func (c webDatasetConfig) isImage(extension string) bool {
	if c.Image != "" {
		return extension == c.Image
	}
	return slices.Contains(imageExtensions, "."+extension)
}

// expected shows the files that a sample must have.
func (c webDatasetConfig) expected(key string) string {
	extension := c.Image
	if extension == "" {
		extension = "jpg"
	}
	return fmt.Sprintf("%s.%s and %s.%s", path.Base(key), extension, path.Base(key), c.Label)
}

func (c webDatasetConfig) checkGroup(g keyGroup) error {
	if g.image != nil && g.label != nil {
		return nil
	}
	found := slices.Clone(g.others)
	if g.image != nil {
		found = append(found, "."+g.extension)
	}
	if g.label != nil {
		found = append(found, "."+c.Label)
	}
	slices.Sort(found)
	return fmt.Errorf("sample %s: expected %s; found %s", g.key, c.expected(g.key), strings.Join(found, ", "))
}

// label reads the class of a sample.
func (c webDatasetConfig) label(g keyGroup, labels func(string) (int32, error)) (int32, error) {
	text := string(bytes.TrimSpace(g.label))
	if c.Label == "json" {
		var err error
		if text, err = jsonField(g.label, c.Field); err != nil {
			return 0, err
		}
	}
	class, err := labels(text)
	if err != nil {
		return 0, fmt.Errorf(".%s: %w", c.Label, err)
	}
	return class, nil
}

// jsonField is the text or number of a field of an object.
func jsonField(data []byte, field string) (string, error) {
	var object map[string]any
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if err := d.Decode(&object); err != nil {
		return "", fmt.Errorf(`.json: must be an object such as {"label": 3}, got %.40q`, data)
	}
	switch value := object[field].(type) {
	case string:
		return value, nil
	case json.Number:
		return value.String(), nil
	}
	return "", fmt.Errorf(".json: field %q must be a number or a text", field)
}
