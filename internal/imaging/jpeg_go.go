package imaging

import (
	"bytes"
	"errors"
	"image/jpeg"
)

const pureGoJPEG = "go image/jpeg + fancy upsampling"

// decodeJPEGGo decodes without libjpeg: image/jpeg's planes, then libjpeg's
// upsampling and colour conversion. The inverse DCT is Go's, so that samples
// differ from libjpeg's by up to 3 levels (0.03 on average on photographs).
// Unlike libjpeg it refuses damaged scans altogether.
func decodeJPEGGo(data []byte, opt Options) (*Image, string, error) {
	m, err := decodeWith(jpeg.DecodeConfig, jpeg.Decode, data, bytes.NewReader(data), opt)
	if errors.Is(err, jpeg.FormatError("short Huffman data")) {
		return nil, "", ErrTruncated
	}
	return m, "", err
}
