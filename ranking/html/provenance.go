package html

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"quba/pipeline/record"
	"quba/ranking"
)

// source is what is told of one result folder or table.
type source struct {
	Path  string
	Facts []fact
	// Faults are what went wrong in the run, or was left out of it.
	Faults []string
}

type fact struct{ Name, Value string }

// run is what the page tells of run.json.
type run struct {
	Status      string `json:"status"`
	Started     string `json:"started"`
	Images      int64  `json:"images"`
	Predictions int64  `json:"predictions"`
	Bad         int64  `json:"bad"`
	Damaged     int64  `json:"damaged_but_used"`
	Failed      []struct {
		Name  string `json:"name"`
		Error string `json:"error"`
	} `json:"failed_models"`
	LeftOut []struct {
		Pipeline string `json:"pipeline"`
		Score    string `json:"score"`
		Reason   string `json:"reason"`
	} `json:"left_out"`
	Problems   []string          `json:"problems"`
	Provenance map[string]string `json:"provenance"`
}

// sourcesOf describes each result of the cohort once, in the order in which
// they come.
func sourcesOf(c ranking.Cohort) ([]source, error) {
	var sources []source
	for _, path := range sourcePaths(c) {
		s, err := sourceOf(path)
		if err != nil {
			return nil, err
		}
		sources = append(sources, s)
	}
	return sources, nil
}

// sourcePaths lists where values come from. A value of a table does not say
// it; its model does.
func sourcePaths(c ranking.Cohort) []string {
	var paths []string
	for _, m := range c.Models {
		for _, name := range m.Dimensions() {
			path := cmp.Or(m.Values[name].Origin.Source, withoutLine(m.Source))
			if path != "" && !slices.Contains(paths, path) {
				paths = append(paths, path)
			}
		}
	}
	return paths
}

// withoutLine turns file:line into file.
func withoutLine(place string) string {
	at := strings.LastIndexByte(place, ':')
	if at < 0 {
		return place
	}
	if _, err := strconv.Atoi(place[at+1:]); err != nil {
		return place
	}
	return place[:at]
}

// sourceOf reads the run of a result folder; a table or a score file has none.
func sourceOf(path string) (source, error) {
	s := source{Path: path}
	text, err := os.ReadFile(filepath.Join(path, record.RunFile))
	if err != nil {
		if info, statErr := os.Stat(path); statErr != nil || !info.IsDir() || errors.Is(err, fs.ErrNotExist) {
			return s, nil
		}
		return source{}, err
	}
	var r run
	if err := json.Unmarshal(text, &r); err != nil {
		return source{}, fmt.Errorf("%s: %w", filepath.Join(path, record.RunFile), err)
	}
	s.Facts, s.Faults = r.facts(), r.faults()
	return s, nil
}

func (r run) facts() []fact {
	all := []fact{
		{"status", r.Status},
		{"started", r.Started},
		{"images", number(r.Images)},
		{"predictions", number(r.Predictions)},
		{"images left out as unreadable", number(r.Bad)},
		{"images damaged but used", number(r.Damaged)},
		{"program", r.Provenance[record.MetaTool]},
		{"config sha256", r.Provenance[record.MetaConfigHash]},
		{"seed", r.Provenance[record.MetaSeed]},
		{"protocol", r.Provenance[record.MetaProtocol]},
		{"onnxruntime", r.Provenance[record.MetaRuntime]},
		{"JPEG decoder", r.Provenance[record.MetaJPEG]},
	}
	return append(slices.DeleteFunc(all, func(f fact) bool { return f.Value == "" }), r.dataSets()...)
}

// number leaves out a count of 0, which says nothing.
func number(n int64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}

// dataSets lists the digests of the data sets by pipeline. What cannot be read
// as such is shown as it is.
func (r run) dataSets() []fact {
	text := r.Provenance[record.MetaDatasets]
	if text == "" {
		return nil
	}
	digests := map[string]string{}
	if err := json.Unmarshal([]byte(text), &digests); err != nil {
		return []fact{{"data sets", text}}
	}
	var facts []fact
	for pipeline, digest := range digests {
		facts = append(facts, fact{"data set of " + pipeline, digest})
	}
	slices.SortFunc(facts, func(a, b fact) int { return cmp.Compare(a.Name, b.Name) })
	return facts
}

func (r run) faults() []string {
	var faults []string
	for _, m := range r.Failed {
		faults = append(faults, fmt.Sprintf("model %s failed: %s", m.Name, m.Error))
	}
	for _, l := range r.LeftOut {
		faults = append(faults, fmt.Sprintf("%s was left out: %s", cmp.Or(l.Score, l.Pipeline), l.Reason))
	}
	return append(faults, r.Problems...)
}
