package main

import "golang.org/x/sys/unix"

func memory() string {
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err != nil {
		return "unknown"
	}
	return bytesText(uint64(info.Totalram) * uint64(info.Unit))
}

func freeDisk(path string) string {
	var fs unix.Statfs_t
	if err := unix.Statfs(path, &fs); err != nil {
		return "unknown"
	}
	return bytesText(fs.Bavail * uint64(fs.Bsize))
}
