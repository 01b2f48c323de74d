package ort

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
)

// Remembered is Probe, but for a model that has passed before on this machine
// with the same spec and library: its result is then taken from a file in the
// user's cache folder. content must tell apart all that the model's files
// hold. A failure is never remembered, and a file that cannot be read or
// written only costs the probe.
func Remembered(ctx context.Context, spec ProbeSpec, content []string) (ProbeResult, error) {
	path := verdictPath(spec, content)
	if result, ok := readVerdict(path); ok {
		return result, ctx.Err()
	}
	result, err := Probe(ctx, spec)
	if err == nil {
		writeVerdict(path, result)
	}
	return result, err
}

// verdictVersion changes when the probe asks other questions.
const verdictVersion = 1

// verdictPath is "" where there is no place to remember.
func verdictPath(spec ProbeSpec, content []string) string {
	cache, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	library, err := os.Stat(spec.Library)
	if err != nil {
		return ""
	}
	spec.Model = ""
	host, _ := os.Hostname() // a cache folder may be shared by machines
	key, err := json.Marshal([]any{
		verdictVersion, spec, content, loadedVersion(), library.Size(), library.ModTime().UnixNano(),
		host, runtime.GOARCH, runtime.NumCPU(),
	})
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(key)
	return filepath.Join(cache, "quba", "probes", hex.EncodeToString(sum[:])+".json")
}

func loadedVersion() string {
	loaded.Lock()
	defer loaded.Unlock()
	return loaded.version
}

func readVerdict(path string) (result ProbeResult, ok bool) {
	if path == "" {
		return ProbeResult{}, false
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return ProbeResult{}, false
	}
	err = json.Unmarshal(data, &result)
	return result, err == nil && len(result.Shape) > 0
}

// writeVerdict gives up silently: the next run probes again.
func writeVerdict(path string, result ProbeResult) {
	data, err := json.Marshal(result)
	if err != nil || path == "" || os.MkdirAll(filepath.Dir(path), 0o755) != nil {
		return
	}
	file, err := os.CreateTemp(filepath.Dir(path), "new-*")
	if err != nil {
		return
	}
	_, err = file.Write(data)
	if file.Close() != nil || err != nil || os.Rename(file.Name(), path) != nil {
		_ = os.Remove(file.Name())
	}
}
