package sources

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"path"
	"strings"
)

// tarBlock is the unit of a tar archive.
const tarBlock = 512

// tarEntry is a file in an archive. Its content starts at offset.
type tarEntry struct {
	name   string // a clean path with slashes, below the archive
	offset int64
	size   int64
	// content reads the file; it is valid until the next entry.
	content io.Reader
}

// tarEntries gives the files of an archive in their order and skips what they
// hold where r can seek. An error ends it: damage, a cut archive, or an entry
// that is no plain file in the archive.
func tarEntries(r io.ReadSeeker) iter.Seq2[tarEntry, error] {
	return func(yield func(tarEntry, error) bool) {
		if err := refuseGzip(r); err != nil {
			yield(tarEntry{}, err)
			return
		}
		archive := tar.NewReader(r)
		end := int64(0)
		for {
			header, err := archive.Next()
			at, seekErr := r.Seek(0, io.SeekCurrent)
			if err == nil {
				err = seekErr
			}
			if errors.Is(err, io.EOF) && at > end {
				return
			}
			if err != nil {
				yield(tarEntry{}, tarError(end, at, err))
				return
			}
			entry, plain, err := plainFile(header, at)
			end = at
			if plain {
				end += (header.Size + tarBlock - 1) / tarBlock * tarBlock
			}
			if err == nil && !plain {
				continue
			}
			entry.content = archive
			if !yield(entry, err) || err != nil {
				return
			}
		}
	}
}

func refuseGzip(r io.ReadSeeker) error {
	magic := make([]byte, 2)
	_, err := io.ReadFull(r, magic)
	if err == nil && bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		return errors.New("is compressed; images are read from the middle of an archive, so it must be a plain .tar: unpack it with gunzip")
	}
	_, err = r.Seek(0, io.SeekStart)
	return err
}

// tarError explains why no entry follows the one that ends at end.
func tarError(end, at int64, err error) error {
	switch {
	case errors.Is(err, tar.ErrHeader):
		return fmt.Errorf("is no tar archive, or is damaged, at byte %d", end)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("is cut off: it ends at byte %d in the middle of an entry or without the mark of the end; copy it again", at)
	}
	return fmt.Errorf("at byte %d: %w", end, err)
}

// plainFile is the entry of a header; plain is false for what has no content,
// such as a folder.
func plainFile(h *tar.Header, offset int64) (entry tarEntry, plain bool, err error) {
	entry = tarEntry{name: path.Clean(h.Name), offset: offset, size: h.Size}
	if path.IsAbs(entry.name) || entry.name == ".." || strings.HasPrefix(entry.name, "../") {
		return entry, false, fmt.Errorf("entry %q leads out of the archive; a name must be relative and never lead up", h.Name)
	}
	switch h.Typeflag {
	case tar.TypeDir, tar.TypeXGlobalHeader:
		return entry, false, nil
	case tar.TypeReg:
	default:
		return entry, false, fmt.Errorf("entry %q is a link, a device or a sparse file; shards must hold plain files", h.Name)
	}
	for key := range h.PAXRecords {
		if strings.HasPrefix(key, "GNU.sparse.") {
			return entry, false, fmt.Errorf("entry %q is a sparse file; shards must hold plain files", h.Name)
		}
	}
	return entry, true, nil
}
