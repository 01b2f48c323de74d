//go:build !linux

package main

func memory() string { return "unknown" }

func freeDisk(string) string { return "unknown" }
