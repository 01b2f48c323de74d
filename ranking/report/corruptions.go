package report

import (
	"fmt"
	"slices"

	"quba/metrics"
)

func init() { register("corruption_robustness", corruptions) }

// corruptions is a grid of accuracies: the 15 corruptions in the order of the
// paper with their severities, then their accuracy relative to the clean one,
// which the score is the mean of, and, against AlexNet, their corruption
// errors in percent. Extras that were measured follow.
func corruptions(s Subject) (Table, error) {
	parts := partSet{}
	for _, p := range s.Value.Parts {
		parts[p.Name] = p.Value
	}
	scored, extra := metrics.CorruptionNames()
	columns := corruptionColumns(parts, scored)
	t := Table{Columns: []string{"corruption"}}
	for _, c := range columns {
		t.Columns = append(t.Columns, c.name)
	}
	for i, name := range slices.Concat(scored, extra) {
		row, measured := corruptionRow(parts, name, columns)
		if measured && i >= len(scored) {
			t.Notes = append(t.Notes, name+" is an extra without a share in the score")
		}
		if measured || i < len(scored) {
			t.add(row...)
		}
	}
	if len(parts) == len(s.Value.Parts) {
		return Table{}, nil
	}
	t.Rest = slices.DeleteFunc(slices.Clone(s.Value.Parts), func(p metrics.Part) bool { _, left := parts[p.Name]; return !left })
	return t, nil
}

// partSet holds the values of parts that are not in the table yet.
type partSet map[string]float64

// take is the cell of a part, nil without it.
func (s partSet) take(name string) any {
	v, ok := s[name]
	if !ok {
		return nil
	}
	delete(s, name)
	return v
}

// corruptionColumn says what a part is called after its corruption.
type corruptionColumn struct{ name, suffix string }

// corruptionColumns leaves out the corruption errors where there are none.
func corruptionColumns(parts partSet, scored []string) []corruptionColumn {
	var columns []corruptionColumn
	for severity := 1; severity <= 5; severity++ {
		columns = append(columns, corruptionColumn{fmt.Sprintf("severity_%d", severity), fmt.Sprintf("/%d", severity)})
	}
	columns = append(columns, corruptionColumn{"relative", ""})
	ce := corruptionColumn{"ce", "/ce"}
	if slices.ContainsFunc(scored, func(name string) bool { _, ok := parts[name+ce.suffix]; return ok }) {
		columns = append(columns, ce)
	}
	return columns
}

func corruptionRow(parts partSet, name string, columns []corruptionColumn) (row []any, measured bool) {
	row = []any{name}
	for _, c := range columns {
		cell := parts.take(name + c.suffix)
		row = append(row, cell)
		measured = measured || cell != nil
	}
	return row, measured
}
