package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
)

// narrator is a log handler for people: the message, its attributes in the
// order they were given, errors last with their further lines indented, and no
// times, so that two runs can be compared.
type narrator struct {
	mu    *sync.Mutex
	w     io.Writer
	level slog.Level
	attrs []slog.Attr
}

// logger narrates on w what is at least as grave as the named level.
func logger(w io.Writer, level string) *slog.Logger {
	l, err := parseLevel(level)
	if err != nil {
		l = slog.LevelInfo
	}
	return slog.New(&narrator{mu: &sync.Mutex{}, w: w, level: l})
}

var _ slog.Handler = (*narrator)(nil)

func (n *narrator) Enabled(_ context.Context, level slog.Level) bool { return level >= n.level }

func (n *narrator) Handle(_ context.Context, r slog.Record) error {
	var line, cause strings.Builder
	fmt.Fprintf(&line, "%s: %s", strings.ToLower(r.Level.String()), r.Message)
	add := func(a slog.Attr) bool {
		if err, ok := a.Value.Any().(error); ok {
			cause.WriteString(": " + strings.ReplaceAll(strings.TrimRight(err.Error(), "\n"), "\n", "\n  "))
			return true
		}
		fmt.Fprintf(&line, " %s=%v", a.Key, a.Value)
		return true
	}
	for _, a := range n.attrs {
		add(a)
	}
	r.Attrs(add)
	n.mu.Lock()
	defer n.mu.Unlock()
	_, err := fmt.Fprintln(n.w, line.String()+cause.String())
	return err
}

func (n *narrator) WithAttrs(attrs []slog.Attr) slog.Handler {
	with := *n
	with.attrs = append(append([]slog.Attr{}, n.attrs...), attrs...)
	return &with
}

// WithGroup drops the group: the narration has none.
func (n *narrator) WithGroup(string) slog.Handler { return n }
