package pipeline

import (
	"errors"
	"fmt"
	"runtime/debug"
	"syscall"
)

// PanicError is a panic of a component, which is handled as an error is.
type PanicError struct {
	Component string
	Cause     any
	Stack     []byte
}

func (e *PanicError) Error() string {
	return fmt.Sprintf("%s: internal fault: %v", e.Component, e.Cause)
}

// safely calls f and returns its error, or its panic as a PanicError.
func safely(component string, f func() error) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = &PanicError{Component: component, Cause: cause, Stack: debug.Stack()}
		}
	}()
	return f()
}

// machineFaults are errors of the machine, not of what is read or run; they
// may be gone at the next try.
var machineFaults = []error{
	syscall.ENOSPC, syscall.EDQUOT, syscall.EMFILE, syscall.ENFILE, syscall.EIO,
	syscall.ENOMEM, syscall.EAGAIN, syscall.ESTALE,
}

// MachineFault says whether an error is the machine's: a full disk, too many
// open files. Such an error ends a run, whichever image or model met it.
func MachineFault(err error) bool {
	for _, fault := range machineFaults {
		if errors.Is(err, fault) {
			return true
		}
	}
	return false
}
