//go:build cgo && (amd64 || arm64)

package imaging

// everyPasses returns all passes that this machine runs.
func everyPasses() map[string]passes {
	all := map[string]passes{"go": goPasses{}, "4 lanes": simdPasses{4}}
	if best := fastest.(simdPasses); best.lanes > 4 {
		all["8 lanes"] = best
	}
	return all
}
