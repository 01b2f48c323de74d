package config

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"regexp"
	"strings"
)

const envOpen = "${env:"

var (
	envReference = regexp.MustCompile(`\$\{env:([^}]*)\}`)
	envName      = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
)

// expand replaces each ${env:NAME} once: what a variable holds is taken as it
// is. Values that come from the environment or a flag are complete already.
func (d *decoder) expand(path, text string, at place) (string, bool) {
	if !strings.Contains(text, envOpen) || d.doc.origin[path] != "" {
		return text, true
	}
	if !at.env {
		d.report(path, "${env:NAME} is not expanded here, only in %s", cmp.Or(at.elsewhere, "keys that hold a path"))
		return "", false
	}
	if strings.Count(text, envOpen) != len(envReference.FindAllString(text, -1)) {
		d.report(path, `"${env:" has no closing "}", got %s`, quote(text))
		return "", false
	}
	ok := true
	expanded := envReference.ReplaceAllStringFunc(text, func(reference string) string {
		name := strings.TrimSuffix(strings.TrimPrefix(reference, envOpen), "}")
		value, fault, absent := d.variable(name)
		if fault != "" {
			d.fault(path, absent, "%s", fault)
			ok = false
		}
		return value
	})
	return expanded, ok
}

// variable is the value of an environment variable, or what is wrong with it;
// absent says that only its value is.
func (d *decoder) variable(name string) (value, fault string, absent bool) {
	if !envName.MatchString(name) {
		return "", "${env:NAME} needs the name of an environment variable, got " + quote(name), false
	}
	value, set := d.doc.environ[name]
	if !set {
		return "", "the environment variable " + name + " is not set; set it, or write the path here", true
	}
	if value == "" {
		return "", "the environment variable " + name + " is empty; set it, or write the path here", true
	}
	return value, "", false
}

// locate makes a path absolute, and checks that it leads to what it should.
func (d *decoder) locate(path, text, kind string) (string, bool) {
	if text == "" {
		d.report(path, "must not be empty; leave the key out or give a path")
		return "", false
	}
	absolute := d.doc.resolve(path, text)
	if kind == "out" {
		return absolute, true
	}
	word := map[string]string{"dir": "folder", "file": "file"}[kind]
	info, err := os.Stat(absolute)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		d.fault(path, true, "no such %s: %s", word, absolute)
	case err != nil:
		d.report(path, "cannot be read: %v", err)
	case kind == "dir" && !info.IsDir():
		d.report(path, "must be a folder, but %s is a file", absolute)
	case kind == "file" && info.IsDir():
		d.report(path, "must be a file, but %s is a folder", absolute)
	case kind == "file" && !info.Mode().IsRegular():
		d.report(path, "must be a regular file, but %s is a pipe or a device", absolute)
	default:
		return absolute, true
	}
	return "", false
}
