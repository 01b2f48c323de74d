//go:build unix

package config_test

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"quba/pipeline/config"
)

// TestPipesAreNotOpened would wait for ever otherwise: nobody writes to it.
func TestPipesAreNotOpened(t *testing.T) {
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := config.Load(pipe, config.Options{})
	if err == nil || !strings.Contains(err.Error(), "is a pipe or a device; give a regular file") {
		t.Errorf("got %v", err)
	}
	_, err = config.Parse("test.yaml", dir, []byte(minimal+"library: pipe\n"), config.Options{})
	if want := "test.yaml:4:1: library: must be a regular file, but " + pipe + " is a pipe or a device"; err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}
