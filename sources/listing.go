package sources

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"os"
	"strings"
	"sync"
	"unicode/utf8"

	"quba/pipeline"
)

// byteOrderMark is what some programs put before UTF-8 text.
const byteOrderMark = "\xef\xbb\xbf"

// maxFileBytes bounds what Read loads; no picture that may be decoded is
// larger.
const maxFileBytes = 512 << 20

// listing makes the SourceInfo of a data set.
type listing struct {
	hash    hash.Hash
	samples int64
}

func newListing() *listing { return &listing{hash: sha256.New()} }

// add takes the next sample; size is -1 for a file that cannot be opened.
func (l *listing) add(id string, label int32, size int64) {
	head := binary.LittleEndian.AppendUint64(nil, uint64(len(id)))
	tail := binary.LittleEndian.AppendUint32(nil, uint32(label))
	tail = binary.LittleEndian.AppendUint64(tail, uint64(size))
	l.hash.Write(head)
	l.hash.Write([]byte(id))
	l.hash.Write(tail)
	l.samples++
}

func (l *listing) info(classes int) pipeline.SourceInfo {
	return pipeline.SourceInfo{
		Samples: l.samples,
		Digest:  hex.EncodeToString(l.hash.Sum(nil)),
		Classes: classes,
	}
}

// cachedInfo lists a data set once; a failed listing is tried again.
type cachedInfo struct {
	mu   sync.Mutex
	info *pipeline.SourceInfo
}

func (c *cachedInfo) get(list func() (pipeline.SourceInfo, error)) (pipeline.SourceInfo, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.info != nil {
		return *c.info, nil
	}
	info, err := list()
	if err != nil {
		return pipeline.SourceInfo{}, err
	}
	c.info = &info
	return info, nil
}

// stableID makes valid UTF-8 of a file name, so that different names stay
// different: bytes that are not UTF-8 become \xNN, a backslash two.
func stableID(path string) string {
	if utf8.ValidString(path) && !strings.Contains(path, `\`) {
		return path
	}
	var b strings.Builder
	for len(path) > 0 {
		r, n := utf8.DecodeRuneInString(path)
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, path[0])
		case r == '\\':
			b.WriteString(`\\`)
		default:
			b.WriteString(path[:n])
		}
		path = path[n:]
	}
	return b.String()
}

// checkRegular refuses what is no regular file: opening a pipe would wait.
func checkRegular(name string, info os.FileInfo) error {
	if info.Mode().IsRegular() {
		return nil
	}
	if info.IsDir() {
		return fmt.Errorf("%s must be a regular file, is a folder", name)
	}
	return fmt.Errorf("%s must be a regular file, is a pipe or a device", name)
}

// checkFile refuses what is not read whole.
func checkFile(info os.FileInfo) error {
	if err := checkRegular(info.Name(), info); err != nil {
		return err
	}
	if info.Size() > maxFileBytes {
		return fmt.Errorf("%s has %d bytes, at most %d are read", info.Name(), info.Size(), maxFileBytes)
	}
	return nil
}
