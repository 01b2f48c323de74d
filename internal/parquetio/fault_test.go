package parquetio

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/google/renameio/v2"

	"quba/pipeline/record"
)

// failingFile fails from the byte at limit on, or at the rename.
type failingFile struct {
	*renameio.PendingFile
	limit      int64
	short      bool // a short write without an error
	noReplace  bool
	lose       bool // claims success and writes nothing
	written    int64
	errOfWrite error
}

func (f *failingFile) Write(p []byte) (int, error) {
	room := f.limit - f.written
	if room >= int64(len(p)) {
		f.written += int64(len(p))
		return f.PendingFile.Write(p)
	}
	if f.lose {
		return len(p), nil
	}
	n, _ := f.PendingFile.Write(p[:max(room, 0)])
	f.written += int64(n)
	if f.short {
		return n, nil
	}
	return n, f.errOfWrite
}

func (f *failingFile) CloseAtomicallyReplace() error {
	if f.noReplace {
		return f.errOfWrite
	}
	return f.PendingFile.CloseAtomicallyReplace()
}

// step goes through the start of a file and its footer byte by byte.
func step(at, size int64) int64 {
	if at < 100 || at > size-150 {
		return 1
	}
	return 41
}

func TestEveryFailedWriteIsReported(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.parquet")
	rec := predictions(memory.DefaultAllocator, 3, 0, 40, 6, true)
	writeBatches(t, path, rec, nil, 7)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	write := func(f *failingFile) error {
		pending, err := renameio.NewPendingFile(path, renameio.WithTempDir(dir))
		if err != nil {
			t.Fatal(err)
		}
		f.PendingFile = pending
		w, err := newWriter(path, f, record.Predictions, nil, memory.DefaultAllocator)
		if err != nil {
			return err
		}
		if err := w.Write(rec); err != nil {
			return err
		}
		return w.Close()
	}
	for limit := int64(0); limit < info.Size(); limit += step(limit, info.Size()) {
		for _, fault := range []error{syscall.ENOSPC, syscall.EIO} {
			if err := write(&failingFile{limit: limit, errOfWrite: fault}); !errors.Is(err, fault) {
				t.Fatalf("fault at byte %d: error is %v", limit, err)
			}
		}
		if err := write(&failingFile{limit: limit, short: true}); !errors.Is(err, io.ErrShortWrite) {
			t.Fatalf("short write at byte %d: error is %v", limit, err)
		}
		if err := write(&failingFile{limit: limit, lose: true}); err == nil {
			t.Fatalf("lost bytes from %d on: no error", limit)
		}
	}
	assertEmpty(t, dir)
	if err := write(&failingFile{limit: info.Size(), noReplace: true, errOfWrite: syscall.EIO}); !errors.Is(err, syscall.EIO) {
		t.Errorf("failed rename: error is %v", err)
	}
	assertEmpty(t, dir)
	if err := write(&failingFile{limit: info.Size()}); err != nil {
		t.Error(err)
	}
}
