package metrics

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"slices"
)

// chunkRows is how many samples are transposed together. With 1000 classes a
// chunk is 1 MB, and each class lies in 1 KB runs.
const chunkRows = 256

// pieceSize is how many probabilities are encoded for one write.
const pieceSize = 16 << 10

// firstRows is how many samples a store has room for at first.
const firstRows = 8

// probabilityStore keeps the probabilities of n samples and K classes so that
// they can be read class by class, in memory that does not grow with n but
// for the labels: full chunks go to a temporary file, class after class
// within each chunk. The zero value is an empty store.
type probabilityStore struct {
	labels  []int32
	classes int
	chunk   []float32 // class-major, stride apart
	stride  int       // rows that chunk has room for, at most chunkRows
	file    *os.File
	path    string // of a file that is still to be removed
	encoded []byte
	err     error
}

func (s *probabilityStore) rows() int { return len(s.labels) }

// add keeps the probabilities of one sample, all in [0, 1]; values above 1 by
// rounding are cut to 1.
func (s *probabilityStore) add(probs []float32, label int32) error {
	if s.err != nil {
		return s.err
	}
	if s.classes == 0 {
		s.classes = len(probs)
	}
	if len(probs) != s.classes {
		return fmt.Errorf("%d probabilities after samples with %d; every sample must have as many as there are classes", len(probs), s.classes)
	}
	row := len(s.labels) % chunkRows
	if row == s.stride {
		s.grow()
	}
	for class, p := range probs {
		s.chunk[class*s.stride+row] = min(p, 1)
	}
	s.labels = append(s.labels, label)
	if row == chunkRows-1 {
		s.err = s.spill()
	}
	return s.err
}

// grow makes room for twice the rows, so that few samples take little memory.
func (s *probabilityStore) grow() {
	stride := min(max(firstRows, 2*s.stride), chunkRows)
	chunk := make([]float32, s.classes*stride)
	for class := range s.classes {
		copy(chunk[class*stride:], s.chunk[class*s.stride:][:s.stride])
	}
	s.chunk, s.stride = chunk, stride
}

// spill writes the full chunk to the end of the file.
func (s *probabilityStore) spill() error {
	if s.file == nil {
		if err := s.open(); err != nil {
			return err
		}
	}
	for piece := range slices.Chunk(s.chunk, pieceSize) {
		for i, p := range piece {
			binary.LittleEndian.PutUint32(s.encoded[4*i:], math.Float32bits(p))
		}
		if _, err := s.file.Write(s.encoded[:4*len(piece)]); err != nil {
			return fmt.Errorf("store probabilities for calibration: %w; set TMPDIR to a folder with room", err)
		}
	}
	return nil
}

func (s *probabilityStore) open() error {
	file, err := os.CreateTemp("", "quba-probabilities-*")
	if err != nil {
		return fmt.Errorf("store probabilities for calibration: %w; set TMPDIR to a writable folder", err)
	}
	s.file, s.path = file, file.Name()
	s.encoded = make([]byte, 4*min(pieceSize, len(s.chunk)))
	// Without a name the file goes away with the process, however it ends.
	// Where an open file cannot lose its name, close removes it.
	if os.Remove(s.path) == nil {
		s.path = ""
	}
	return nil
}

// read fills into with the probabilities of classes [first, first+count), row
// after row for each class, and uses buffer for the file's bytes. into must
// hold count*rows() values and buffer bufferSize(count) bytes. It is safe for
// concurrent use while nothing is added.
func (s *probabilityStore) read(first, count int, into []float32, buffer []byte) error {
	rows := s.rows()
	spilled := rows / chunkRows
	for c := range spilled {
		offset := 4 * int64(chunkRows) * (int64(c)*int64(s.classes) + int64(first))
		block := buffer[:s.bufferSize(count)]
		if _, err := s.file.ReadAt(block, offset); err != nil {
			return fmt.Errorf("read back probabilities for calibration: %w", err)
		}
		for k := range count {
			decode(into[k*rows+c*chunkRows:][:chunkRows], block[4*chunkRows*k:])
		}
	}
	for k := range count {
		copy(into[k*rows+spilled*chunkRows:(k+1)*rows], s.chunk[(first+k)*s.stride:])
	}
	return nil
}

// bufferSize is what read needs for count classes: nothing while all samples
// are in memory.
func (s *probabilityStore) bufferSize(count int) int {
	if s.rows() < chunkRows {
		return 0
	}
	return 4 * chunkRows * count
}

func decode(into []float32, encoded []byte) {
	for i := range into {
		into[i] = math.Float32frombits(binary.LittleEndian.Uint32(encoded[4*i:]))
	}
}

// close removes the file. It may be called more than once.
func (s *probabilityStore) close() error {
	s.chunk, s.encoded = nil, nil
	if s.err == nil {
		s.err = fs.ErrClosed
	}
	if s.file == nil {
		return nil
	}
	err := s.file.Close()
	s.file = nil
	if s.path != "" {
		err = errors.Join(err, os.Remove(s.path))
		s.path = ""
	}
	return err
}
