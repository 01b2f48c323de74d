package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"quba/pipeline/config"
)

// configs/schema.json is what editors read; it must be what the program
// accepts.
func TestSchemaIsUpToDate(t *testing.T) {
	want, err := schema()
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join("..", "..", "configs", "schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("configs/schema.json is stale: run make schema")
	}
}

// The configs that come with the project have no mistakes, apart from data
// that must be fetched or that the user has.
func TestShippedConfigs(t *testing.T) {
	configs, err := filepath.Glob(filepath.Join("..", "..", "configs", "*.yaml"))
	if err != nil || len(configs) == 0 {
		t.Fatalf("no configs: %v", err)
	}
	for _, path := range configs {
		t.Run(filepath.Base(path), func(t *testing.T) {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.HasPrefix(text, []byte("# yaml-language-server: $schema=schema.json\n")) {
				t.Error("must begin with the line that lets editors find the schema")
			}
			c, loadErr := config.Load(path, config.Options{Environ: roots(t, text)})
			_, _, err = compile(c, loadErr)
			var issues config.Issues
			errors.As(err, &issues)
			for _, i := range issues {
				if !strings.Contains(i.Message, "no such") {
					t.Error(i)
				}
			}
		})
	}
}

// roots sets every variable that a config names to an empty folder.
func roots(t *testing.T, text []byte) []string {
	var environ []string
	for _, match := range regexp.MustCompile(`\$\{env:(\w+)\}`).FindAllSubmatch(text, -1) {
		environ = append(environ, string(match[1])+"="+t.TempDir())
	}
	return environ
}
