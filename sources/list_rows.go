package sources

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
)

// listRow is one row of a list as text, with its line in the file from 1.
type listRow struct {
	line        int
	path, label string
}

// pathColumns are the names that a list may give its column of paths;
// file_name is Hugging Face's.
var pathColumns = []string{"path", "file_name"}

const labelColumn = "label"

// maxLine bounds a line of JSONL.
const maxLine = 1 << 20

// listRows reads a list as a stream. A row with a fault comes with an error
// and its line, and the rows after it follow.
func listRows(format string, r io.Reader) iter.Seq2[listRow, error] {
	buffered := bufio.NewReader(r)
	if head, _ := buffered.Peek(len(byteOrderMark)); string(head) == byteOrderMark {
		_, _ = buffered.Discard(len(byteOrderMark))
	}
	if format == ".csv" {
		return csvRows(buffered)
	}
	return jsonRows(buffered)
}

func csvRows(r io.Reader) iter.Seq2[listRow, error] {
	return func(yield func(listRow, error) bool) {
		reader := csv.NewReader(r)
		reader.ReuseRecord = true
		header, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return
		}
		pathAt, labelAt, err := csvColumns(header, err)
		if err != nil {
			yield(listRow{line: 1}, err)
			return
		}
		for {
			fields, err := reader.Read()
			if errors.Is(err, io.EOF) {
				return
			}
			row, fatal := csvRow(reader, fields, pathAt, labelAt, err)
			if !yield(row, rowError(err)) || fatal {
				return
			}
		}
	}
}

func csvColumns(header []string, err error) (pathAt, labelAt int, _ error) {
	if err != nil {
		return 0, 0, rowError(err)
	}
	pathAt = slices.IndexFunc(header, func(name string) bool { return slices.Contains(pathColumns, strings.TrimSpace(name)) })
	labelAt = slices.IndexFunc(header, func(name string) bool { return strings.TrimSpace(name) == labelColumn })
	if pathAt < 0 || labelAt < 0 {
		return 0, 0, fmt.Errorf("the header must have %s and %s, got %q", strings.Join(pathColumns, " or "), labelColumn, header)
	}
	return pathAt, labelAt, nil
}

// csvRow places a row. fatal says that nothing can be read after it.
func csvRow(r *csv.Reader, fields []string, pathAt, labelAt int, err error) (row listRow, fatal bool) {
	var fault *csv.ParseError
	switch {
	case errors.As(err, &fault):
		return listRow{line: fault.StartLine}, false
	case err != nil:
		return listRow{}, true
	}
	line, _ := r.FieldPos(0)
	return listRow{line: line, path: fields[pathAt], label: strings.TrimSpace(fields[labelAt])}, false
}

// rowError drops the position from a CSV error, which the caller writes in
// its own form.
func rowError(err error) error {
	var fault *csv.ParseError
	if errors.As(err, &fault) {
		return fault.Err
	}
	return err
}

func jsonRows(r io.Reader) iter.Seq2[listRow, error] {
	return func(yield func(listRow, error) bool) {
		lines := bufio.NewScanner(r)
		lines.Buffer(nil, maxLine)
		n := 0
		for lines.Scan() {
			n++
			text := bytes.TrimSpace(lines.Bytes())
			if len(text) == 0 {
				continue
			}
			row, err := jsonRow(text)
			row.line = n
			if !yield(row, err) {
				return
			}
		}
		if err := lines.Err(); err != nil {
			yield(listRow{line: n + 1}, err)
		}
	}
}

func jsonRow(text []byte) (listRow, error) {
	var object struct {
		Path     any `json:"path"`
		FileName any `json:"file_name"`
		Label    any `json:"label"`
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&object); err != nil {
		var fault *json.UnmarshalTypeError
		if errors.As(err, &fault) {
			err = errors.New("got " + fault.Value)
		}
		return listRow{}, fmt.Errorf(`must be an object such as {"path": "a.jpg", "label": 3}: %w`, err)
	}
	if d.More() {
		return listRow{}, errors.New("must be one JSON object, more follows it on the line")
	}
	var row listRow
	for _, value := range []any{object.FileName, object.Path} {
		text, ok := value.(string)
		if value != nil && !ok {
			return listRow{}, fmt.Errorf("path must be text, got %v", value)
		}
		if text != "" {
			row.path = text
		}
	}
	switch label := object.Label.(type) {
	case string:
		row.label = label
	case json.Number:
		row.label = label.String()
	default:
		return listRow{}, errors.New("label must be a number or a text")
	}
	return row, nil
}
