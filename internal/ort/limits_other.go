//go:build !linux

package ort

import "os/exec"

// limitMemory does nothing: other systems do not enforce such a limit.
func limitMemory(uint64) error { return nil }

func prepareChild(*exec.Cmd) {}

func killed(*exec.ExitError) bool { return false }
