package compose

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"image"
	"io"
	"os"
	"slices"
	"strconv"

	"quba/internal/imaging"
	"quba/pipeline"
)

// boxColumns are the columns of a file of boxes.
var boxColumns = []string{"path", "x0", "y0", "x1", "y1"}

// byteOrderMark is what some programs put before UTF-8 text.
const byteOrderMark = "\xef\xbb\xbf"

// Boxes are foregrounds that fill rectangles.
type Boxes struct {
	// SHA256 is the hex digest of the file.
	SHA256 string
	name   string
	boxes  map[string][]image.Rectangle // by the image's ID
}

var _ Foregrounds = (*Boxes)(nil)

// ReadBoxes reads a CSV file with the columns path, x0, y0, x1, y1 in any
// order: the image's slash path in the data set, and the pixels x0 <= x < x1,
// y0 <= y < y1 of the image before any resize. An image with several rows has
// the union of its boxes. Mistakes are pipeline.DataErrors.
func ReadBoxes(name string) (*Boxes, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, &pipeline.DataError{Err: err}
	}
	sum := sha256.Sum256(data)
	b := &Boxes{SHA256: hex.EncodeToString(sum[:]), name: name, boxes: map[string][]image.Rectangle{}}
	if err := b.parse(bytes.TrimPrefix(data, []byte(byteOrderMark))); err != nil {
		return nil, &pipeline.DataError{Err: fmt.Errorf("%s: %w", name, err)}
	}
	return b, nil
}

func (b *Boxes) parse(data []byte) error {
	rows := csv.NewReader(bytes.NewReader(data))
	header, err := rows.Read()
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("must begin with the columns %q, is empty", boxColumns)
	}
	if err != nil {
		return err
	}
	var at [5]int
	for i, column := range boxColumns {
		if at[i] = slices.Index(header, column); at[i] < 0 {
			return fmt.Errorf("line 1: must have the columns %q, has %q", boxColumns, header)
		}
	}
	for {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		box, err := parseBox(row, at)
		if err != nil {
			line, _ := rows.FieldPos(0)
			return fmt.Errorf("line %d: %w", line, err)
		}
		id := row[at[0]]
		b.boxes[id] = append(b.boxes[id], box)
	}
}

func parseBox(row []string, at [5]int) (image.Rectangle, error) {
	var v [4]int
	for i := range v {
		n, err := strconv.Atoi(row[at[i+1]])
		if err != nil || n < 0 {
			return image.Rectangle{}, fmt.Errorf("%s must be a whole number of pixels from 0 on, got %q", boxColumns[i+1], row[at[i+1]])
		}
		v[i] = n
	}
	if v[0] >= v[2] || v[1] >= v[3] {
		return image.Rectangle{}, fmt.Errorf("x0 must be less than x1 and y0 less than y1, got %v", v)
	}
	return image.Rect(v[0], v[1], v[2], v[3]), nil
}

// Find fills the boxes of an image.
func (b *Boxes) Find(_ context.Context, id string, m *imaging.Image) ([]bool, error) {
	boxes := b.boxes[id]
	if len(boxes) == 0 {
		return nil, pipeline.Unusable("%s has no box for %q", b.name, id)
	}
	foreground := make([]bool, m.W*m.H)
	for _, box := range boxes {
		if !box.In(image.Rect(0, 0, m.W, m.H)) {
			return nil, pipeline.Unusable("the box %d,%d,%d,%d leaves the image of %dx%d pixels; boxes are in pixels of the original image", box.Min.X, box.Min.Y, box.Max.X, box.Max.Y, m.W, m.H)
		}
		for y := box.Min.Y; y < box.Max.Y; y++ {
			for x := box.Min.X; x < box.Max.X; x++ {
				foreground[y*m.W+x] = true
			}
		}
	}
	return foreground, nil
}
