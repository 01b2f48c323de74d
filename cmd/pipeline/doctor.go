package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"quba/internal/imaging"
	"quba/internal/ort"
	"quba/pipeline"
)

// finding is a line of `pipeline doctor`.
type finding struct {
	Name  string `json:"name"`
	Value string `json:"value"`
	OK    bool   `json:"ok"`
}

func (a *app) doctorCommand() *cobra.Command {
	var library string
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Say what this machine has: libraries, versions, processors, disk; paste it into bug reports",
		Args:  exactArgs(),
		RunE: func(*cobra.Command, []string) error {
			findings := examine(library)
			if err := a.printFindings(findings); err != nil {
				return err
			}
			for _, f := range findings {
				if !f.OK {
					return dataError(fmt.Errorf("%s: %s", f.Name, f.Value))
				}
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&library, "library", "", "`path` of the onnxruntime shared library")
	return cmd
}

// examine leaves out what this system does not tell.
func examine(library string) []finding {
	ok := func(name, value string) finding { return finding{name, value, true} }
	findings := []finding{
		ok("pipeline", pipeline.Version), ok("revision", revision()), ok("go", runtime.Version()),
		ok("platform", runtime.GOOS+"/"+runtime.GOARCH), ok("cpu", cpuModel()), ok("processors", fmt.Sprint(runtime.NumCPU())),
		ok("workers", fmt.Sprint(runtime.GOMAXPROCS(0))), ok("memory", memory()), ok("free disk here", freeDisk(".")),
		ok("jpeg decoder", imaging.JPEGDecoder()),
	}
	if info, found := debug.ReadBuildInfo(); found {
		findings = append(findings, moduleVersions(info.Deps)...)
	}
	findings = slices.DeleteFunc(findings, func(f finding) bool { return f.Value == "" })
	version, path, err := ort.Initialize(library)
	if err != nil {
		return append(findings, finding{"onnxruntime", err.Error(), false})
	}
	return append(findings, ok("onnxruntime", version), ok("onnxruntime library", path))
}

// reported are the modules whose version explains what a run does.
var reported = []string{"github.com/apache/arrow/go", "github.com/yalue/onnxruntime_go", "github.com/reugn/go-streams"}

func moduleVersions(linked []*debug.Module) []finding {
	var findings []finding
	for _, m := range linked {
		if !slices.ContainsFunc(reported, func(path string) bool { return m.Path == path || strings.HasPrefix(m.Path, path+"/v") }) {
			continue
		}
		version := m.Version
		if m.Replace != nil {
			version += strings.TrimRight(" replaced by "+m.Replace.Path+" "+m.Replace.Version, " ")
		}
		findings = append(findings, finding{m.Path, version, true})
	}
	return findings
}

func (a *app) printFindings(findings []finding) error {
	if a.format == "json" {
		return writeJSON(a.stdout, findings)
	}
	g := grid{header: []string{"what", "found"}}
	for _, f := range findings {
		g.rows = append(g.rows, []string{f.Name, f.Value})
	}
	return g.render(a.stdout, a.format)
}

func bytesText(n uint64) string { return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30)) }
