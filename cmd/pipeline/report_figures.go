package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"quba/pipeline/registry"
	"quba/ranking"
	"quba/ranking/figures"
)

// figureFlags ask for figures for papers.
type figureFlags struct {
	figures string
	formats []string
	scatter []string
}

func (f *figureFlags) add(flags *pflag.FlagSet) {
	flags.StringVar(&f.figures, "figures", "", "`folder` for figures")
	flags.StringSliceVar(&f.formats, "figure-format", nil, "with --figures: "+strings.Join(figures.Formats(), ", ")+"; may be repeated; svg when left out")
	flags.StringSliceVar(&f.scatter, "scatter", nil, "with --figures: the two dimensions of the scatter, `X,Y`; the first two when left out")
}

func (f figureFlags) check() error {
	for _, format := range f.formats {
		if !slices.Contains(figures.Formats(), format) {
			return usagef("--figure-format: %w", registry.Unknown("figure format", format, figures.Formats()))
		}
	}
	switch n := len(f.scatter); {
	case n != 0 && n != 2:
		return usagef("--scatter takes two dimensions, X,Y; got %d", n)
	case n > 0 && f.figures == "":
		return usagef("--scatter goes with --figures")
	case len(f.formats) > 0 && f.figures == "":
		return usagef("--figure-format goes with --figures")
	}
	return checkDimensions(f.scatter)
}

func checkDimensions(names []string) error {
	var known []string
	for _, d := range ranking.Dimensions() {
		known = append(known, d.Name)
	}
	for _, name := range names {
		if !slices.Contains(known, name) {
			return usagef("--scatter: %w", registry.Unknown("dimension", name, known))
		}
	}
	return nil
}

// writeFigures writes every figure that the results have the data for, and
// says which are not there and why.
func (a *app) writeFigures(read results, f reportFlags) error {
	o := figures.Options{Ranking: read.options, Uncertainty: read.uncertainty}
	if len(f.scatter) == 2 {
		o.X, o.Y = f.scatter[0], f.scatter[1]
	}
	if f.against != "" {
		o.Published = publishedRows(f.excludeDamaged)
	}
	set, err := figures.New(read.cohort, o)
	if err != nil {
		return dataError(err)
	}
	if len(set.Figures) == 0 {
		return dataError(errors.New("the results have nothing to draw: " + strings.Join(set.Notes, "; ")))
	}
	if err := os.MkdirAll(f.figures, 0o777); err != nil {
		return usagef("--figures: %w", err)
	}
	formats := f.formats
	if len(formats) == 0 {
		formats = figures.Formats()[:1]
	}
	for _, figure := range set.Figures {
		for _, format := range formats {
			path := filepath.Join(f.figures, figure.Name+"."+format)
			if _, err := writeReportFile(path, func(w io.Writer) error { return figure.Write(w, format) }); err != nil {
				return err
			}
		}
	}
	fmt.Fprintf(a.stderr, "%s: %d figures, %s\n", f.figures, len(set.Figures), strings.Join(formats, " and "))
	a.notes(set.Notes)
	return nil
}
