//go:build !cgo || nojpegturbo

package imaging

// JPEGDecoder names the JPEG decoder of this build.
func JPEGDecoder() string { return pureGoJPEG }

func decodeJPEG(data []byte, opt Options) (*Image, string, error) {
	return decodeJPEGGo(data, opt)
}
