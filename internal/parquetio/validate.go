package parquetio

import (
	"errors"
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/bitutil"
)

// validate checks that no value of an array lies outside its buffers. The
// reader builds such arrays from damaged files without an error.
func validate(a arrow.Array) error {
	end := a.Data().Offset() + a.Len()
	if bitmap := a.Data().Buffers()[0]; bitmap != nil && bitmap.Len() < int(bitutil.BytesForBits(int64(end))) {
		return errors.New("the null bitmap is too short")
	}
	if a.NullN() < 0 || a.NullN() > a.Len() {
		return fmt.Errorf("%d of %d values are null", a.NullN(), a.Len())
	}
	switch a := a.(type) {
	case *array.List:
		if err := checkOffsets(a.Offsets(), a.Data().Offset(), a.Len(), a.ListValues().Len()); err != nil {
			return err
		}
		return validate(a.ListValues())
	case *array.String:
		return checkText(a.Data())
	case *array.Binary:
		return checkText(a.Data())
	}
	fixed, ok := a.DataType().(arrow.FixedWidthDataType)
	if !ok {
		return fmt.Errorf("cannot read the type %s", a.DataType())
	}
	if need := bitutil.BytesForBits(int64(end) * int64(fixed.BitWidth())); need > 0 && bufferLen(a.Data(), 1) < int(need) {
		return errors.New("the values are too short")
	}
	return nil
}

func checkText(data arrow.ArrayData) error {
	if data.Len() == 0 {
		return nil
	}
	if bufferLen(data, 1) < arrow.Int32Traits.BytesRequired(data.Offset()+data.Len()+1) {
		return errors.New("the offsets are too short")
	}
	offsets := arrow.Int32Traits.CastFromBytes(data.Buffers()[1].Bytes())
	return checkOffsets(offsets, data.Offset(), data.Len(), bufferLen(data, 2))
}

func bufferLen(data arrow.ArrayData, i int) int {
	if i >= len(data.Buffers()) || data.Buffers()[i] == nil {
		return 0
	}
	return data.Buffers()[i].Len()
}

// checkOffsets checks that the n values from start on go upwards and end
// within limit.
func checkOffsets(offsets []int32, start, n, limit int) error {
	if n == 0 {
		return nil
	}
	if len(offsets) < start+n+1 {
		return errors.New("the offsets are too short")
	}
	last := int32(0)
	for _, offset := range offsets[start : start+n+1] {
		if offset < last || int(offset) > limit {
			return fmt.Errorf("an offset of %d comes after %d, of %d values", offset, last, limit)
		}
		last = offset
	}
	return nil
}
