package main

import (
	"github.com/spf13/cobra"

	"quba/metrics"
	"quba/pipeline/config"
	"quba/pipeline/registry"
)

func (a *app) schemaCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of configs, for editors",
		Args:  exactArgs(),
		RunE: func(*cobra.Command, []string) error {
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
		Sources: kind(reg.Sources), Stages: kind(reg.Stages), Models: kind(reg.Models), Sinks: kind(reg.Sinks),
		Metrics: kind(metrics.Registry),
	})
}

func kind[T any](r *registry.Registry[T]) []config.Kind {
	var kinds []config.Kind
	for _, e := range r.Entries() {
		kinds = append(kinds, config.Kind{Name: e.Name, Summary: e.Summary, Defaults: e.Defaults})
	}
	return kinds
}
