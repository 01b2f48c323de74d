package pipeline

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/google/renameio/v2"

	"quba/internal/parquetio"
	"quba/pipeline/config"
	"quba/pipeline/record"
)

// lockFile is locked as long as a run writes into the folder.
const lockFile = ".lock"

// DefaultOut is the result folder of a config that names none.
const DefaultOut = "results"

// stagingFolder is where a run writes until it is finished.
const stagingFolder = ".partial"

// folder is the result folder of a run that is going on. The run writes into
// a folder inside it; what the result folder holds of an earlier run stays
// until the new result is whole.
type folder struct {
	path    string
	staging string
	// unfinished says that the staging folder holds the journal of a run that is
	// not finished, and shall keep it.
	unfinished bool
	unlock     func()
	bad        *os.File
	badBuf     *bufio.Writer
}

// ErrOtherResult is the error for a result folder that holds the result of
// another config.
var ErrOtherResult = errors.New("holds the result of another config; choose another folder with --out, or replace it with --overwrite")

func openFolder(c config.Config, overwrite bool) (*folder, error) {
	path := c.Out
	if path == "" {
		path = DefaultOut
	}
	f := &folder{path: path, staging: filepath.Join(path, stagingFolder), unlock: func() {}}
	err := f.open(config.Hash(c), overwrite)
	if err == nil {
		return f, nil
	}
	f.Close()
	err = fmt.Errorf("result folder %s: %w", path, err)
	if MachineFault(err) {
		return nil, err
	}
	return nil, &UsageError{err}
}

func (f *folder) open(hash string, overwrite bool) error {
	if err := os.MkdirAll(f.path, 0o777); err != nil {
		return err
	}
	unlock, err := lock(filepath.Join(f.path, lockFile))
	if err != nil {
		return err
	}
	f.unlock = unlock
	earlier, err := f.earlier()
	if err != nil {
		return err
	}
	if earlier.Status != "" && earlier.ConfigHash != hash && !overwrite {
		return ErrOtherResult
	}
	if err := os.MkdirAll(f.staging, 0o777); err != nil {
		return err
	}
	if f.unfinished, err = f.hasJournal(); err != nil {
		return err
	}
	f.unfinished = f.unfinished && !overwrite
	if err := f.clear(); err != nil {
		return err
	}
	f.bad, err = os.Create(filepath.Join(f.staging, record.BadFile))
	if err != nil {
		return err
	}
	f.badBuf = bufio.NewWriter(f.bad)
	return nil
}

func (f *folder) journalPath() string { return filepath.Join(f.staging, journalFile) }

func (f *folder) hasJournal() (bool, error) {
	_, err := os.Lstat(f.journalPath())
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// clear empties the staging folder: of what a run has left there, only the
// journal of an unfinished one is of use.
func (f *folder) clear() error {
	entries, err := os.ReadDir(f.staging)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if f.unfinished && e.Name() == journalFile {
			continue
		}
		if err := os.RemoveAll(filepath.Join(f.staging, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

// earlierRun is what the run.json of an earlier run says; it is zero when
// there is none.
type earlierRun struct {
	ConfigHash string `json:"config_hash"`
	Status     string `json:"status"`
}

func (f *folder) earlier() (earlierRun, error) {
	var e earlierRun
	data, err := os.ReadFile(filepath.Join(f.path, record.RunFile))
	if errors.Is(err, os.ErrNotExist) {
		return e, nil
	}
	if err != nil {
		return e, err
	}
	if json.Unmarshal(data, &e) != nil || e.Status == "" {
		e = earlierRun{Status: "unreadable"}
	}
	return e, nil
}

// Close unlocks the folder and drops what was not finished but the journal.
func (f *folder) Close() {
	if f.bad != nil {
		_ = f.bad.Close() // it was closed before when the run was finished
		_ = f.clear()     // the next run tries again
		_ = os.Remove(f.staging)
	}
	f.unlock()
}

func (f *folder) writeBad(bad BadSample) error {
	line, err := json.Marshal(bad)
	if err != nil {
		return fmt.Errorf("%s: %w", record.BadFile, err)
	}
	if _, err := f.badBuf.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("%s: %w", record.BadFile, err)
	}
	return nil
}

// finish writes the other files and makes the result visible. It reports
// whether it did: an interrupted run does not replace a complete result.
func (f *folder) finish(configYAML []byte, r runFile, scores func(path string) error) (published bool, err error) {
	if err := errors.Join(f.badBuf.Flush(), f.bad.Sync(), f.bad.Close()); err != nil {
		return false, fmt.Errorf("%s: %w", record.BadFile, err)
	}
	if err := scores(filepath.Join(f.staging, record.ScoresFile)); err != nil {
		return false, err
	}
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return false, fmt.Errorf("%s: %w", record.RunFile, err)
	}
	for name, content := range map[string][]byte{record.ConfigFile: configYAML, record.RunFile: append(text, '\n')} {
		if err := renameio.WriteFile(filepath.Join(f.staging, name), content, 0o666, renameio.WithTempDir(f.staging)); err != nil {
			return false, fmt.Errorf("%s: %w", name, err)
		}
	}
	earlier, err := f.earlier()
	if err != nil {
		return false, err
	}
	if r.Status == statusInterrupted && earlier.Status == statusComplete {
		return false, nil
	}
	return true, f.publish()
}

// publish puts the new result in the place of the earlier one. run.json goes
// first and comes last: a folder that has it holds one whole result.
func (f *folder) publish() error {
	if err := f.removeEarlier(); err != nil {
		return err
	}
	predictions := filepath.Join(f.path, record.PredictionsFolder)
	if err := os.MkdirAll(predictions, 0o777); err != nil {
		return err
	}
	files, err := filepath.Glob(filepath.Join(f.staging, record.PredictionsFolder, "*.parquet"))
	if err != nil {
		return err
	}
	for _, from := range files {
		if err := os.Rename(from, filepath.Join(predictions, filepath.Base(from))); err != nil {
			return err
		}
	}
	if err := parquetio.SyncFolder(predictions); err != nil {
		return err
	}
	for _, name := range []string{record.ScoresFile, record.ConfigFile, record.BadFile, record.RunFile} {
		if err := os.Rename(filepath.Join(f.staging, name), filepath.Join(f.path, name)); err != nil {
			return err
		}
	}
	return parquetio.SyncFolder(f.path)
}

func (f *folder) removeEarlier() error {
	old, err := filepath.Glob(filepath.Join(f.path, record.PredictionsFolder, "*.parquet"))
	if err != nil {
		return err
	}
	for _, name := range []string{record.BadFile, record.ConfigFile, record.ScoresFile, record.RunFile} {
		old = append(old, filepath.Join(f.path, name))
	}
	slices.Reverse(old)
	for _, path := range old {
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}
