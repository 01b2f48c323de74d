package main

import (
	"context"
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// signals ends the process at SIGINT and SIGTERM: at once, or gracefully at
// the first one while something must be finished.
type signals struct {
	received chan os.Signal
	done     chan struct{}

	mu       sync.Mutex
	graceful func() // what the first signal does; nil ends the process
	code     int    // exit code of the signal that was taken gracefully, or 0
}

func catchSignals() *signals {
	s := &signals{received: make(chan os.Signal, 2), done: make(chan struct{})}
	signal.Notify(s.received, syscall.SIGINT, syscall.SIGTERM)
	go func() {
		for {
			select {
			case sig := <-s.received:
				s.take(sig)
			case <-s.done:
				return
			}
		}
	}()
	return s
}

func (s *signals) take(sig os.Signal) {
	code := exitInterrupted
	if sig == syscall.SIGTERM {
		code = exitTerminated
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.graceful == nil {
		os.Exit(code)
	}
	s.code = code
	go s.graceful() // it may wait for a terminal, which a second signal must not
	s.graceful = nil
}

// Graceful gives a context that ends at the first signal, after say was
// called; a second signal ends the process. After release any signal does.
func (s *signals) Graceful(parent context.Context, say func()) (ctx context.Context, release func()) {
	ctx, cancel := context.WithCancel(parent)
	s.set(func() {
		say()
		cancel()
	})
	return ctx, func() {
		s.set(nil)
		cancel()
	}
}

func (s *signals) set(graceful func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.graceful = graceful
}

// Code is the exit code of the signal that was taken gracefully, or 0.
func (s *signals) Code() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.code
}

// Stop leaves signals to the system again.
func (s *signals) Stop() {
	signal.Stop(s.received)
	close(s.done)
}
