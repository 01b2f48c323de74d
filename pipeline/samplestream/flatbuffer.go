package samplestream

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Fields of the flatbuffer tables of Arrow's Message.fbs and Schema.fbs, by
// number, and the values of the types in them.
const (
	messageHeaderType = 1
	messageHeader     = 2
	messageBodyLength = 3

	headerSchema      = 1
	headerRecordBatch = 3

	recordBatchCompression = 3

	schemaFields   = 1
	schemaMetadata = 2

	fieldName       = 0
	fieldTypeType   = 2
	fieldDictionary = 4
	fieldChildren   = 5
	fieldMetadata   = 6

	typeUnion = 14
)

var errDamaged = errors.New("a message is damaged: an offset or a length leads out of it")

// checkMessage returns the length of the body. It refuses what would lead
// Arrow's reader to allocate or to work without bounds, and what the streams
// of this program never need: dictionaries, unions, compressed buffers.
func checkMessage(metadata []byte) (body int64, err error) {
	// In what was written honestly, no byte is reached on two ways.
	b := flatbuffer{data: metadata, left: 2*len(metadata) + 1024}
	root, err := b.follow(0)
	if err != nil {
		return 0, err
	}
	if at, ok := b.field(root, messageBodyLength, 8); ok {
		body = int64(binary.LittleEndian.Uint64(metadata[at:]))
	}
	if body < 0 || body > maxBody {
		return 0, fmt.Errorf("a message has a body of %d bytes; at most %d are read", body, maxBody)
	}
	kind, ok := b.field(root, messageHeaderType, 1)
	if !ok {
		return 0, errDamaged
	}
	header, err := b.table(root, messageHeader)
	if err != nil {
		return 0, err
	}
	switch metadata[kind] {
	case headerSchema:
		return body, b.checkSchema(header)
	case headerRecordBatch:
		if _, compressed := b.field(header, recordBatchCompression, 4); compressed {
			return 0, errors.New("the stream is compressed; write it without compression")
		}
		return body, nil
	}
	return 0, fmt.Errorf("a message has the type %d; only record batches are read, without dictionaries", metadata[kind])
}

// flatbuffer walks the tables of a message.
type flatbuffer struct {
	data []byte
	left int // bytes that may still be visited
}

func (b *flatbuffer) spend(n int) error {
	if b.left -= n; b.left < 0 {
		return errors.New("a message is damaged: parts of it are used again and again")
	}
	return nil
}

func (b *flatbuffer) checkSchema(schema int) error {
	if err := b.each(schema, schemaMetadata, b.checkKeyValue); err != nil {
		return err
	}
	return b.each(schema, schemaFields, func(field int) error { return b.checkField(field, 0) })
}

func (b *flatbuffer) checkField(field, depth int) error {
	const maxDepth = 16
	if depth > maxDepth {
		return fmt.Errorf("a column is nested more than %d levels deep", maxDepth)
	}
	if _, encoded := b.field(field, fieldDictionary, 4); encoded {
		return errors.New("a column is dictionary-encoded; write it with plain values")
	}
	if at, ok := b.field(field, fieldTypeType, 1); ok && b.data[at] == typeUnion {
		return errors.New("a column is a union, which is not read")
	}
	if err := b.checkText(field, fieldName); err != nil {
		return err
	}
	if err := b.each(field, fieldMetadata, b.checkKeyValue); err != nil {
		return err
	}
	return b.each(field, fieldChildren, func(child int) error { return b.checkField(child, depth+1) })
}

func (b *flatbuffer) checkKeyValue(pair int) error {
	return errors.Join(b.checkText(pair, 0), b.checkText(pair, 1))
}

func (b *flatbuffer) checkText(table, number int) error {
	_, _, err := b.vector(table, number, 1)
	return err
}

// each calls check for all tables of a vector.
func (b *flatbuffer) each(table, number int, check func(table int) error) error {
	start, n, err := b.vector(table, number, 4)
	if err != nil {
		return err
	}
	for i := range n {
		item, err := b.follow(start + 4*i)
		if err == nil {
			err = check(item)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// vector returns the place and the length of a vector with elements of size
// bytes; it is empty when the table lacks it.
func (b *flatbuffer) vector(table, number, size int) (start, n int, err error) {
	if _, ok := b.field(table, number, 4); !ok {
		return 0, 0, nil
	}
	at, err := b.table(table, number)
	if err != nil {
		return 0, 0, err
	}
	length := int64(binary.LittleEndian.Uint32(b.data[at:]))
	if length*int64(size) > int64(len(b.data)-at-4) {
		return 0, 0, errDamaged
	}
	return at + 4, int(length), b.spend(int(length) * size)
}

// table returns the place of what a field refers to.
func (b *flatbuffer) table(table, number int) (int, error) {
	at, ok := b.field(table, number, 4)
	if !ok {
		return 0, errDamaged
	}
	return b.follow(at)
}

// follow returns the place that the offset at a place leads to.
func (b *flatbuffer) follow(at int) (int, error) {
	if at > len(b.data)-4 {
		return 0, errDamaged
	}
	to := int64(at) + int64(binary.LittleEndian.Uint32(b.data[at:]))
	if to > int64(len(b.data)-4) {
		return 0, errDamaged
	}
	return int(to), b.spend(4)
}

// field returns the place of a field of size bytes in a table; false when the
// table lacks it, or when it lies outside the data, where Arrow's reader fails
// as well. It must find whatever that reader finds, such as a field in a vtable
// of an odd length.
func (b *flatbuffer) field(table, number, size int) (int, bool) {
	vtable := int64(table) - int64(int32(binary.LittleEndian.Uint32(b.data[table:])))
	if vtable < 0 || vtable > int64(len(b.data)-2) {
		return 0, false
	}
	slot := 4 + 2*number
	length := int(binary.LittleEndian.Uint16(b.data[vtable:]))
	if slot >= length || int(vtable)+slot+2 > len(b.data) {
		return 0, false
	}
	offset := int(binary.LittleEndian.Uint16(b.data[int(vtable)+slot:]))
	if offset == 0 || table+offset+size > len(b.data) {
		return 0, false
	}
	return table + offset, true
}
