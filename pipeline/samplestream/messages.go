package samplestream

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/apache/arrow/go/v17/arrow/ipc"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// Limits of a message. Arrow's own reader trusts the lengths in a stream and
// allocates what they say.
const (
	maxMetadata = 16 << 20
	maxBody     = 1 << 30
	// straight is up to which length memory is taken before the bytes have
	// come; beyond it, a stream must deliver to get more.
	straight = 8 << 20
)

// continuation begins every message since Arrow 0.15.
const continuation = 0xffffffff

// errCut is the error for a stream that ends before its end mark.
var errCut = errors.New("the stream ends early: whoever wrote it did not finish")

// messages reads the frames of a stream: a length, a flatbuffer, a body.
type messages struct {
	r     io.Reader
	limit *limitedAllocator
	last  *ipc.Message
}

var _ ipc.MessageReader = (*messages)(nil)

// Message returns the next message, valid until the next call; io.EOF at the
// end mark.
func (m *messages) Message() (*ipc.Message, error) {
	m.Release()
	size, err := m.metadataSize()
	if err != nil {
		return nil, err
	}
	metadata, err := m.read(size)
	if err != nil {
		return nil, err
	}
	bodySize, err := checkMessage(metadata)
	if err != nil {
		return nil, err
	}
	body, err := m.read(bodySize)
	if err != nil {
		return nil, err
	}
	m.limit.most = len(body) + 64 // buffers are rounded up to 64 bytes
	m.last = ipc.NewMessage(memory.NewBufferBytes(metadata), memory.NewBufferBytes(body))
	return m.last, nil
}

func (m *messages) metadataSize() (int64, error) {
	var word [8]byte
	n, err := io.ReadFull(m.r, word[:])
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return 0, err
	}
	if n >= 4 && binary.LittleEndian.Uint32(word[:4]) != continuation {
		return 0, errors.New("not an Arrow IPC stream")
	}
	if err != nil {
		return 0, errCut
	}
	size := binary.LittleEndian.Uint32(word[4:])
	if size == 0 {
		return 0, io.EOF
	}
	if size > maxMetadata {
		return 0, fmt.Errorf("a message has %d bytes of metadata; at most %d are read", size, maxMetadata)
	}
	return int64(size), nil
}

func (m *messages) read(n int64) ([]byte, error) {
	if n <= straight {
		data := make([]byte, n)
		_, err := io.ReadFull(m.r, data)
		return data, cut(err)
	}
	var data bytes.Buffer
	_, err := io.CopyN(&data, m.r, n)
	return data.Bytes(), cut(err)
}

func cut(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errCut
	}
	return err
}

// Release drops the last message.
func (m *messages) Release() {
	if m.last != nil {
		m.last.Release()
		m.last = nil
	}
}

// Retain does nothing: the reader of the stream is the only owner.
func (m *messages) Retain() {}

// limitedAllocator panics where more is asked for than a message can need;
// Arrow's reader turns that into an error.
type limitedAllocator struct {
	memory.Allocator
	most int
}

func (a *limitedAllocator) Allocate(size int) []byte {
	a.check(size)
	return a.Allocator.Allocate(size)
}

func (a *limitedAllocator) Reallocate(size int, b []byte) []byte {
	a.check(size)
	return a.Allocator.Reallocate(size, b)
}

func (a *limitedAllocator) check(size int) {
	if size < 0 || size > a.most {
		panic(fmt.Sprintf("a buffer of %d bytes does not fit in a body of %d", size, a.most))
	}
}
