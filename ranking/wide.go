package ranking

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"strings"

	"quba/pipeline/registry"
)

// modelColumn names the models of a wide table.
const modelColumn = "model"

// wideColumn is what a column of a wide table holds: a dimension, the model's
// name, or a label.
type wideColumn struct {
	name      string
	dimension *Dimension
}

// readCSV reads a wide table: one row for each model, columns "model",
// dimensions by name or published column name, and any others as labels. An
// empty cell is a missing dimension. Errors begin with file:line:column.
func readCSV(path string) ([]Model, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return parseCSV(path, f)
}

func parseCSV(name string, r io.Reader) ([]Model, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	rows := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(data, []byte("\ufeff"))))
	position := func(column int) string {
		line, at := rows.FieldPos(column)
		return fmt.Sprintf("%s:%d:%d", name, line, at)
	}
	header, err := rows.Read()
	if errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: is empty; must have a header with the column %q", name, modelColumn)
	}
	if err != nil {
		return nil, csvError(name, err)
	}
	columns, err := wideColumns(header, position)
	if err != nil {
		return nil, err
	}
	var models []Model
	for {
		cells, err := rows.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, csvError(name, err)
		}
		line, _ := rows.FieldPos(0)
		m, err := wideModel(columns, cells, position)
		if err != nil {
			return nil, err
		}
		m.Source = fmt.Sprintf("%s:%d", name, line)
		models = append(models, m)
	}
	if len(models) == 0 {
		return nil, fmt.Errorf("%s: has a header but no models", name)
	}
	return models, nil
}

func csvError(name string, err error) error {
	var parse *csv.ParseError
	if !errors.As(err, &parse) {
		return fmt.Errorf("%s: %w", name, err)
	}
	if errors.Is(parse.Err, csv.ErrFieldCount) {
		return fmt.Errorf("%s:%d:%d: must have as many cells as the header", name, parse.StartLine, parse.Column)
	}
	return fmt.Errorf("%s:%d:%d: %w", name, parse.Line, parse.Column, parse.Err)
}

// wideModels reads the same table from the cells of a Parquet file; errors
// name the row.
func wideModels(path string, header []string, rows [][]string) ([]Model, error) {
	columns, err := wideColumns(header, func(int) string { return path })
	if err != nil {
		return nil, err
	}
	if len(rows) == 0 {
		return nil, fmt.Errorf("%s: has no models", path)
	}
	var models []Model
	for i, cells := range rows {
		source := fmt.Sprintf("%s: row %d", path, i+1)
		m, err := wideModel(columns, cells, func(int) string { return source })
		if err != nil {
			return nil, err
		}
		m.Source = source
		models = append(models, m)
	}
	return models, nil
}

func wideColumns(header []string, position func(int) string) ([]wideColumn, error) {
	columns := make([]wideColumn, len(header))
	seen := map[string]string{}
	for i, name := range header {
		name = strings.TrimSpace(name)
		columns[i].name = name
		canonical := name
		if d, ok := findDimension(name); ok {
			columns[i].dimension = &d
			canonical = d.Name
		} else if err := checkLabelColumn(name); err != nil {
			return nil, fmt.Errorf("%s: %w", position(i), err)
		}
		if before, twice := seen[canonical]; twice {
			return nil, fmt.Errorf("%s: columns %q and %q mean the same; leave one out", position(i), before, name)
		}
		seen[canonical] = name
	}
	if _, ok := seen[modelColumn]; !ok {
		return nil, fmt.Errorf("%s: the column %q is missing; it must name the models", position(0), modelColumn)
	}
	return columns, nil
}

// checkLabelColumn refuses names that are probably slips: a dimension that is
// read as a label would silently be missing.
func checkLabelColumn(name string) error {
	if name == "" {
		return errors.New("a column has no name")
	}
	if name == modelColumn {
		return nil
	}
	if guess := registry.Nearest(name, dimensionNames()); guess != "" {
		return fmt.Errorf("unknown column %q; did you mean %q? Rename it if it is a label", name, guess)
	}
	return nil
}

func wideModel(columns []wideColumn, cells []string, position func(int) string) (Model, error) {
	m := Model{Values: map[string]Value{}}
	for i, column := range columns {
		cell := strings.TrimSpace(cells[i])
		switch {
		case column.dimension != nil:
			if cell == "" {
				continue
			}
			value, err := parseValue(*column.dimension, cell)
			if err != nil {
				return Model{}, fmt.Errorf("%s: %s: %w", position(i), column.name, err)
			}
			m.Values[column.dimension.Name] = Value{Value: value}
		case column.name == modelColumn:
			if cell == "" {
				return Model{}, fmt.Errorf("%s: the model has no name", position(i))
			}
			m.Name = cell
		case cell != "":
			if m.Labels == nil {
				m.Labels = map[string]string{}
			}
			m.Labels[column.name] = cell
		}
	}
	return m, nil
}

// maxValue is above what any dimension can be and keeps sums finite.
const maxValue = 1e15

func parseValue(d Dimension, cell string) (float64, error) {
	value, err := strconv.ParseFloat(cell, 64)
	if err != nil && !math.IsInf(value, 0) {
		return 0, fmt.Errorf("must be a number, got %q; leave the cell empty where there is none", cell)
	}
	if !(math.Abs(value) <= maxValue) {
		return 0, fmt.Errorf("must be a finite number, got %q", cell)
	}
	if err := d.checkBounds(value); err != nil {
		if value > d.Max {
			return 0, fmt.Errorf("%w, got %q; write 76.5 %% as 0.765", err, cell)
		}
		return 0, fmt.Errorf("%w, got %q", err, cell)
	}
	return value, nil
}
