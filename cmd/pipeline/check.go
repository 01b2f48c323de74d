package main

import (
	"errors"
	"fmt"

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
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		_, c, err := a.load(args[0], flags)
		if a.format == "json" {
			return a.checkJSON(err)
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

// checkJSON prints the mistakes as a list, empty when there are none, and
// keeps the exit code.
func (a *app) checkJSON(err error) error {
	mistakes := []mistake{}
	var issues config.Issues
	if errors.As(err, &issues) {
		for _, i := range issues {
			mistakes = append(mistakes, mistake{i.File, i.Line, i.Col, i.Path, i.Message})
		}
	} else if err != nil {
		return err
	}
	if writeErr := writeJSON(a.stdout, mistakes); writeErr != nil {
		return writeErr
	}
	return err
}
