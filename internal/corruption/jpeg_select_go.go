//go:build !cgo || !(amd64 || arm64)

package corruption

var fastestJPEG jpegSteps = goJPEG{}
