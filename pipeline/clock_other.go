//go:build !linux

package pipeline

import "time"

var programStart = time.Now()

// Without a thread clock, elapsed time stands in for processor time; it is
// too high when threads outnumber processors.
func threadTime() time.Duration { return time.Since(programStart) }

func processTime() time.Duration { return time.Since(programStart) }
