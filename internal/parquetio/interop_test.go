package parquetio

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/memory"

	"quba/pipeline/record"
)

// python finds an interpreter that has the module, or skips the test.
func python(t *testing.T, module string) string {
	t.Helper()
	path := os.Getenv("PIPELINE_TEST_PYTHON")
	if path == "" {
		path = filepath.Join("..", "..", ".cache", "venv", "bin", "python")
	}
	if out, err := exec.Command(path, "-c", "import "+module).CombinedOutput(); err != nil {
		t.Skipf("%s cannot import %s (set PIPELINE_TEST_PYTHON to one that can): %v %s", path, module, err, out)
	}
	return path
}

// readers print id, p_true, number of probabilities, and their sum to six
// digits for each row, and the metadata value of k.
var readers = map[string]string{
	"pyarrow": `
import sys, pyarrow.parquet as pq
t = pq.read_table(sys.argv[1])
for r in t.to_pylist():
    p = r["probabilities"]
    print(r["id"], r["p_true"] is None, None if p is None else "%d %.6f" % (len(p), sum(p)))
print(pq.read_metadata(sys.argv[1]).metadata[b"k"].decode())
`,
	"duckdb": `
import sys, duckdb
for i, p_true, p in duckdb.sql("select id, p_true, probabilities from read_parquet('%s')" % sys.argv[1]).fetchall():
    print(i, p_true is None, None if p is None else "%d %.6f" % (len(p), sum(p)))
print(duckdb.sql("select decode(value) from parquet_kv_metadata('%s') where decode(key) = 'k'" % sys.argv[1]).fetchall()[0][0])
`,
}

func TestOtherProgramsReadTheFiles(t *testing.T) {
	for module, script := range readers {
		t.Run(module, func(t *testing.T) {
			interpreter := python(t, module)
			for _, probs := range []bool{true, false} {
				checkOtherReader(t, interpreter, script, probs)
			}
		})
	}
}

func checkOtherReader(t *testing.T, interpreter, script string, probs bool) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "a.parquet")
	rec := predictions(memory.DefaultAllocator, 9, 0, 300, 1000, probs)
	writeBatches(t, path, rec, map[string]string{"k": "väl"}, 7)
	var stderr bytes.Buffer
	command := exec.Command(interpreter, "-c", script, path)
	command.Stderr = &stderr
	out, err := command.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, stderr.String())
	}
	v, err := record.NewView(rec)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if len(lines) != v.Len()+1 || lines[v.Len()] != "väl" {
		t.Fatalf("%d lines, the last is %q", len(lines), lines[len(lines)-1])
	}
	for i := range v.Len() {
		want := v.ID(i) + map[bool]string{true: " False ", false: " True "}[v.HasLabel(i)]
		want += map[bool]string{true: "1000 1.000000", false: "None"}[probs]
		if lines[i] != want {
			t.Fatalf("row %d is %q, want %q", i, lines[i], want)
		}
	}
}
