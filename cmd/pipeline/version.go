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
			goVersion, platform := runtime.Version(), runtime.GOOS+"/"+runtime.GOARCH
			if a.format == "table" {
				_, err := fmt.Fprintf(a.stdout, "pipeline %s (%s, %s)\n", pipeline.Version, goVersion, platform)
				return err
			}
			return a.write(grid{
				header: []string{"version", "go", "platform", "revision"},
				rows:   [][]string{{pipeline.Version, goVersion, platform, revision()}},
			}, map[string]string{"version": pipeline.Version, "go": goVersion, "platform": platform, "revision": revision()})
		},
	}
}
