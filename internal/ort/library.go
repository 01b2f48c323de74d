// Package ort runs ONNX models with the onnxruntime shared library, which is
// loaded at run time. It is the only package that knows the library.
package ort

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	onnxruntime "github.com/yalue/onnxruntime_go"
)

// LibraryVariable is the environment variable that names the library.
const LibraryVariable = "ONNXRUNTIME_LIB"

// ErrNoLibrary is the error of Initialize when no library can be loaded.
var ErrNoLibrary = errors.New("the onnxruntime library could not be loaded")

// loaded is the library of the process: onnxruntime allows only one.
var loaded struct {
	sync.Mutex
	version, path string
}

// Initialize loads the onnxruntime library, once for the process, and returns
// its version and path. library names the file; "" searches the file that
// ONNXRUNTIME_LIB names, then lib and ../lib beside the executable, then
// ../.cache/onnxruntime/lib beside it (where the project's set-up puts it),
// then what the system's loader finds. A library that was named is never
// replaced by another. After an error it may be called again.
func Initialize(library string) (version, path string, err error) {
	loaded.Lock()
	defer loaded.Unlock()
	if library == "" {
		library = os.Getenv(LibraryVariable)
	}
	if loaded.path != "" {
		return reuse(library)
	}
	if library != "" {
		return load(library)
	}
	return search(candidates())
}

func reuse(library string) (version, path string, err error) {
	if library != "" && !sameFile(library, loaded.path) {
		return "", "", fmt.Errorf("%w: %s is loaded already, and a process can load only one, not also %s", ErrNoLibrary, loaded.path, library)
	}
	return loaded.version, loaded.path, nil
}

func sameFile(a, b string) bool {
	if a == b {
		return true
	}
	infoA, errA := os.Stat(a)
	infoB, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(infoA, infoB)
}

func search(paths []string) (version, path string, err error) {
	var problems []string
	for _, candidate := range paths {
		version, path, err := load(candidate)
		if err == nil {
			return version, path, nil
		}
		problems = append(problems, strings.TrimPrefix(err.Error(), ErrNoLibrary.Error()+": "))
	}
	return "", "", fmt.Errorf("%w: %s; run make setup, or name the file as library in the config or in %s", ErrNoLibrary, strings.Join(problems, "; "), LibraryVariable)
}

func load(path string) (string, string, error) {
	onnxruntime.SetSharedLibraryPath(path)
	if err := onnxruntime.InitializeEnvironment(onnxruntime.WithLogLevelFatal()); err != nil {
		return "", "", fmt.Errorf("%w: %s: %s", ErrNoLibrary, path, loadReason(path, err))
	}
	loaded.version, loaded.path = onnxruntime.GetVersion(), path
	return loaded.version, loaded.path, nil
}

// loadReason is the system's own message without the wrapper's prefaces, on
// one line. The one that says nothing is put into words: the library does not
// know the API version that was asked for.
func loadReason(path string, err error) string {
	text := err.Error()
	if strings.HasSuffix(text, "Error setting ORT API base: 2") {
		return "the library is too old: version 1.24 or later is needed, 1.32.0 is tested"
	}
	for _, preface := range []string{
		"Platform-specific initialization failed: ", "Error loading ONNX shared library ", fmt.Sprintf("%q: ", path), path + ": ",
	} {
		text = strings.TrimPrefix(text, preface)
	}
	return strings.Join(strings.Fields(text), " ")
}

// candidates lists the libraries that exist beside the executable, as
// absolute paths, and then names for the system's loader.
func candidates() []string {
	var found []string
	if executable, err := os.Executable(); err == nil {
		if resolved, err := filepath.EvalSymlinks(executable); err == nil {
			executable = resolved
		}
		bin := filepath.Dir(executable)
		for _, dir := range []string{
			filepath.Join(bin, "lib"),
			filepath.Join(bin, "..", "lib"),
			filepath.Join(bin, "..", ".cache", "onnxruntime", "lib"),
		} {
			found = append(found, LibrariesIn(dir)...)
		}
	}
	return append(found, libraryName())
}

// LibrariesIn lists the onnxruntime libraries in a folder: the plain name,
// then those with a version, the highest first.
func LibrariesIn(dir string) []string {
	plain := filepath.Join(dir, libraryName())
	var found []string
	if _, err := os.Stat(plain); err == nil {
		found = append(found, plain)
	}
	pattern := plain + ".*"
	if runtime.GOOS == "darwin" {
		pattern = strings.TrimSuffix(plain, ".dylib") + ".*.dylib"
	}
	versions, _ := filepath.Glob(pattern)
	slices.Sort(versions)
	slices.Reverse(versions)
	return append(found, versions...)
}

func libraryName() string {
	switch runtime.GOOS {
	case "darwin":
		return "libonnxruntime.dylib"
	case "windows":
		return "onnxruntime.dll"
	}
	return "libonnxruntime.so"
}
