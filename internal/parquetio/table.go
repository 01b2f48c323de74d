package parquetio

import (
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// maxCells bounds what ReadTable reads.
const maxCells = 1 << 22

// ReadTable reads a small table as text: numbers in their shortest exact
// form, "" for null.
func ReadTable(path string) (header []string, rows [][]string, err error) {
	err = withReader(path, memory.DefaultAllocator, func(r *reader) error {
		for _, field := range r.arrow.Manifest.Fields {
			header = append(header, field.Field.Name)
		}
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	err = ReadRecords(path, nil, func(rec arrow.Record) error {
		if (int64(len(rows))+rec.NumRows())*rec.NumCols() > maxCells {
			return fmt.Errorf("%s: has more than %d cells", path, maxCells)
		}
		rows = append(rows, textRows(rec)...)
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	return header, rows, nil
}

func textRows(rec arrow.Record) [][]string {
	rows := make([][]string, rec.NumRows())
	for i := range rows {
		rows[i] = make([]string, rec.NumCols())
		for j, column := range rec.Columns() {
			if column.IsValid(i) {
				rows[i][j] = column.ValueStr(i)
			}
		}
	}
	return rows
}
