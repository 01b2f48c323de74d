package parquetio

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"quba/pipeline/record"
)

func TestReadRecordsBoundsRecords(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.parquet")
	rec := predictions(memory.DefaultAllocator, 1, 0, 9000, 2, false)
	writeBatches(t, path, rec, nil, 1000)
	var sizes []int64
	err := ReadRecords(path, nil, func(rec arrow.Record) error {
		sizes = append(sizes, rec.NumRows())
		return nil
	})
	if err != nil || !slices.Equal(sizes, []int64{4096, 4096, 808}) {
		t.Errorf("records have %v rows, %v", sizes, err)
	}
	wide := predictions(memory.DefaultAllocator, 1, 0, 2500, 1000, true)
	writeBatches(t, path, wide, nil, 1000)
	err = ReadRecords(path, nil, func(rec arrow.Record) error {
		if rec.NumRows() > 1300 {
			t.Errorf("%d rows of 4 kB in a record", rec.NumRows())
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	if got := readAll(t, path, nil); !array.RecordEqual(got, wide) {
		t.Error("the values differ")
	}
}

func TestReadRecordsPicksColumnsInTheirOrder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.parquet")
	rec := predictions(memory.DefaultAllocator, 1, 0, 5, 3, true)
	writeBatches(t, path, rec, nil, 5)
	got := readAll(t, path, []string{record.ColProbs, record.ColSeq})
	if got.NumCols() != 2 || !array.Equal(got.Column(0), rec.Column(14)) || !array.Equal(got.Column(1), rec.Column(4)) {
		t.Errorf("got %v", got)
	}
	err := ReadRecords(path, []string{"none"}, func(arrow.Record) error { return nil })
	if err == nil || !strings.Contains(err.Error(), `column "none" is missing`) || !strings.Contains(err.Error(), path) {
		t.Errorf("error is %v", err)
	}
}

func TestReadRecordsNeedsAColumn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.parquet")
	writeBatches(t, path, predictions(memory.DefaultAllocator, 1, 0, 5, 3, true), nil, 5)
	if ReadRecords(path, []string{}, func(arrow.Record) error { return nil }) == nil {
		t.Error("no error")
	}
}

func TestReadRecordsPassesOnTheVisitorsError(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.parquet")
	writeBatches(t, path, predictions(memory.DefaultAllocator, 1, 0, 5000, 3, false), nil, 500)
	fault := errors.New("enough")
	calls := 0
	err := ReadRecords(path, nil, func(arrow.Record) error {
		calls++
		return fault
	})
	if err != fault || calls != 1 { //nolint:errorlint // it must be the same value
		t.Errorf("%d calls, error %v", calls, err)
	}
	defer func() {
		if recover() != "visitor" {
			t.Error("the visitor's panic is taken for a damaged file")
		}
	}()
	_ = ReadRecords(path, nil, func(arrow.Record) error { panic("visitor") })
}

func TestReadFreesRecords(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.parquet")
	writeBatches(t, path, predictions(memory.DefaultAllocator, 1, 0, 600, 1000, true), nil, 500)
	mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
	var kept arrow.Record
	err := withReader(path, mem, func(r *reader) error {
		return r.read(nil, func(rec arrow.Record) error {
			if kept == nil {
				rec.Retain()
				kept = rec
			}
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	if v, err := record.NewView(kept); err != nil || v.Seq(3) != 3 {
		t.Errorf("a kept record is not whole: %v", err)
	}
	kept.Release()
	// Page buffers go back to a pool that only a finalizer frees.
	if left := mem.CurrentAlloc(); left > 1<<20 {
		t.Errorf("%d bytes are not freed", left)
	}
}

// touch reads everything of a file in all ways; it must not panic.
func touch(data []byte) (arrow.Record, error) {
	r, err := newReader(bytes.NewReader(data), memory.DefaultAllocator)
	if err != nil {
		return nil, err
	}
	_ = r.metadata()
	q := rowQueue{mem: memory.DefaultAllocator}
	err = r.read(nil, func(rec arrow.Record) error {
		_ = textRows(rec)
		touchView(rec)
		if rec.NumCols() == int64(scoreSchema.NumFields()) {
			_, _ = scoresOf(rec)
		}
		q.schema = rec.Schema()
		q.rows += rec.NumRows()
		q.pieces = append(q.pieces, rec.NewSlice(0, rec.NumRows()))
		return nil
	})
	if err != nil || q.schema == nil {
		return nil, err
	}
	return q.take()
}

func touchView(rec arrow.Record) {
	v, err := record.NewView(rec)
	if err != nil {
		return
	}
	sum := float32(0)
	for i := range v.Len() {
		_ = v.Model(i) + v.Pipeline(i) + v.Perturbation(i) + v.ID(i)
		_ = v.Severity(i) + v.Label(i) + v.Cue(i) + v.Top1(i) + v.TrueRank(i)
		sum += v.Confidence(i) + v.PTrue(i) + v.Loss(i)
		_ = v.Correct(i) && v.HasLabel(i) && v.Seq(i) > 0
		for _, p := range v.Probabilities(i) {
			sum += p
		}
	}
}

func TestTruncatedFilesAreErrors(t *testing.T) {
	whole := smallFile(t)
	for n := range whole {
		if _, err := touch(whole[:n]); err == nil {
			t.Fatalf("no error for the first %d of %d bytes", n, len(whole))
		}
	}
}

// smallFile is a file of predictions.
func smallFile(t testing.TB) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "small.parquet")
	writeBatches(t, path, predictions(memory.DefaultAllocator, 5, 0, 12, 3, true), map[string]string{"k": "v"}, 5)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestDamagedBytesDoNotPanic(t *testing.T) {
	whole := smallFile(t)
	want, err := touch(whole)
	if err != nil {
		t.Fatal(err)
	}
	footer := len(whole) - 8 - int(binary.LittleEndian.Uint32(whole[len(whole)-8:]))
	found, silent := 0, 0
	for i := range whole {
		for _, flip := range []byte{0x01, 0x80, 0xff} {
			damaged := bytes.Clone(whole)
			damaged[i] ^= flip
			got, err := touch(damaged)
			switch {
			case err != nil:
				found++
			case got == nil || !array.RecordEqual(got, want):
				silent++
				if i < footer {
					t.Errorf("byte %d ^ %#x changes the values of a page and is not found", i, flip)
				}
			}
		}
	}
	t.Logf("of %d damages %d are errors, %d change a name or value in the footer, the others change nothing", 3*len(whole), found, silent)
}

func TestReadOfWhatIsNoFile(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "a.txt")
	if err := os.WriteFile(text, []byte("PAR1 is not all of it, PAR1"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir, text, filepath.Join(dir, "none")} {
		for name, read := range map[string]func() error{
			"metadata": func() error { _, err := Metadata(path); return err },
			"records":  func() error { return ReadRecords(path, nil, func(arrow.Record) error { return nil }) },
			"scores":   func() error { _, _, err := ReadScores(path); return err },
			"table":    func() error { _, _, err := ReadTable(path); return err },
		} {
			if err := read(); err == nil || !strings.Contains(err.Error(), path) {
				t.Errorf("%s of %s: error is %v", name, path, err)
			}
		}
	}
}

// FuzzRead checks that no bytes make the reader panic.
func FuzzRead(f *testing.F) {
	f.Add(smallFile(f))
	scores := filepath.Join(f.TempDir(), "scores.parquet")
	if err := WriteScores(scores, []record.Score{{Model: "m", Dimension: "d", Value: 1}}, nil); err != nil {
		f.Fatal(err)
	}
	data, err := os.ReadFile(scores)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte("PAR1\x00\x00\x00\x00PAR1"))
	f.Fuzz(func(_ *testing.T, data []byte) { _, _ = touch(data) })
}
