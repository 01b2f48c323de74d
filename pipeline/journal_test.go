package pipeline

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"quba/pipeline/record"
)

var testFacts = runFacts{"config": "abc", "seed": "7"}

func oneRow(id string) arrow.Record {
	b := record.NewBuilder(memory.DefaultAllocator, true)
	defer b.Release()
	b.Append(record.Row{Model: "a", Pipeline: "clean", ID: id, Label: 1, Cue: record.NoClass}, []float32{1, 3, 2}, record.Logits)
	return b.NewRecord()
}

// testEntries has one of each kind.
func testEntries() []entry {
	odd := sampleNotes([]BadSample{{Pipelines: []string{"clean"}, ID: "a\xffb", Path: "/data/a\xffb", Reason: "torn"}})
	return []entry{
		{Pass: 0, Pipeline: 1, Model: 2, Place: place{Sample: 3, Item: 1}, Read: 4, Bad: odd, records: []arrow.Record{oneRow("x"), oneRow("y")}},
		{Read: 256, Warnings: odd},
		{Resumed: true},
		{Model: 1, Place: place{Sample: 9, Item: 2}, Read: 1, Failed: "out of luck"},
		{Read: 2, Last: true},
	}
}

// written is a journal of these entries, and its path.
func written(t *testing.T, entries []entry) (path string, data []byte) {
	t.Helper()
	path = filepath.Join(t.TempDir(), journalFile)
	j, err := createJournal(path, testFacts)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if err := j.append(e); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	data, err = os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return path, data
}

// sound opens a journal and takes all that is whole.
func sound(t *testing.T, path string) (*journal, []entry) {
	t.Helper()
	j, facts, err := openJournal(path)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(facts, testFacts) {
		t.Errorf("facts are %v, want %v", facts, testFacts)
	}
	var entries []entry
	for {
		e, err := j.next()
		if errors.Is(err, io.EOF) {
			return j, entries
		}
		if err != nil {
			t.Fatal(err)
		}
		j.accept()
		entries = append(entries, e)
	}
}

func checkEntries(t *testing.T, got, want []entry) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d entries, want %d", len(got), len(want))
	}
	for i := range got {
		if len(got[i].records) != len(want[i].records) {
			t.Fatalf("entry %d has %d records, want %d", i, len(got[i].records), len(want[i].records))
		}
		for k, rec := range got[i].records {
			if !array.RecordEqual(rec, want[i].records[k]) {
				t.Errorf("entry %d: record %d is %v", i, k, rec)
			}
		}
		got[i].records, want[i].records = nil, nil
		if !reflect.DeepEqual(got[i], want[i]) {
			t.Errorf("entry %d is %+v, want %+v", i, got[i], want[i])
		}
	}
}

func TestJournalGivesBackItsEntries(t *testing.T) {
	path, _ := written(t, testEntries())
	j, entries := sound(t, path)
	defer j.Close()
	checkEntries(t, entries, testEntries())
	if lost, err := j.cut(); err != nil || lost != 0 {
		t.Errorf("%d bytes lost, error %v", lost, err)
	}
}

// bounds are the ends of the header and of each entry.
func bounds(t *testing.T, entries []entry) []int {
	t.Helper()
	var ends []int
	for n := range len(entries) + 1 {
		_, data := written(t, entries[:n])
		ends = append(ends, len(data))
	}
	return ends
}

// However a journal is torn or damaged, the entries before that place come back
// and nothing else; what is appended then follows them.
func TestDamagedJournal(t *testing.T) {
	path, data := written(t, testEntries())
	ends := bounds(t, testEntries())
	for at := range data {
		torn := data[:at]
		flipped := bytes.Clone(data)
		flipped[at] ^= 0x10
		zeros := append(bytes.Clone(torn), make([]byte, 4096)...)
		for kind, damaged := range map[string][]byte{"torn": torn, "flipped": flipped, "zeros": zeros} {
			if err := os.WriteFile(path, damaged, 0o666); err != nil {
				t.Fatal(err)
			}
			checkDamaged(t, path, kind, at, ends)
		}
	}
}

func checkDamaged(t *testing.T, path, kind string, at int, ends []int) {
	t.Helper()
	if at < ends[0] {
		if _, _, err := openJournal(path); !errors.Is(err, errJournal) {
			t.Fatalf("%s at %d: error %v, want %v", kind, at, err, errJournal)
		}
		return
	}
	whole := 0
	for whole < len(ends)-1 && ends[whole+1] <= at {
		whole++
	}
	j, entries := sound(t, path)
	if len(entries) != whole {
		t.Fatalf("%s at %d: %d entries, want %d", kind, at, len(entries), whole)
	}
	if _, err := j.cut(); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(j.append(entry{Read: 77}), j.Close()); err != nil {
		t.Fatal(err)
	}
	j, entries = sound(t, path)
	defer j.Close()
	checkEntries(t, entries, append(testEntries()[:whole], entry{Read: 77}))
}

func TestFactsThatDiffer(t *testing.T) {
	got := runFacts{"config": "abc", "seed": "7", "stages": "[]"}.differences(runFacts{"config": "abd", "seed": "7", "model a": ""})
	if want := []string{"config", "model a", "stages"}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
