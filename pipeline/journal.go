package pipeline

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"

	"github.com/apache/arrow/go/v17/arrow"
)

// journalFile holds the finished steps of a run that is not finished.
const journalFile = "journal"

// journalMagic is the first line of a journal; it names the format.
const journalMagic = "quba journal 1\n"

// journal is an append-only file of finished steps, in their order.
//
// After the first line come entries: the length of the payload and the CRC-32C
// of length and payload, 4 bytes each, little-endian, then the payload. The first
// payload is the runFacts in JSON. Each other one is the length of a JSON
// text (uvarint), the text, which is an entry, and its records, one after the
// other as appendRecord lays them out.
//
// Entries go to the operating system one by one and are not synced: they survive
// the process, and a loss of power may take the last ones. What is not whole at
// the end is recognised and cut off. It is used from one goroutine.
type journal struct {
	file *os.File
	in   *bufio.Reader
	size int64 // of the file when it was opened
	end  int64 // of the entries that were read or written
	buf  []byte
}

// entry is one finished step of a run.
type entry struct {
	// Resumed marks that a run went on from here; it is no step.
	Resumed bool `json:"resumed,omitempty"`
	// Pass is the position in the plan, Pipeline and Model are those of the
	// config.
	Pass     int `json:"pass"`
	Pipeline int `json:"pipeline"`
	Model    int `json:"model"`
	// Place is that of the last item of the batch; zero when there was none.
	Place    place        `json:"place,omitzero"`
	Read     int64        `json:"read,omitempty"`
	Bad      []sampleNote `json:"bad,omitempty"`
	Warnings []sampleNote `json:"warnings,omitempty"`
	// Failed is why the model was given up.
	Failed string `json:"failed,omitempty"`
	// Last ends a pass.
	Last    bool           `json:"last,omitempty"`
	records []arrow.Record // owned by the entry
}

// sampleNote is a BadSample whose texts come back as they were, also those that
// are no UTF-8, such as names of files.
type sampleNote struct {
	Pipelines []string `json:"pipelines"`
	ID        []byte   `json:"id"`
	Path      []byte   `json:"path"`
	Reason    []byte   `json:"reason"`
}

func sampleNotes(samples []BadSample) []sampleNote {
	var notes []sampleNote
	for _, s := range samples {
		notes = append(notes, sampleNote{s.Pipelines, []byte(s.ID), []byte(s.Path), []byte(s.Reason)})
	}
	return notes
}

func badSamples(notes []sampleNote) []BadSample {
	var samples []BadSample
	for _, n := range notes {
		samples = append(samples, BadSample{n.Pipelines, string(n.ID), string(n.Path), string(n.Reason)})
	}
	return samples
}

// runFacts is what must be the same for a run to go on where another stopped:
// names, as a message calls them, and values.
type runFacts map[string]string

// errJournal marks a journal that cannot be used.
var errJournal = errors.New("is damaged or of another version")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

const frameBytes = 8

// createJournal starts a journal in the place of any other.
func createJournal(path string, facts runFacts) (*journal, error) {
	file, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	j := &journal{file: file}
	text, err := json.Marshal(facts)
	if err == nil {
		_, err = file.WriteString(journalMagic)
	}
	if err == nil {
		err = j.write(append(make([]byte, frameBytes), text...))
	}
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	return j, nil
}

// openJournal opens a journal and reads the facts of its run. The error is
// errJournal when the file is none.
func openJournal(path string) (j *journal, facts runFacts, err error) {
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, nil, err
	}
	defer func() {
		if err != nil {
			_ = file.Close()
		}
	}()
	info, err := file.Stat()
	if err != nil {
		return nil, nil, err
	}
	j = &journal{file: file, in: bufio.NewReaderSize(file, 1<<16), size: info.Size()}
	facts, err = j.header()
	return j, facts, err
}

func (j *journal) header() (facts runFacts, err error) {
	magic := make([]byte, len(journalMagic))
	if _, err := io.ReadFull(j.in, magic); err != nil || string(magic) != journalMagic {
		return nil, notWhole(err)
	}
	j.end = int64(len(magic))
	payload, err := j.read()
	if err != nil {
		return nil, notWhole(err)
	}
	if json.Unmarshal(payload, &facts) != nil {
		return nil, errJournal
	}
	j.end += frameBytes + int64(len(payload))
	return facts, nil
}

// notWhole turns the end of a file into errJournal and keeps faults of the
// machine.
func notWhole(err error) error {
	if err == nil || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errJournal
	}
	return err
}

// next returns the next entry, which counts once it is accepted. The error is
// io.EOF where the sound entries end, and another when the file cannot be read.
func (j *journal) next() (entry, error) {
	payload, err := j.read()
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = io.EOF
	}
	if err != nil {
		return entry{}, err
	}
	e, err := decodeEntry(payload)
	if err != nil {
		return entry{}, io.EOF
	}
	return e, nil
}

// accept keeps the entry that next has just given: what is appended comes after
// it.
func (j *journal) accept() { j.end += frameBytes + int64(len(j.buf)) }

// read returns the next payload, which is valid until the next call. The error
// is io.EOF or io.ErrUnexpectedEOF where there is no sound one.
func (j *journal) read() ([]byte, error) {
	var frame [frameBytes]byte
	if _, err := io.ReadFull(j.in, frame[:]); err != nil {
		return nil, err
	}
	length := int64(binary.LittleEndian.Uint32(frame[:4]))
	if length > j.size-j.end-frameBytes {
		return nil, io.ErrUnexpectedEOF
	}
	if int64(cap(j.buf)) < length {
		j.buf = make([]byte, length)
	}
	j.buf = j.buf[:length]
	if _, err := io.ReadFull(j.in, j.buf); err != nil {
		return nil, err
	}
	if checksum(frame[:4], j.buf) != binary.LittleEndian.Uint32(frame[4:]) {
		return nil, io.ErrUnexpectedEOF
	}
	return j.buf, nil
}

// cut removes what comes after the accepted entries, and makes the journal ready
// to be appended to. It returns how many bytes there were.
func (j *journal) cut() (removed int64, err error) {
	if err := j.file.Truncate(j.end); err != nil {
		return 0, err
	}
	_, err = j.file.Seek(j.end, io.SeekStart)
	return j.size - j.end, err
}

// append writes one entry.
func (j *journal) append(e entry) error {
	text, err := json.Marshal(e)
	if err != nil {
		return err
	}
	buf := append(j.buf[:0], make([]byte, frameBytes)...)
	buf = binary.AppendUvarint(buf, uint64(len(text)))
	buf = append(buf, text...)
	for _, rec := range e.records {
		if buf, err = appendRecord(buf, rec); err != nil {
			return err
		}
	}
	j.buf = buf
	return j.write(buf)
}

// write frames and writes a payload, before which there is room for the frame.
func (j *journal) write(framed []byte) error {
	payload := framed[frameBytes:]
	if uint64(len(payload)) > 1<<32-1 {
		return fmt.Errorf("an entry of %d bytes is too long for the journal; make the batches smaller", len(payload))
	}
	binary.LittleEndian.PutUint32(framed, uint32(len(payload)))
	binary.LittleEndian.PutUint32(framed[4:], checksum(framed[:4], payload))
	_, err := j.file.Write(framed)
	return err
}

func checksum(length, payload []byte) uint32 {
	return crc32.Update(crc32.Checksum(length, castagnoli), castagnoli, payload)
}

func decodeEntry(payload []byte) (e entry, err error) {
	size, n := binary.Uvarint(payload)
	if n <= 0 || size > uint64(len(payload)-n) {
		return e, errJournal
	}
	text, rest := payload[n:n+int(size)], payload[n+int(size):]
	if err := json.Unmarshal(text, &e); err != nil {
		return e, err
	}
	for len(rest) > 0 {
		var rec arrow.Record
		if rec, rest, err = decodeRecord(rest); err != nil {
			release(e.records)
			return e, err
		}
		e.records = append(e.records, rec)
	}
	return e, nil
}

// Close leaves the file as it is.
func (j *journal) Close() error { return j.file.Close() }
