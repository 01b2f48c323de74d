package main

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"quba/pipeline/config"
)

func (a *app) checkCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "check CONFIG",
		Short: "Say everything that is wrong with a config; open nothing",
		Args:  exactArgs("the path of a config"),
	}
	flags := addConfigFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		_, c, err := a.load(args[0], flags)
		if cmd.Flags().Changed("format") {
			if writeErr := a.printMistakes(err); writeErr != nil {
				return writeErr
			}
		}
		if err != nil {
			return err
		}
		fmt.Fprintf(a.stderr, "%s: no mistakes found (%d models, %d pipelines, %d sinks)\n", args[0], len(c.Models), len(c.Pipelines), len(c.Sinks))
		return nil
	}
	return cmd
}

type mistake struct {
	File    string `json:"file,omitempty"`
	Line    int    `json:"line,omitempty"`
	Column  int    `json:"column,omitempty"`
	Path    string `json:"path,omitempty"`
	Message string `json:"message"`
}

// printMistakes prints the mistakes on stdout, none when there are none. An
// error that is no mistake of the config prints nothing.
func (a *app) printMistakes(err error) error {
	var issues config.Issues
	if err != nil && !errors.As(err, &issues) {
		return nil
	}
	mistakes := []mistake{}
	g := grid{header: []string{"file", "line", "column", "path", "message"}, numeric: map[int]bool{1: true, 2: true}}
	for _, i := range issues {
		mistakes = append(mistakes, mistake{i.File, i.Line, i.Col, i.Path, i.Message})
		row := []string{i.File, "", "", i.Path, i.Message}
		if i.Line > 0 {
			row[1], row[2] = strconv.Itoa(i.Line), strconv.Itoa(i.Col)
		}
		g.rows = append(g.rows, row)
	}
	return a.write(g, mistakes)
}
