package parquetio

import (
	"github.com/apache/arrow/go/v17/parquet/compress"
	"github.com/klauspost/compress/zstd"
)

// init replaces the zstd codec of arrow, which makes a new encoder of several
// megabytes for every page and lets a page unpack to any size.
func init() {
	compress.RegisterCodec(compress.Codecs.Zstd, newZstdCodec())
}

// zstdCodec shares one encoder and one decoder; both are safe for concurrent
// use. The level is pinned: the bytes of a file must not depend on defaults.
type zstdCodec struct {
	compress.Codec // what pages do not use
	encoder        *zstd.Encoder
	decoder        *zstd.Decoder
}

func newZstdCodec() zstdCodec {
	encoder, err := zstd.NewWriter(nil,
		zstd.WithEncoderLevel(zstd.SpeedDefault), zstd.WithEncoderConcurrency(1),
		zstd.WithWindowSize(1<<20), zstd.WithZeroFrames(true), zstd.WithLowerEncoderMem(true))
	if err != nil {
		panic(err)
	}
	decoder, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(maxAllocation))
	if err != nil {
		panic(err)
	}
	inner, err := compress.GetCodec(compress.Codecs.Zstd)
	if err != nil {
		panic(err)
	}
	return zstdCodec{Codec: inner, encoder: encoder, decoder: decoder}
}

func (c zstdCodec) Encode(dst, src []byte) []byte { return c.encoder.EncodeAll(src, dst[:0]) }

// EncodeLevel ignores the level, which is pinned.
func (c zstdCodec) EncodeLevel(dst, src []byte, _ int) []byte { return c.Encode(dst, src) }

// Decode panics on damaged data, as the interface has no error.
func (c zstdCodec) Decode(dst, src []byte) []byte {
	out, err := c.decoder.DecodeAll(src, dst[:0])
	if err != nil {
		panic(err)
	}
	return out
}
