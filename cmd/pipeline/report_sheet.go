package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"quba/pipeline"
	"quba/pipeline/config"
	"quba/pipeline/record"
	"quba/ranking/html"
)

// The contact sheets of a page: small enough to be sent on.
const (
	automatic   = "auto"
	pageImages  = 3
	pageThumb   = 80
	pageQuality = 85 // of JPEG
)

// addSheets reads the sheet that was named, or makes one for each pipeline of
// the results. What cannot be shown is said, and no error, when sheets are made.
func (a *app) addSheets(ctx context.Context, paths []string, from string, read *results) error {
	switch from {
	case "":
		return nil
	case automatic:
		for _, path := range paths {
			a.makeSheets(ctx, path, read)
		}
		a.notes(read.withoutSheet)
		return ctx.Err()
	}
	image, err := os.ReadFile(from)
	if err != nil {
		return usagef("--sheet: %w", err)
	}
	read.sheets = []html.Sheet{{Image: image}}
	return nil
}

// makeSheets shows what each pipeline of a result folder does to its first
// images.
func (a *app) makeSheets(ctx context.Context, folder string, read *results) {
	file := filepath.Join(folder, record.ConfigFile)
	leftOut := func(what string, err error) {
		read.withoutSheet = append(read.withoutSheet, fmt.Sprintf("no images of %s: %s", what, oneLine(err)))
	}
	if info, err := os.Stat(file); err != nil || !info.Mode().IsRegular() {
		leftOut(folder, errors.New("it keeps no config that says where its images are"))
		return
	}
	// What is wrong with models or sinks does not matter here.
	c, err := config.Load(file, a.options(nil))
	if len(c.Pipelines) == 0 && err != nil {
		leftOut(folder, err)
		return
	}
	for _, p := range c.Pipelines {
		if len(p.Stages) == 0 || ctx.Err() != nil {
			continue
		}
		image, err := a.sheetOf(ctx, file, p.Name)
		if err != nil {
			leftOut("pipeline "+p.Name, err)
			continue
		}
		read.sheets = append(read.sheets, html.Sheet{Title: p.Name, Image: image})
	}
}

// oneLine is an error for a list.
func oneLine(err error) string {
	return strings.Join(strings.Fields(strings.ReplaceAll(err.Error(), "\n", "; ")), " ")
}

// sheetOf is the contact sheet of a pipeline as JPEG, made as preview does.
func (a *app) sheetOf(ctx context.Context, file, name string) ([]byte, error) {
	f := previewFlags{pipeline: name, thumb: pageThumb}
	c, err := a.pipelineOf(file, &f)
	if err != nil {
		return nil, err
	}
	c.Pipelines[0].Limit = pageImages
	plan, c, err := compilePreview(c, "")
	if err != nil {
		return nil, err
	}
	sheet := newSheet(f.thumb)
	count, err := a.eachImage(ctx, plan, c, func(before pipeline.Sample, made []pipeline.Sample) error { return sheet.Add(before, made) })
	if err != nil {
		return nil, err
	}
	if count.Images == count.Bad {
		return nil, errors.New("no image could be used")
	}
	var out bytes.Buffer
	if err := encodeImage(&out, sheet.draw(), pageQuality); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}
