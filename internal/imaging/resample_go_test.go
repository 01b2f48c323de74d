//go:build !cgo || !(amd64 || arm64)

package imaging

// everyPasses returns all passes that this build has.
func everyPasses() map[string]passes {
	return map[string]passes{"go": goPasses{}}
}
