package ranking

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// documentVersion grows when a key of the JSON document changes its meaning
// or is taken away, not when one is added.
const documentVersion = 1

// Document is the JSON form of a ranking.
type Document struct {
	SchemaVersion int             `json:"schema_version"`
	Normalization Normalization   `json:"normalization"`
	Protocol      string          `json:"protocol,omitempty"`
	Weights       Weights         `json:"weights"`
	Models        []DocumentModel `json:"models"`
	Notes         []string        `json:"notes,omitempty"`
}

// DocumentModel is a model of a Document.
type DocumentModel struct {
	Model   string   `json:"model"`
	Rank    *int     `json:"rank"` // null without a score
	QUBA    *float64 `json:"quba"`
	Tied    bool     `json:"tied,omitempty"`
	Partial bool     `json:"partial"`
	// Missing dimensions are not there, incomplete ones lack parts.
	Missing    []string `json:"missing"`
	Incomplete []string `json:"incomplete,omitempty"`
	// BlackBox are those for which attacks without gradients stood in.
	BlackBox []string `json:"black_box,omitempty"`
	// Bounds hold the score by all dimensions, where some are missing.
	Bounds     *Bounds                      `json:"quba_bounds,omitempty"`
	Dimensions map[string]DocumentDimension `json:"dimensions"`
	SHA256     string                       `json:"sha256,omitempty"`
	Labels     map[string]string            `json:"labels,omitempty"`
}

// DocumentDimension is a dimension of a DocumentModel.
type DocumentDimension struct {
	Value   float64            `json:"value"`
	N       int64              `json:"n"` // 0 where no count applies
	Parts   map[string]float64 `json:"parts"`
	Z       *float64           `json:"z,omitempty"` // only where it counts
	Partial bool               `json:"partial,omitempty"`
	Note    string             `json:"note,omitempty"`
}

// Document returns the JSON form. The same ranking gives the same bytes.
func (r Ranking) Document() Document {
	d := Document{
		SchemaVersion: documentVersion, Normalization: r.Normalization, Protocol: string(r.Protocol),
		Weights: Weights{}, Models: []DocumentModel{}, Notes: r.Notes,
	}
	for _, dimension := range r.Used {
		d.Weights[dimension.Name] = dimension.Weight
	}
	for _, m := range r.Models {
		d.Models = append(d.Models, m.document())
	}
	return d
}

func (r Ranked) document() DocumentModel {
	d := DocumentModel{
		Model: r.Name, Tied: r.Tied, Partial: r.Partial(),
		Missing: append([]string{}, r.Missing...), Incomplete: r.Incomplete, BlackBox: r.BlackBox, Bounds: r.Bounds,
		Dimensions: map[string]DocumentDimension{}, SHA256: r.SHA256, Labels: r.Labels,
	}
	if r.Scored {
		d.Rank, d.QUBA = &r.Rank, &r.QUBA
	}
	for name, v := range r.Values {
		dimension := DocumentDimension{Value: v.Value, N: v.N, Parts: map[string]float64{}, Partial: v.Partial, Note: v.Note}
		for _, p := range v.Parts {
			dimension.Parts[p.Name] = p.Value
		}
		if z, ok := r.Z[name]; ok {
			dimension.Z = &z
		}
		d.Dimensions[name] = dimension
	}
	return d
}

// Rows returns the ranking as a table of text for people: rank, model, quba,
// the dimensions that any model has, and what is missing or was made by other
// means. Scores have four
// decimals, dimensions four significant digits.
func (r Ranking) Rows() (header []string, rows [][]string) {
	return r.table(func(v float64) string { return strconv.FormatFloat(v, 'f', 4, 64) },
		func(v float64) string { return strconv.FormatFloat(v, 'g', 4, 64) }, Ranked.missingWords)
}

// ExactRows returns the same table for programs: numbers have all the digits
// that they need. Written as CSV, Read takes it back.
func (r Ranking) ExactRows() (header []string, rows [][]string) {
	exact := func(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
	return r.table(exact, exact, Ranked.missingText)
}

func (r Ranking) table(score, value func(float64) string, missing func(Ranked) string) (header []string, rows [][]string) {
	columns := r.columns()
	header = append([]string{"rank", modelColumn, "quba"}, columns...)
	header = append(header, "missing")
	for _, m := range r.Models {
		row := []string{"", m.Name, ""}
		if m.Scored {
			row[0], row[2] = strconv.Itoa(m.Rank), score(m.QUBA)
		}
		for _, name := range columns {
			cell := ""
			if v, ok := m.Values[name]; ok {
				cell = value(v.Value)
			}
			row = append(row, cell)
		}
		rows = append(rows, append(row, missing(m)))
	}
	return header, rows
}

// columns are the nine dimensions in their order, then extra metrics by name.
func (r Ranking) columns() []string {
	present := map[string]bool{}
	for _, m := range r.Models {
		for name := range m.Values {
			present[name] = true
		}
	}
	return columnsOf(present)
}

// columnsOf sorts names: the nine dimensions in their order, then the rest.
func columnsOf[V any](present map[string]V) []string {
	var columns, extra []string
	for _, d := range dimensions {
		if _, ok := present[d.Name]; ok {
			columns = append(columns, d.Name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(present)) {
		if !slices.Contains(columns, name) {
			extra = append(extra, name)
		}
	}
	return append(columns, extra...)
}

// missingWords counts the dimensions that are missing, incomplete or of another
// kind where their names would make the table too wide.
func (r Ranked) missingWords() string {
	if len(r.Missing)+len(r.Incomplete)+len(r.BlackBox) <= 2 {
		return r.missingText()
	}
	var words []string
	if n := len(r.Missing); n > 0 {
		words = append(words, fmt.Sprintf("%d missing", n))
	}
	if n := len(r.Incomplete); n > 0 {
		words = append(words, fmt.Sprintf("%d incomplete", n))
	}
	if n := len(r.BlackBox); n > 0 {
		words = append(words, fmt.Sprintf("%d black-box", n))
	}
	return strings.Join(words, ", ")
}

func (r Ranked) missingText() string {
	words := slices.Clone(r.Missing)
	for _, name := range r.Incomplete {
		words = append(words, name+" (incomplete)")
	}
	for _, name := range r.BlackBox {
		words = append(words, name+" (black-box)")
	}
	return strings.Join(words, " ")
}
