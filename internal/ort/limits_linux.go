package ort

import (
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

// limitMemory bounds the address space of this process, which Linux enforces
// for every way of allocating, and turns core dumps off.
func limitMemory(bytes uint64) error {
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		return err
	}
	if bytes == 0 {
		return nil
	}
	return unix.Setrlimit(unix.RLIMIT_AS, &unix.Rlimit{Cur: bytes, Max: bytes})
}

// prepareChild has the child killed when this process dies.
func prepareChild(child *exec.Cmd) {
	child.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}

// killed says whether a SIGKILL that is not ours ended the child: the
// system's way to end what uses too much memory.
func killed(exit *exec.ExitError) bool {
	status, ok := exit.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGKILL
}
