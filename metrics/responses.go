package metrics

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// maxResponses bounds a file of responses, in bytes.
const maxResponses = 16 << 20

// responses are the published decisions of people and networks on the images
// of one test set.
type responses struct {
	categories map[string]string // true category by image
	makers     []decisionMaker   // in the order of their names
}

// decisionMaker is a person or a network that decided on images.
type decisionMaker struct {
	name    string
	correct map[string]bool // by image
}

// human says whether the decisions are those of a person, as the published
// files name them.
func (d decisionMaker) human() bool { return strings.HasPrefix(d.name, "subject-") }

// readResponses reads the .csv files of a folder whose names begin with prefix.
func readResponses(folder, prefix string) (*responses, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, fmt.Errorf("published responses: %w", err)
	}
	reading := responsesReader{categories: map[string]string{}, makers: map[string]map[string]bool{}}
	for _, entry := range entries {
		name := entry.Name()
		if entry.IsDir() || !strings.HasPrefix(name, prefix) || filepath.Ext(name) != ".csv" {
			continue
		}
		if err := reading.file(filepath.Join(folder, name), prefix); err != nil {
			return nil, fmt.Errorf("published responses: %s: %w", name, err)
		}
	}
	r := reading.responses()
	if !slices.ContainsFunc(r.makers, decisionMaker.human) {
		return nil, fmt.Errorf("published responses: the files %s*.csv of the folder must have decisions of people, who are called subject-01 and so on, got %d decision makers: %s",
			prefix, len(r.makers), r.names())
	}
	return r, nil
}

func (r *responses) names() string {
	names := make([]string, len(r.makers))
	for i, maker := range r.makers {
		names[i] = maker.name
	}
	return strings.Join(names, ", ")
}

type responsesReader struct {
	categories map[string]string
	makers     map[string]map[string]bool
}

func (r *responsesReader) responses() *responses {
	made := &responses{categories: r.categories}
	for _, name := range slices.Sorted(maps.Keys(r.makers)) {
		made.makers = append(made.makers, decisionMaker{name: name, correct: r.makers[name]})
	}
	return made
}

func (r *responsesReader) file(name, prefix string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxResponses+1))
	if err != nil {
		return err
	}
	if len(data) > maxResponses {
		return fmt.Errorf("has more than %d bytes", maxResponses)
	}
	return r.table(data, makerOf(filepath.Base(name), prefix))
}

// table reads the rows of a file; without a column subj all are decisions of
// maker.
func (r *responsesReader) table(data []byte, maker string) error {
	rows := csv.NewReader(bytes.NewReader(data))
	header, err := rows.Read()
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	response, category, image := slices.Index(header, "object_response"), slices.Index(header, "category"), slices.Index(header, "imagename")
	if min(response, category, image) < 0 {
		return fmt.Errorf("line 1: must be a header with object_response, category and imagename, got %q", strings.Join(header, ","))
	}
	subject := slices.Index(header, "subj")
	for {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if subject >= 0 {
			maker = row[subject]
		}
		if err := r.add(maker, shortImageName(row[image]), row[category], row[response]); err != nil {
			line, _ := rows.FieldPos(0)
			return fmt.Errorf("line %d: %w", line, err)
		}
	}
}

func (r *responsesReader) add(maker, image, category, response string) error {
	if known, ok := r.categories[image]; ok && known != category {
		return fmt.Errorf("image %s is of category %s elsewhere, here of %s; the files must be of one test set", image, known, category)
	}
	r.categories[image] = category
	if r.makers[maker] == nil {
		r.makers[maker] = map[string]bool{}
	}
	if _, twice := r.makers[maker][image]; twice {
		return fmt.Errorf("%s decided on image %s twice; the files must be of one test set with one decision for each image", maker, image)
	}
	r.makers[maker][image] = response == category
	return nil
}

var sessionSuffix = regexp.MustCompile(`_session[-_]\d+$`)

// makerOf takes the decision maker out of a file name such as
// edge_subject-01_session_1.csv, of the set edge, or edge__subject-01.csv.
func makerOf(file, prefix string) string {
	name := sessionSuffix.ReplaceAllString(strings.TrimSuffix(file, ".csv"), "")
	if _, maker, found := strings.Cut(name, "__"); found {
		return maker
	}
	return strings.TrimPrefix(strings.TrimPrefix(name, prefix), "_")
}

// shortImageName is what an image is called in all experiments: the last part
// of its file name between underscores, and the wnid before it, as
// get_short_imagename of model-vs-human takes it. The parts before are of the
// trial.
func shortImageName(name string) string {
	parts := strings.Split(path.Base(name), "_")
	short := parts[len(parts)-1]
	if len(parts) > 1 && strings.HasPrefix(parts[len(parts)-2], "n0") {
		return parts[len(parts)-2] + "_" + short
	}
	return short
}
