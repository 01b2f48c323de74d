package sources

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"strconv"
	"strings"
)

// labelMap maps the names of classes to their indexes.
type labelMap map[string]int32

// classes is one more than the highest index.
func (m labelMap) classes() int {
	highest := int32(-1)
	for _, index := range m {
		highest = max(highest, index)
	}
	return int(highest) + 1
}

// readLabelMap reads a CSV file of name,index rows, with or without a header,
// or a JSON object of name: index.
func readLabelMap(path string) (labelMap, error) {
	var file bytes.Buffer
	if err := readRegular(&file, path); err != nil {
		return nil, err
	}
	data := bytes.TrimPrefix(file.Bytes(), []byte(byteOrderMark))
	parse := parseLabelCSV
	if strings.EqualFold(filepath.Ext(path), ".json") {
		parse = parseLabelJSON
	}
	m, err := parse(data)
	if err == nil && len(m) == 0 {
		err = errors.New("has no class; each row must be a class name and its index")
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return m, nil
}

func parseLabelCSV(data []byte) (labelMap, error) {
	r := csv.NewReader(bytes.NewReader(data))
	r.FieldsPerRecord = -1
	m := labelMap{}
	for first := true; ; first = false {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			return m, nil
		}
		if err != nil {
			return nil, err
		}
		line, _ := r.FieldPos(0)
		if len(row) < 2 {
			return nil, fmt.Errorf("line %d: must be a class name and its index, got %q", line, strings.Join(row, ","))
		}
		index, err := parseIndex(row[1])
		if err != nil && first {
			continue // a header
		}
		if err == nil {
			err = m.add(row[0], index)
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", line, err)
		}
	}
}

// parseLabelJSON reads token by token, as json.Unmarshal lets the last of
// equal keys win.
func parseLabelJSON(data []byte) (labelMap, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if token, err := d.Token(); err != nil || token != json.Delim('{') {
		return nil, errors.New(`must be a JSON object such as {"cat": 0, "dog": 1}`)
	}
	m := labelMap{}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, err
		}
		value, err := d.Token()
		if err != nil {
			return nil, err
		}
		index, err := parseIndex(fmt.Sprint(value))
		if err == nil {
			err = m.add(key.(string), index)
		}
		if err != nil {
			return nil, fmt.Errorf("key %q: %w", key, err)
		}
	}
	if _, err := d.Token(); err != nil {
		return nil, err
	}
	if d.More() {
		return nil, errors.New("must be one JSON object, more follows it")
	}
	return m, nil
}

func (m labelMap) add(name string, index int32) error {
	if _, twice := m[name]; twice {
		return fmt.Errorf("class %q is there twice", name)
	}
	m[name] = index
	return nil
}

// parseIndex reads a class index: 0 or more.
func parseIndex(text string) (int32, error) {
	n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 32)
	if err != nil || n < 0 || n == math.MaxInt32 {
		return 0, fmt.Errorf("class index must be a whole number from 0 on, got %q", text)
	}
	return int32(n), nil
}
