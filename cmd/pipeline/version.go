package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"quba/pipeline"
)

// revision is the commit that the program was built from, "" when unknown.
func revision() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return s.Value
		}
	}
	return ""
}

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  exactArgs(),
		RunE: func(*cobra.Command, []string) error {
			doc := map[string]string{"version": pipeline.Version, "go": runtime.Version(), "platform": runtime.GOOS + "/" + runtime.GOARCH, "revision": revision()}
			if a.format == "json" {
				return writeJSON(a.stdout, doc)
			}
			_, err := fmt.Fprintf(a.stdout, "pipeline %s (%s, %s)\n", doc["version"], doc["go"], doc["platform"])
			return err
		},
	}
}
