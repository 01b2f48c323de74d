//go:build !cgo || !(amd64 || arm64)

package imaging

var fastest passes = goPasses{}
