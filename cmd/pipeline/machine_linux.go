package main

import (
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// cpuModel is the first processor's, "" when the kernel does not name it, as
// on most Arm machines.
func cpuModel() string {
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return ""
	}
	return modelName(string(info))
}

// modelName finds the model in the text of /proc/cpuinfo.
func modelName(info string) string {
	for line := range strings.Lines(info) {
		key, value, _ := strings.Cut(line, ":")
		if strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

func memory() string {
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err != nil {
		return ""
	}
	return bytesText(uint64(info.Totalram) * uint64(info.Unit))
}

func freeDisk(path string) string {
	var fs unix.Statfs_t
	if err := unix.Statfs(path, &fs); err != nil {
		return ""
	}
	return bytesText(fs.Bavail * uint64(fs.Bsize))
}
