package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"quba/pipeline/config"
)

const badDir = "../../configs/testdata/bad"

// TestBadConfigs loads every wrong config and expects its words: one line of
// the .want file for each issue, in order, with DIR for the config's folder.
func TestBadConfigs(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(badDir, "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no wrong configs in %s: %v", badDir, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) { checkBad(t, file) })
	}
}

func checkBad(t *testing.T, file string) {
	want, err := os.ReadFile(strings.TrimSuffix(file, ".yaml") + ".want")
	if err != nil {
		t.Fatal(err)
	}
	dir, err := filepath.Abs(badDir)
	if err != nil {
		t.Fatal(err)
	}
	c, loadErr := config.Load(file, config.Options{Environ: []string{"HOME=/home/me", "EMPTY="}})
	_, compileErr := compile(c)
	issues := c.Place("", errors.Join(loadErr, compileErr))
	lines := strings.Split(strings.TrimSpace(strings.ReplaceAll(string(want), "DIR", dir)), "\n")
	if len(issues) != len(lines) {
		t.Errorf("got %d issues, want %d", len(issues), len(lines))
	}
	for i, line := range lines {
		if i >= len(issues) {
			break
		}
		got := strings.TrimPrefix(issues[i].Error(), filepath.Clean(badDir)+"/")
		if !strings.HasPrefix(got, line) {
			t.Errorf("issue %d:\n got %s\nwant %s", i, got, line)
		}
	}
}
