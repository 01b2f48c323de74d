//go:build !linux

package main

func cpuModel() string { return "" }

func memory() string { return "" }

func freeDisk(string) string { return "" }
