package sources

import (
	"bufio"
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"quba/internal/imagenet"
	"quba/pipeline"
	"quba/pipeline/record"
	"quba/pipeline/registry"
)

func init() {
	registry.Register(Sources, "imagenet_val", "The ImageNet validation set as it is published: one folder of images and a file with their labels.",
		imageNetValConfig{}, newImageNetVal)
}

type imageNetValConfig struct {
	Root        string `koanf:"root" jsonschema:"required" path:"dir" env:"true" jsonschema_description:"Folder that holds ILSVRC2012_val_00000001.JPEG and the others."`
	GroundTruth string `koanf:"ground_truth" jsonschema:"required" path:"file" env:"true" jsonschema_description:"ILSVRC2012_validation_ground_truth.txt of the development kit, or LOC_val_solution.csv of Kaggle; the content tells which."`
	Partial     bool   `koanf:"partial" jsonschema_description:"Use the images that are there where the ground truth lists more; every score then says so."`
}

// Layout is that of the published archives and of Kaggle's.
func (imageNetValConfig) Layout() string {
	return `root
├── ILSVRC2012_val_00000001.JPEG
└── ...
ground_truth    ILSVRC2012_validation_ground_truth.txt, whose line n is the ILSVRC2012_ID (1 to 1000)
                of image n, or LOC_val_solution.csv, whose rows are ImageId,PredictionString`
}

// imageNetVal gives the images in the order of their numbers. The ID of a
// sample is that in class folders and in ImageNet-C: wnid and file name.
type imageNetVal struct {
	config imageNetValConfig
	cached cachedInfo
}

var _ pipeline.Source = (*imageNetVal)(nil)

func newImageNetVal(c imageNetValConfig) (pipeline.Source, error) {
	return &imageNetVal{config: c}, nil
}

// Describe lists the images.
func (s *imageNetVal) Describe(ctx context.Context) (pipeline.SourceInfo, error) {
	return s.cached.get(func() (pipeline.SourceInfo, error) { return s.list(ctx) })
}

func (s *imageNetVal) list(ctx context.Context) (pipeline.SourceInfo, error) {
	root, files, listed, err := s.open()
	if err != nil {
		return pipeline.SourceInfo{}, err
	}
	defer root.Close()
	list := newListing()
	for _, f := range files {
		if err := ctx.Err(); err != nil {
			return pipeline.SourceInfo{}, err
		}
		list.add(stableID(f.id), f.label, f.size(root))
	}
	info := list.info(imagenet.Classes)
	if len(files) < listed {
		info.Notes = []string{fmt.Sprintf("%d of the %d images that the ground truth lists", len(files), listed)}
	}
	return info, nil
}

// Samples gives the images in the order of their numbers.
func (s *imageNetVal) Samples(ctx context.Context) iter.Seq2[pipeline.Sample, error] {
	return func(yield func(pipeline.Sample, error) bool) {
		root, files, _, err := s.open()
		if err != nil {
			yield(pipeline.Sample{}, err)
			return
		}
		defer root.Close()
		for i, f := range files {
			if err := ctx.Err(); err != nil {
				yield(pipeline.Sample{}, err)
				return
			}
			if !yield(f.sample(s.config.Root, uint64(i)), nil) {
				return
			}
		}
	}
}

// open lists the images with their labels, and counts those that the ground
// truth lists. The caller closes the root.
func (s *imageNetVal) open() (root *os.Root, files []imageFile, listed int, err error) {
	truth, err := readGroundTruth(s.config.GroundTruth)
	if err != nil {
		return nil, nil, 0, err
	}
	if root, err = os.OpenRoot(s.config.Root); err != nil {
		return nil, nil, 0, err
	}
	if files, err = s.match(root, truth); err != nil {
		root.Close()
		return nil, nil, 0, err
	}
	return root, files, len(truth), nil
}

var imageNetValLayout = layout{
	example: "ILSVRC2012_val_00000001.JPEG",
	hint:    "images in one folder for each class are read by the source image_folder",
}

// match finds the label of each image, and the image of each label.
func (s *imageNetVal) match(root *os.Root, truth groundTruth) ([]imageFile, error) {
	byNumber, err := numberedImages(root)
	if err != nil {
		return nil, err
	}
	var files []imageFile
	var extra, missing []string
	for number, f := range byNumber {
		label, ok := truth[number]
		if !ok {
			extra = append(extra, f.path)
			continue
		}
		f.label, f.cue = label, record.NoClass
		f.id = imagenet.All()[label].WNID + "/" + f.path
		files = append(files, f)
	}
	for number := range truth {
		if _, ok := byNumber[number]; !ok {
			missing = append(missing, validationName(number))
		}
	}
	slices.Sort(extra)
	slices.Sort(missing)
	if len(extra) > 0 {
		return nil, fmt.Errorf("%s: has no label for %s of %s; it lists %d images",
			s.config.GroundTruth, some("image", extra), s.config.Root, len(truth))
	}
	if len(missing) > 0 && !s.config.Partial {
		return nil, fmt.Errorf("%s: lacks %s of the %d that %s lists; put them there, or write partial: true to use the others",
			s.config.Root, some("image", missing), len(truth), s.config.GroundTruth)
	}
	slices.SortFunc(files, func(a, b imageFile) int { return strings.Compare(a.path, b.path) })
	return files, nil
}

const validationPrefix = "ILSVRC2012_val_"

// validationName is the name of an image without its extension.
func validationName(number int32) string { return fmt.Sprintf("%s%08d", validationPrefix, number) }

// validationNumber reads the number of an image from its name without its
// extension.
func validationNumber(name string) (number int32, ok bool) {
	digits, ok := strings.CutPrefix(name, validationPrefix)
	if !ok || len(digits) != 8 {
		return 0, false
	}
	n, err := strconv.ParseUint(digits, 10, 31)
	return int32(n), err == nil && n > 0
}

// numberedImages are the images of the folder by their numbers.
func numberedImages(root *os.Root) (map[int32]imageFile, error) {
	entries, err := readFolder(root, ".")
	if err != nil {
		return nil, err
	}
	files := map[int32]imageFile{}
	var strange []string
	for _, entry := range entries {
		name := entry.Name()
		if entry.IsDir() || !isImage(name) {
			continue
		}
		number, ok := validationNumber(strings.TrimSuffix(name, path.Ext(name)))
		if !ok {
			strange = append(strange, name)
			continue
		}
		if twin, twice := files[number]; twice {
			return nil, fmt.Errorf("%s: image %d is there twice, as %s and %s", root.Name(), number, min(twin.path, name), max(twin.path, name))
		}
		files[number] = imageFile{path: name, entry: entry}
	}
	slices.Sort(strange)
	switch {
	case len(strange) > 0:
		return nil, imageNetValLayout.fault(root, "%s", some("image", strange))
	case len(files) == 0:
		return nil, imageNetValLayout.fault(root, "%s", contents(root, "."))
	}
	return files, nil
}

// groundTruth maps the numbers of images, from 1, to class indexes.
type groundTruth map[int32]int32

// readGroundTruth reads a list of the challenge or of Kaggle.
func readGroundTruth(file string) (groundTruth, error) {
	f, err := openRegular(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return parseGroundTruth(file, f)
}

// kaggleHeader starts the list of Kaggle.
const kaggleHeader = "ImageId,PredictionString"

func parseGroundTruth(file string, r io.Reader) (groundTruth, error) {
	text := bufio.NewReader(r)
	if head, _ := text.Peek(len(byteOrderMark)); string(head) == byteOrderMark {
		_, _ = text.Discard(len(byteOrderMark))
	}
	truth := groundTruth{}
	faults := &rowFaults{file: file}
	parse := parseChallengeIDs
	if head, _ := text.Peek(len(kaggleHeader)); bytes.EqualFold(head, []byte(kaggleHeader)) {
		parse = parseKaggle
	}
	parse(text, truth, faults)
	if faults.count == 0 && len(truth) == 0 {
		return nil, fmt.Errorf("%s: has no label; expected the lines of ILSVRC2012_validation_ground_truth.txt, each a number of 1 to 1000, or LOC_val_solution.csv with the header %s", file, kaggleHeader)
	}
	return truth, faults.err()
}

// parseChallengeIDs reads one ILSVRC2012_ID a line. The IDs are not in the
// order of the wnids, and count from 1.
func parseChallengeIDs(r io.Reader, truth groundTruth, faults *rowFaults) {
	lines := bufio.NewScanner(r)
	line, blank := 0, 0
	for lines.Scan() {
		line++
		text := strings.TrimSpace(lines.Text())
		if text == "" {
			blank = line
			continue
		}
		if blank > 0 {
			faults.add(blank, errors.New("must not be empty: line n is the label of image n"))
			blank = 0
		}
		id, err := strconv.Atoi(text)
		index, ok := imagenet.FromChallengeID(id)
		if err != nil || !ok {
			faults.add(line, fmt.Errorf("must be an ILSVRC2012_ID of 1 to %d, got %.40q", imagenet.Classes, text))
			continue
		}
		truth[int32(line)] = index
	}
	if err := lines.Err(); err != nil {
		faults.add(line+1, err)
	}
}

// parseKaggle reads rows of an image and its boxes, "wnid x y x y ...", whose
// classes are the same.
func parseKaggle(r io.Reader, truth groundTruth, faults *rowFaults) {
	rows := csv.NewReader(r)
	rows.FieldsPerRecord = 2
	rows.ReuseRecord = true
	_, _ = rows.Read() // the header, which told that this is Kaggle's
	line := 1
	for {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			return
		}
		var fault *csv.ParseError
		switch {
		case errors.As(err, &fault):
			faults.add(fault.StartLine, fault.Err)
			continue
		case err != nil:
			faults.add(line+1, err)
			return
		}
		line, _ = rows.FieldPos(0)
		if err := truth.addKaggle(row[0], row[1]); err != nil {
			faults.add(line, err)
		}
	}
}

func (t groundTruth) addKaggle(image, boxes string) error {
	number, ok := validationNumber(image)
	if !ok {
		return fmt.Errorf("ImageId must be as in %s, got %.40q", validationName(1), image)
	}
	if _, twice := t[number]; twice {
		return fmt.Errorf("%s is there twice", image)
	}
	fields := strings.Fields(boxes)
	if len(fields) == 0 || len(fields)%5 != 0 {
		return fmt.Errorf(`PredictionString must be boxes such as "n01440764 10 20 300 400", got %.80q`, boxes)
	}
	index, ok := imagenet.Index(fields[0])
	if !ok {
		return fmt.Errorf("PredictionString must start with a wnid of ImageNet, got %.40q", fields[0])
	}
	for box := range slices.Chunk(fields, 5) {
		if box[0] != fields[0] {
			return fmt.Errorf("the boxes must have one class, got %.40q and %.40q", fields[0], box[0])
		}
	}
	t[number] = index
	return nil
}
