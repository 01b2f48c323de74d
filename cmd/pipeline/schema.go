package main

import (
	"github.com/spf13/cobra"

	"quba/metrics"
	"quba/pipeline/config"
)

func (a *app) schemaCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of configs, for editors",
		Args:  exactArgs(),
		RunE: func(*cobra.Command, []string) error {
			if a.format != "table" && a.format != "json" {
				return usagef("a schema is JSON: leave --format out, got %q", a.format)
			}
			text, err := schema()
			if err != nil {
				return err
			}
			_, err = a.stdout.Write(text)
			return err
		},
	}
}

// schema is the JSON Schema of what this program links.
func schema() ([]byte, error) {
	reg := components()
	return config.Schema(config.Kinds{
		Sources: config.KindsOf(reg.Sources), Stages: config.KindsOf(reg.Stages), Models: config.KindsOf(reg.Models), Sinks: config.KindsOf(reg.Sinks),
		Metrics: config.KindsOf(metrics.Registry),
	})
}
