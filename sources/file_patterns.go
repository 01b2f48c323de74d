package sources

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"quba/pipeline/registry"
)

// Bounds of a pattern and of the names that it stands for.
const (
	maxPattern  = 1024
	maxExpanded = 100_000
)

// urlScheme also finds WebDataset's pipe:, which runs what follows it as a
// command.
var urlScheme = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]+:`)

// checkPatterns checks the patterns of the option field, which name files
// below a folder.
func checkPatterns(field string, patterns []string) error {
	var faults []error
	for i, pattern := range patterns {
		if err := checkPattern(pattern); err != nil {
			faults = append(faults, registry.Fieldf(fmt.Sprintf("%s[%d]", field, i), "%w", err))
		}
	}
	return errors.Join(faults...)
}

func checkPattern(pattern string) error {
	if urlScheme.MatchString(pattern) {
		return fmt.Errorf("must name files on this machine, got %q; URLs and pipe: commands are never followed: download the files first", pattern)
	}
	names, err := expandBraces(pattern)
	if err != nil {
		return err
	}
	for _, name := range names {
		if !filepath.IsLocal(filepath.FromSlash(name)) {
			return fmt.Errorf("must be a path below root, got %q", name)
		}
		if _, err := path.Match(name, ""); err != nil {
			return fmt.Errorf("%q is no pattern of file names: %w", name, err)
		}
	}
	return nil
}

// filesOf finds the files that patterns name, as paths with slashes below
// root: pattern by pattern, braces in their order, the matches of *, ? and [ ]
// in bytewise order. Each pattern must find a file, and no two files may have
// the same base name, which is part of the IDs.
func filesOf(root string, patterns []string) ([]string, error) {
	var files []string
	byBase := map[string]string{}
	for _, pattern := range patterns {
		found, err := matches(root, pattern)
		if err != nil {
			return nil, err
		}
		for _, file := range found {
			other, taken := byBase[path.Base(file)]
			if taken && other == file {
				return nil, fmt.Errorf("%s: %s is named twice", root, file)
			}
			if taken {
				return nil, fmt.Errorf("%s: %s and %s have the same name, which must be different as it is part of the IDs of the images", root, other, file)
			}
			byBase[path.Base(file)] = file
			files = append(files, file)
		}
	}
	return files, nil
}

func matches(root, pattern string) ([]string, error) {
	names, err := expandBraces(pattern)
	if err != nil {
		return nil, err
	}
	var files, missing []string
	for _, name := range names {
		found, err := fs.Glob(os.DirFS(root), path.Clean(name))
		if err != nil {
			return nil, err
		}
		found = slices.DeleteFunc(found, func(file string) bool {
			return strings.HasPrefix(path.Base(file), ".") && !strings.HasPrefix(path.Base(name), ".")
		})
		if len(found) == 0 {
			missing = append(missing, name)
		}
		slices.Sort(found)
		files = append(files, found...)
	}
	if len(missing) > 0 {
		return nil, missingFiles(root, pattern, missing, len(names))
	}
	return files, nil
}

// missingFiles is the error for the names of a pattern, of which there are
// expanded, that no file has.
func missingFiles(root, pattern string, missing []string, expanded int) error {
	if len(missing) < expanded {
		return layoutError(root, pattern, fmt.Sprintf("all but %d of %d: missing are %s", len(missing), expanded, some("file", missing)))
	}
	r, err := os.OpenRoot(root)
	if err != nil {
		return err
	}
	defer r.Close()
	return layoutError(root, pattern, contents(r, path.Dir(path.Clean(missing[0]))))
}

// expandBraces gives the names that a pattern with braces stands for, as a
// shell does: {000..147} counts with the zeros of its first number, {a,b}
// lists. A pattern without braces stands for itself.
func expandBraces(pattern string) ([]string, error) {
	if len(pattern) > maxPattern {
		return nil, fmt.Errorf("must have at most %d bytes, has %d", maxPattern, len(pattern))
	}
	names := []string{""}
	for rest := pattern; rest != ""; {
		text, inner, after, err := cutBraces(rest)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", pattern, err)
		}
		choices, err := braceChoices(inner)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", pattern, err)
		}
		if len(names)*len(choices) > maxExpanded {
			return nil, fmt.Errorf("%q: stands for more than %d names", pattern, maxExpanded)
		}
		next := make([]string, 0, len(names)*len(choices))
		for _, name := range names {
			for _, choice := range choices {
				next = append(next, name+text+choice)
			}
		}
		names, rest = next, after
	}
	return names, nil
}

// cutBraces cuts text{inner}after. inner is "" where there are no braces.
func cutBraces(pattern string) (text, inner, after string, err error) {
	open := strings.IndexAny(pattern, "{}")
	if open < 0 {
		return pattern, "", "", nil
	}
	end := strings.IndexAny(pattern[open+1:], "{}") + open + 1
	if pattern[open] == '}' || end == open || pattern[end] == '{' {
		return "", "", "", errors.New("braces must be closed, and not stand in braces")
	}
	inner = pattern[open+1 : end]
	if inner == "" {
		return "", "", "", errors.New("braces must not be empty")
	}
	return pattern[:open], inner, pattern[end+1:], nil
}

func braceChoices(inner string) ([]string, error) {
	first, last, isRange := strings.Cut(inner, "..")
	if !isRange || strings.Contains(inner, ",") {
		return strings.Split(inner, ","), nil
	}
	low, lowErr := strconv.ParseUint(first, 10, 31)
	high, highErr := strconv.ParseUint(last, 10, 31)
	if lowErr != nil || highErr != nil || high < low {
		return nil, fmt.Errorf("must count upwards, as in {000..147}, got {%s}", inner)
	}
	if high-low >= maxExpanded {
		return nil, fmt.Errorf("{%s} stands for more than %d names", inner, maxExpanded)
	}
	width := 0
	if strings.HasPrefix(first, "0") {
		width = len(first)
	}
	choices := make([]string, 0, high-low+1)
	for n := low; n <= high; n++ {
		choices = append(choices, fmt.Sprintf("%0*d", width, n))
	}
	return choices, nil
}
