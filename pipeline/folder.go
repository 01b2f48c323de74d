package pipeline

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"

	"quba/internal/parquetio"
	"quba/pipeline/config"
)

// Files of a result folder, beside predictions/.
const (
	ConfigFile = "config.yaml"
	RunFile    = "run.json"
	ScoresFile = "scores.parquet"
	BadFile    = "bad.jsonl"
	lockFile   = ".lock"
)

// DefaultOut is the result folder of a config that names none.
const DefaultOut = "results"

// folder is the result folder of a run that is going on. It is locked, and
// what it holds of an earlier run stays until it is replaced.
type folder struct {
	path   string
	unlock func()
	bad    *renameio.PendingFile
	badBuf *bufio.Writer
}

// ErrOtherResult is the error for a result folder that holds the result of
// another config.
var ErrOtherResult = errors.New("holds the result of another config; choose another folder with --out, or replace it with --overwrite")

func openFolder(c config.Config, overwrite bool) (*folder, error) {
	path := c.Out
	if path == "" {
		path = DefaultOut
	}
	if err := os.MkdirAll(path, 0o777); err != nil {
		return nil, fmt.Errorf("result folder: %w", err)
	}
	unlock, err := lock(filepath.Join(path, lockFile))
	if err != nil {
		return nil, &DataError{fmt.Errorf("result folder %s: %w", path, err)}
	}
	f := &folder{path: path, unlock: unlock}
	if err := f.prepare(c, overwrite); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

func (f *folder) prepare(c config.Config, overwrite bool) error {
	same, err := f.holdsOnly(config.Hash(c))
	if err != nil {
		return err
	}
	if !same {
		if !overwrite {
			return &UsageError{fmt.Errorf("result folder %s: %w", f.path, ErrOtherResult)}
		}
		if err := f.clear(); err != nil {
			return err
		}
	}
	f.bad, err = renameio.NewPendingFile(filepath.Join(f.path, BadFile), renameio.WithPermissions(0o666), renameio.WithExistingPermissions())
	if err != nil {
		return fmt.Errorf("result folder: %w", err)
	}
	f.badBuf = bufio.NewWriter(f.bad)
	return nil
}

// holdsOnly says whether the folder is free for a config: it holds no result,
// or one of the same config.
func (f *folder) holdsOnly(hash string) (bool, error) {
	data, err := os.ReadFile(filepath.Join(f.path, RunFile))
	if errors.Is(err, os.ErrNotExist) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("result folder: %w", err)
	}
	var earlier struct {
		ConfigHash string `json:"config_hash"`
	}
	if json.Unmarshal(data, &earlier) != nil {
		return false, nil
	}
	return earlier.ConfigHash == hash, nil
}

// clear takes the result of an earlier run away.
func (f *folder) clear() error {
	old, err := filepath.Glob(filepath.Join(f.path, "predictions", "*.parquet"))
	if err != nil {
		return err
	}
	for _, name := range []string{RunFile, ScoresFile, ConfigFile, BadFile} {
		old = append(old, filepath.Join(f.path, name))
	}
	for _, path := range old {
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("result folder: %w", err)
		}
	}
	return nil
}

// Close unlocks the folder and drops what was not finished.
func (f *folder) Close() {
	if f.bad != nil {
		_ = f.bad.Cleanup() // nothing is left to clean after a successful finish
	}
	f.unlock()
}

func (f *folder) writeBad(bad BadSample) error {
	line, err := json.Marshal(bad)
	if err != nil {
		return fmt.Errorf("%s: %w", BadFile, err)
	}
	if _, err := f.badBuf.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("%s: %w", BadFile, err)
	}
	return nil
}

// finish makes the list of bad samples visible and writes the other files.
// run.json comes last: a folder that has it is complete.
func (f *folder) finish(configYAML []byte, r runFile, scores func(path string) error) error {
	if err := f.badBuf.Flush(); err != nil {
		return fmt.Errorf("%s: %w", BadFile, err)
	}
	if err := f.bad.CloseAtomicallyReplace(); err != nil {
		return fmt.Errorf("%s: %w", BadFile, err)
	}
	if err := scores(filepath.Join(f.path, ScoresFile)); err != nil {
		return err
	}
	if err := renameio.WriteFile(filepath.Join(f.path, ConfigFile), configYAML, 0o666); err != nil {
		return fmt.Errorf("%s: %w", ConfigFile, err)
	}
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("%s: %w", RunFile, err)
	}
	if err := renameio.WriteFile(filepath.Join(f.path, RunFile), append(text, '\n'), 0o666); err != nil {
		return fmt.Errorf("%s: %w", RunFile, err)
	}
	return parquetio.SyncFolder(f.path)
}
