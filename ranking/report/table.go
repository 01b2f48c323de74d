package report

import (
	"encoding/json"
	"math"
	"strconv"

	"quba/metrics"
)

// Table is a dimension laid out in rows. A cell is a string, an int64, a
// float32, a float64, or nil where there is nothing.
type Table struct {
	// Columns are the names in snake case.
	Columns []string
	Rows    [][]any
	// Rest are the parts that are not in the rows, to be shown above them.
	Rest []metrics.Part
	// Notes are caveats of the table.
	Notes []string
}

func (t *Table) add(cells ...any) { t.Rows = append(t.Rows, cells) }

// count is a cell without the 0 that stands for no count.
func count(n int64) any {
	if n == 0 {
		return nil
	}
	return n
}

// MarshalJSON gives columns, and rows as objects with all columns as keys.
func (t Table) MarshalJSON() ([]byte, error) {
	rows := make([]map[string]any, len(t.Rows))
	for i, row := range t.Rows {
		rows[i] = make(map[string]any, len(row))
		for k, cell := range row {
			rows[i][t.Columns[k]] = cell
		}
	}
	return json.Marshal(struct {
		Columns []string         `json:"columns"`
		Rows    []map[string]any `json:"rows"`
	}{t.Columns, rows})
}

// Exact writes a cell with all the digits that it needs.
func Exact(cell any) string {
	switch v := cell.(type) {
	case string:
		return v
	case int64:
		return strconv.FormatInt(v, 10)
	case float32:
		return strconv.FormatFloat(float64(v), 'g', -1, 32)
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	}
	return ""
}

// Brief writes a cell for people: numbers that are not whole with four
// decimals, or three digits where those would lose most of them.
func Brief(cell any) string {
	switch v := cell.(type) {
	case float32:
		return brief(float64(v))
	case float64:
		return brief(v)
	}
	return Exact(cell)
}

func brief(v float64) string {
	size := math.Abs(v)
	switch {
	case size > 1 && v == math.Trunc(v) && size < 1e15:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case v == 0 || size >= 0.001 && size < 1e15:
		return strconv.FormatFloat(v, 'f', 4, 64)
	}
	return strconv.FormatFloat(v, 'g', 3, 64)
}
