package onnxfile

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
)

var errNotONNX = errors.New("not an ONNX model: the protobuf encoding is broken or cut short")

// field is one field of a protobuf message: bytes for a length-delimited one,
// number for a varint.
type field struct {
	num    protowire.Number
	typ    protowire.Type
	bytes  []byte
	number uint64
}

// eachField calls visit for every field of a message, in order.
func eachField(msg []byte, visit func(field) error) error {
	for len(msg) > 0 {
		num, typ, n := protowire.ConsumeTag(msg)
		if n < 0 {
			return errNotONNX
		}
		msg = msg[n:]
		f := field{num: num, typ: typ}
		switch typ {
		case protowire.BytesType:
			f.bytes, n = protowire.ConsumeBytes(msg)
		case protowire.VarintType:
			f.number, n = protowire.ConsumeVarint(msg)
		default:
			n = protowire.ConsumeFieldValue(num, typ, msg)
		}
		if n < 0 {
			return errNotONNX
		}
		msg = msg[n:]
		if err := visit(f); err != nil {
			return err
		}
	}
	return nil
}

// message returns the content of an embedded message.
func (f field) message() ([]byte, error) {
	if f.typ != protowire.BytesType {
		return nil, errNotONNX
	}
	return f.bytes, nil
}

// text returns a string, which onnxruntime expects to be UTF-8; other bytes
// are replaced so that messages and records stay printable.
func (f field) text() string { return strings.ToValidUTF8(string(f.bytes), "\uFFFD") }

// integers returns a repeated int64, packed or not.
func (f field) integers(into []int64) ([]int64, error) {
	if f.typ == protowire.VarintType {
		return append(into, int64(f.number)), nil
	}
	rest, err := f.message()
	if err != nil {
		return nil, err
	}
	for len(rest) > 0 {
		v, n := protowire.ConsumeVarint(rest)
		if n < 0 {
			return nil, errNotONNX
		}
		into = append(into, int64(v))
		rest = rest[n:]
	}
	return into, nil
}

// entry reads a StringStringEntryProto.
func entry(msg []byte) (key, value string, err error) {
	err = eachField(msg, func(f field) error {
		switch f.num {
		case 1:
			key = f.text()
		case 2:
			value = f.text()
		}
		return nil
	})
	return key, value, err
}

// elements multiplies dims. A tensor without dims has one element.
func elements(dims []int64) (int64, error) {
	count := int64(1)
	for _, d := range dims {
		if d < 0 {
			return 0, fmt.Errorf("dimensions must not be negative, got %d", d)
		}
		if d > 0 && count > math.MaxInt64/d {
			return 0, fmt.Errorf("has more than 2^63 elements: %v", dims)
		}
		count *= d
	}
	return count, nil
}
