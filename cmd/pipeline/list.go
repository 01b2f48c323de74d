package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"quba/metrics"
	"quba/pipeline/config"
	"quba/pipeline/registry"
)

// listed is a component as `pipeline list` shows it.
type listed struct {
	Kind    string `json:"kind"`
	Name    string `json:"name"`
	Summary string `json:"summary"`
	// Layout is how the files must lie that the component reads.
	Layout  string          `json:"layout,omitempty"`
	Options []config.Option `json:"options"`
}

var listKinds = []string{"sources", "stages", "models", "sinks", "metrics"}

func (a *app) listCommand() *cobra.Command {
	return &cobra.Command{
		Use:       "list [" + strings.Join(listKinds, "|") + "]",
		Short:     "List the components with their options and defaults",
		ValidArgs: listKinds,
		RunE: func(_ *cobra.Command, args []string) error {
			wanted := args
			if len(wanted) == 0 {
				wanted = listKinds
			}
			for _, kind := range wanted {
				if !slices.Contains(listKinds, kind) {
					return usagef("%w", registry.Unknown("kind of component", kind, listKinds))
				}
			}
			return a.printList(slices.DeleteFunc(allComponents(), func(l listed) bool { return !slices.Contains(wanted, l.Kind) }))
		},
	}
}

func allComponents() []listed {
	reg := components()
	var all []listed
	all = append(all, listEntries("sources", reg.Sources.Entries())...)
	all = append(all, listEntries("stages", reg.Stages.Entries())...)
	all = append(all, listEntries("models", reg.Models.Entries())...)
	all = append(all, listEntries("sinks", reg.Sinks.Entries())...)
	return append(all, listEntries("metrics", metrics.Registry.Entries())...)
}

func listEntries[T any](kind string, entries []registry.Entry[T]) []listed {
	var list []listed
	for _, e := range entries {
		list = append(list, listed{Kind: kind, Name: e.Name, Summary: e.Summary, Layout: e.Layout, Options: config.Describe(e.Defaults)})
	}
	return list
}

func (a *app) printList(list []listed) error {
	if a.format == "json" {
		return writeJSON(a.stdout, list)
	}
	g := grid{header: []string{"kind", "name", "option", "value", "default", "what it is"}}
	for _, l := range list {
		rows := l.rows()
		for _, row := range rows[1:] {
			if a.format == "table" {
				row[0], row[1] = "", ""
			}
		}
		g.rows = append(g.rows, rows...)
	}
	if err := g.render(a.stdout, a.format); err != nil {
		return fmt.Errorf("list: %w", err)
	}
	return nil
}

// rows are the summary, the options and the layout.
func (l listed) rows() [][]string {
	rows := [][]string{{l.Kind, l.Name, "", "", "", l.Summary}}
	for _, o := range l.Options {
		rows = append(rows, []string{l.Kind, l.Name, o.Name, valueWords(o), defaultWords(o), o.Doc})
	}
	if l.Layout != "" {
		rows = append(rows, []string{l.Kind, l.Name, "(layout)", "", "", l.Layout})
	}
	return rows
}

func valueWords(o config.Option) string {
	if o.Limits == "" {
		return o.Type
	}
	return o.Type + " " + o.Limits
}

func defaultWords(o config.Option) string {
	if o.Required {
		return "required"
	}
	return o.Default
}
