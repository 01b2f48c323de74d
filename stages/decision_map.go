package stages

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"quba/internal/imagenet"
	"quba/pipeline/record"
)

// maxDecisionMap bounds the file of a decision, in bytes.
const maxDecisionMap = 16 << 20

// readDecisionMap reads a CSV file with a header that has the columns class
// and category. Categories are labelled in the order of their names.
func readDecisionMap(path string, outputs int) (*record.Decision, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxDecisionMap+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxDecisionMap {
		return nil, fmt.Errorf("%s: has more than %d bytes", path, maxDecisionMap)
	}
	d, err := parseDecisionMap(data, outputs)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	d.Name = filepath.Base(path)
	return d, nil
}

func parseDecisionMap(data []byte, outputs int) (*record.Decision, error) {
	r := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))))
	header, err := r.Read()
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	class, category := slices.Index(header, "class"), slices.Index(header, "category")
	if class < 0 || category < 0 {
		return nil, fmt.Errorf("line 1: must be a header with class and category, got %q", strings.Join(header, ","))
	}
	of := map[int32]string{}
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		line, _ := r.FieldPos(0)
		if err := addToDecision(of, row[class], row[category], outputs); err != nil {
			return nil, fmt.Errorf("line %d: %w", line, err)
		}
	}
	if len(of) == 0 {
		return nil, errors.New("has no class; each row must be a class and its category")
	}
	return decisionOf(of, outputs), nil
}

func addToDecision(of map[int32]string, class, category string, outputs int) error {
	index, known := imagenet.Index(class)
	if !known || outputs != imagenet.Classes {
		n, err := strconv.ParseUint(class, 10, 31)
		if err != nil || n >= uint64(outputs) {
			return fmt.Errorf("class must be an index below %d, or a wnid of ImageNet's 1000 classes, got %q", outputs, class)
		}
		index = int32(n)
	}
	if category == "" {
		return fmt.Errorf("class %q must have a category", class)
	}
	if _, twice := of[index]; twice {
		return fmt.Errorf("class %q is there twice", class)
	}
	of[index] = category
	return nil
}

func decisionOf(of map[int32]string, outputs int) *record.Decision {
	d := &record.Decision{Of: make([]int32, outputs)}
	for _, category := range of {
		if !slices.Contains(d.Classes, category) {
			d.Classes = append(d.Classes, category)
		}
	}
	slices.Sort(d.Classes)
	for i := range d.Of {
		d.Of[i] = record.NoClass
	}
	for index, category := range of {
		at, _ := slices.BinarySearch(d.Classes, category)
		d.Of[index] = int32(at)
	}
	return d
}
