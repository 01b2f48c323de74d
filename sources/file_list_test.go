package sources

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"quba/pipeline"
	"quba/pipeline/registry"
)

func init() {
	fixtures["file_list"] = func(t *testing.T) fixture {
		root := t.TempDir()
		writePNGs(t, root, "x.png", "y/z.png", "w.png")
		list := filepath.Join(root, "list.csv")
		text := "path,label\ny/z.png,2\nx.png,0\nmissing.png,1\n"
		writeFile(t, list, text)
		return fixture{
			source: func() pipeline.Source {
				return makeSource(t, "file_list", fileListConfig{Path: list, Labels: "index"})
			},
			add: func() { writeFile(t, list, text+"w.png,1\n") },
		}
	}
}

func listSamples(t *testing.T, name, text string, c fileListConfig) (string, error) {
	t.Helper()
	c.Path = filepath.Join(t.TempDir(), name)
	if c.Labels == "" {
		c.Labels = "index"
	}
	writeFile(t, c.Path, text)
	s := makeSource(t, "file_list", c)
	samples, err := collect(s)
	_, describeErr := s.Describe(context.Background())
	if (err == nil) != (describeErr == nil) {
		t.Errorf("Samples says %v, Describe %v", err, describeErr)
	}
	return ids(samples), err
}

func TestFileListFormats(t *testing.T) {
	m := filepath.Join(t.TempDir(), "m.csv")
	writeFile(t, m, "cat,3\ndog,1\n")
	for _, c := range []struct {
		name, text string
		config     fileListConfig
		want       string
	}{
		{"a.csv", "path,label\nb.png,1\na.png,0\n", fileListConfig{}, "b.png=1 a.png=0"},
		{"a.CSV", "\ufefffile_name,extra,label\r\nx/b.png,q,12\r\n", fileListConfig{}, "x/b.png=12"},
		{"a.csv", "label,path\n1,\"a, b.png\"\n", fileListConfig{}, "a, b.png=1"},
		{"a.csv", "path,label\n./x//b.png,1\n", fileListConfig{}, "x/b.png=1"},
		{"a.csv", "path,label\na.png,n01443537\nb.png,999\n", fileListConfig{Labels: "imagenet"}, "a.png=1 b.png=999"},
		{"a.csv", "path,label\na.png,cat\nb.png,dog\n", fileListConfig{Labels: "map", LabelMap: m}, "a.png=3 b.png=1"},
		{"a.jsonl", "\ufeff{\"path\": \"a.png\", \"label\": 4}\n\n{\"file_name\": \"b.png\", \"label\": \"2\", \"more\": []}\n", fileListConfig{}, "a.png=4 b.png=2"},
		{"a.ndjson", `{"path": "a.png", "label": "cat"}`, fileListConfig{Labels: "map", LabelMap: m}, "a.png=3"},
	} {
		got, err := listSamples(t, c.name, c.text, c.config)
		if err != nil || got != c.want {
			t.Errorf("%q: got %s, %v, want %s", c.text, got, err, c.want)
		}
	}
}

func TestFileListFaults(t *testing.T) {
	for _, c := range []struct {
		name, text string
		config     fileListConfig
		words      []string
	}{
		{"a.csv", "", fileListConfig{}, []string{"a.csv", "no image"}},
		{"a.csv", "path,label\n", fileListConfig{}, []string{"no image"}},
		{"a.csv", "file,label\na,1\n", fileListConfig{}, []string{"a.csv:1:", "path or file_name", `"file"`}},
		{"a.csv", "path,label\na.png\nb.png,x\n,1\nc.png,-1\n\"d\"e,1\n", fileListConfig{}, []string{"a.csv:2:", "a.csv:3:", `"x"`, "a.csv:4: path", "a.csv:5:", `"-1"`, "a.csv:6:"}},
		{"a.csv", "path,label\na.png,5\n", fileListConfig{Classes: 5}, []string{"a.csv:2:", "below 5", "got 5"}},
		{"a.csv", "path,label\na.png,1000\n", fileListConfig{Labels: "imagenet"}, []string{"a.csv:2:", "wnid", `"1000"`}},
		{"a.jsonl", "[]\n{\"path\": \"a\", \"label\": null}\n{\"path\": \"a\", \"label\": 1} {}\n{\"label\": 1}\n{\"path\": \"a\", \"label\": 1.5}", fileListConfig{}, []string{"a.jsonl:1:", "a.jsonl:2: label", "a.jsonl:3:", "a.jsonl:4: path", "a.jsonl:5:", `"1.5"`}},
		{"a.jsonl", "[1]\n{\"path\": 7, \"label\": 1}\n", fileListConfig{}, []string{`a.jsonl:1: must be an object such as {"path": "a.jpg", "label": 3}: got array`, "a.jsonl:2: path must be text, got 7"}},
		{"a.jsonl", strings.Repeat("x", maxLine+1), fileListConfig{}, []string{"a.jsonl:1:", "too long"}},
	} {
		_, err := listSamples(t, c.name, c.text, c.config)
		wantError(t, err, c.words...)
	}
}

func TestFileListShowsTenFaultsAndCountsTheRest(t *testing.T) {
	text := "path,label\n" + strings.Repeat("a.png,?\n", 25)
	_, err := listSamples(t, "a.csv", text, fileListConfig{})
	wantError(t, err, "a.csv:2:", "a.csv:11:", "and 15 more bad rows")
	if n := strings.Count(err.Error(), "\n"); n != 10 {
		t.Errorf("%d lines", n+1)
	}
}

func TestFileListRefusesRepeatedPaths(t *testing.T) {
	list := filepath.Join(t.TempDir(), "a.csv")
	writeFile(t, list, "path,label\na.png,1\n./a.png,1\n")
	_, err := makeSource(t, "file_list", fileListConfig{Path: list, Labels: "index"}).Describe(context.Background())
	wantError(t, err, "a.csv:3:", `"a.png"`, "line 2")
}

func TestFileListOptions(t *testing.T) {
	for field, c := range map[string]fileListConfig{
		"path":      {Path: "a.txt", Labels: "index"},
		"classes":   {Path: "a.csv", Labels: "imagenet", Classes: 3},
		"label_map": {Path: "a.csv", Labels: "map"},
	} {
		_, err := tryMakeSource("file_list", c)
		var fault *registry.FieldError
		if !errors.As(err, &fault) || fault.Field != field {
			t.Errorf("%s: error is %v", field, err)
		}
	}
}

func TestFileListRootAndAbsolutePaths(t *testing.T) {
	data, elsewhere := t.TempDir(), t.TempDir()
	writePNGs(t, data, "a.png")
	writePNGs(t, elsewhere, "b.png")
	list := filepath.Join(t.TempDir(), "a.csv")
	writeFile(t, list, fmt.Sprintf("path,label\na.png,0\n%s,0\nnone.png,0\n", filepath.Join(elsewhere, "b.png")))
	s := makeSource(t, "file_list", fileListConfig{Path: list, Root: data, Labels: "index"})
	var faults int
	for sample, err := range s.Samples(context.Background()) {
		if err != nil {
			t.Fatal(err)
		}
		if _, err := readSample(sample); err != nil {
			faults++
		}
	}
	if faults != 1 {
		t.Errorf("%d of 3 files cannot be read, want only none.png", faults)
	}
}

func TestLabelMapFaults(t *testing.T) {
	for name, c := range map[string]struct{ text, word string }{
		"empty.csv":  {"", "no class"},
		"one.csv":    {"a\n", "line 1"},
		"twice.csv":  {"a,1\na,2\n", "line 2"},
		"word.csv":   {"a,1\nb,x\n", "line 2"},
		"quote.csv":  {"a,1\n\"b", "line"},
		"minus.json": {`{"a": -1}`, `"a"`},
		"twice.json": {`{"a": 1, "a": 2}`, "twice"},
		"list.json":  {`[1]`, "JSON object"},
		"deep.json":  {`{"a": {"b": 1}}`, `"a"`},
		"cut.json":   {`{"a": 1`, "EOF"},
		"more.json":  {`{"a": 1} {}`, "more follows"},
	} {
		path := filepath.Join(t.TempDir(), name)
		writeFile(t, path, c.text)
		_, err := readLabelMap(path)
		wantError(t, err, path, c.word)
	}
}

// FuzzListRows checks that no text makes the parsers panic or hang, and that
// lines count upwards.
func FuzzListRows(f *testing.F) {
	f.Add("path,label\na,1\n\"b\nc\",2\n", true)
	f.Add("{\"path\": \"a\", \"label\": 1}\n[]\n", false)
	f.Fuzz(func(t *testing.T, text string, isCSV bool) {
		format := ".jsonl"
		if isCSV {
			format = ".csv"
		}
		last := 0
		for row, err := range listRows(format, strings.NewReader(text)) {
			if row.line <= last && err == nil {
				t.Fatalf("line %d after %d", row.line, last)
			}
			if row.line > strings.Count(text, "\n")+1 {
				t.Fatalf("line %d of %q", row.line, text)
			}
			last = max(last, row.line)
		}
	})
}

// FuzzLabelMap checks that whatever is read has indexes that are classes.
func FuzzLabelMap(f *testing.F) {
	f.Add([]byte("name,index\na,1\n"))
	f.Add([]byte(`{"a": 1}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, parse := range []func([]byte) (labelMap, error){parseLabelCSV, parseLabelJSON} {
			m, err := parse(data)
			if err != nil {
				continue
			}
			for name, index := range m {
				if index < 0 || int(index) >= m.classes() {
					t.Fatalf("%q has index %d of %d", name, index, m.classes())
				}
			}
		}
	})
}
