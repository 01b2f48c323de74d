package ranking_test

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"quba/internal/parquetio"
	"quba/pipeline/record"
	"quba/ranking"
)

const twoModels = `[{"name":"a","sha256":"aa11","classes":3,"parameters":4652008,"parameters_origin":"side-car","labels":{"family":"tiny"}},{"name":"b","sha256":"bb22","classes":3}]`

// resultFolder writes a result with the scores and the metadata.
func resultFolder(t *testing.T, protocol, models string, scores ...record.Score) string {
	t.Helper()
	folder := finishedFolder(t)
	meta := map[string]string{"quba.protocol": protocol, "quba.models": models}
	if err := parquetio.WriteScores(filepath.Join(folder, "scores.parquet"), scores, meta); err != nil {
		t.Fatal(err)
	}
	return folder
}

// finishedFolder is a folder with the file that a run writes last.
func finishedFolder(t testing.TB) string {
	t.Helper()
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "run.json"), []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	return folder
}

func TestUnfinishedFoldersAreRefused(t *testing.T) {
	folder := resultFolder(t, "standard", twoModels, scoreOf("a", "accuracy", 0.5))
	if err := os.Remove(filepath.Join(folder, "run.json")); err != nil {
		t.Fatal(err)
	}
	for name, read := range map[string]func([]string) (ranking.Cohort, error){"read": ranking.Read, "recompute": ranking.Recompute} {
		if _, err := read([]string{folder}); err == nil || !strings.Contains(err.Error(), "there is no run.json in it") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func scoreOf(model, dimension string, value float64) record.Score {
	return record.Score{Model: model, Dimension: dimension, Value: value, N: 10}
}

func TestReadResultFolder(t *testing.T) {
	folder := resultFolder(t, "standard", twoModels,
		scoreOf("a", "accuracy", 0.5),
		record.Score{Model: "a", Dimension: "accuracy", Part: "top5", Value: 0.9, N: 10},
		record.Score{Model: "a", Dimension: "class_balance", Value: 0.7, N: 10, Partial: true, Note: "few images"})
	for _, path := range []string{folder, filepath.Join(folder, "scores.parquet")} {
		c, err := ranking.Read([]string{path})
		if err != nil {
			t.Fatal(err)
		}
		if len(c.Models) != 2 || c.Protocol != "standard" || c.Models[1].Name != "b" {
			t.Fatalf("got %+v", c)
		}
		m := c.Models[0]
		accuracy := m.Values["accuracy"]
		if m.SHA256 != "aa11" || m.Labels["family"] != "tiny" || accuracy.Value != 0.5 || accuracy.N != 10 || len(accuracy.Parts) != 1 || accuracy.Parts[0].Value != 0.9 {
			t.Errorf("got %+v", m)
		}
		if v := m.Values["class_balance"]; !v.Partial || v.Note != "few images" {
			t.Errorf("got %+v", v)
		}
	}
}

func TestResultsOfOneModelAreJoined(t *testing.T) {
	first := resultFolder(t, "standard", twoModels, scoreOf("a", "accuracy", 0.5), scoreOf("b", "accuracy", 0.4))
	second := resultFolder(t, "standard", twoModels, scoreOf("a", "shape_bias", 0.3))
	c, err := ranking.Read([]string{first, second})
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Models) != 2 || c.Models[0].Values["accuracy"].Value != 0.5 || c.Models[0].Values["shape_bias"].Value != 0.3 {
		t.Errorf("got %+v", c.Models)
	}
}

func TestResultsThatDoNotGoTogether(t *testing.T) {
	first := resultFolder(t, "standard", twoModels, scoreOf("a", "accuracy", 0.5))
	for name, c := range map[string]struct{ other, want string }{
		"same dimension": {resultFolder(t, "standard", twoModels, scoreOf("a", "accuracy", 0.6)), "leave one of them out"},
		"other file":     {resultFolder(t, "standard", `[{"name":"a","sha256":"cc33"}]`, scoreOf("a", "shape_bias", 0.6)), "give one of them another name"},
		"unknown file":   {resultFolder(t, "standard", `[]`, scoreOf("a", "shape_bias", 0.6)), "sha256 aa11, unknown"},
		"protocol":       {resultFolder(t, "quba-code", `[]`, scoreOf("c", "accuracy", 0.6)), "rank them apart"},
		"metadata":       {resultFolder(t, "standard", `{`, scoreOf("c", "accuracy", 0.6)), "quba.models"},
		"twice":          {resultFolder(t, "standard", `[]`, scoreOf("c", "accuracy", 0.6), scoreOf("c", "accuracy", 0.6)), "twice"},
		"part first":     {resultFolder(t, "standard", `[]`, record.Score{Model: "c", Dimension: "accuracy", Part: "top5"}), "before the dimension"},
		"no scores":      {resultFolder(t, "standard", `[]`), "has no scores"},
		"no result":      {t.TempDir(), "is no finished result folder"},
		"no score file":  {finishedFolder(t), "scores.parquet"},
		"above 1":        {resultFolder(t, "standard", `[]`, scoreOf("c", "accuracy", 1.5)), `model "c": accuracy must be at most 1, is 1.5`},
		"below 0":        {resultFolder(t, "standard", `[]`, scoreOf("c", "calibration_error", -0.1)), "calibration_error must be at least 0"},
		"absent":         {filepath.Join(first, "absent"), "no such file"},
		"other kind":     {writeFile(t, "x.txt", "model\nx\n"), "must be a result folder"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ranking.Read([]string{first, c.other})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q in it", err, c.want)
			}
		})
	}
	if _, err := ranking.Read(nil); err == nil {
		t.Error("no error for nothing to read")
	}
}

func writeFile(t testing.TB, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestTableRowsStayApart(t *testing.T) {
	table := writeFile(t, "t.csv", "model,acc\na,0.1\na,0.2\n")
	folder := resultFolder(t, "standard", twoModels, scoreOf("a", "accuracy", 0.5))
	c, err := ranking.Read([]string{table, folder})
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Models) != 4 || c.Models[1].Values["accuracy"].Value != 0.2 || c.Models[2].Values["accuracy"].Value != 0.5 {
		t.Errorf("got %+v", c.Models)
	}
}

func TestReadWideParquet(t *testing.T) {
	mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer mem.AssertSize(t, 0)
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "model", Type: arrow.BinaryTypes.String},
		{Name: "acc", Type: arrow.PrimitiveTypes.Float64, Nullable: true},
		{Name: "family", Type: arrow.BinaryTypes.String},
	}, nil)
	b := array.NewRecordBuilder(mem, schema)
	defer b.Release()
	b.Field(0).(*array.StringBuilder).AppendValues([]string{"x", "y"}, nil)
	b.Field(1).(*array.Float64Builder).AppendValues([]float64{0.1 + 0.2, 0}, []bool{true, false})
	b.Field(2).(*array.StringBuilder).AppendValues([]string{"cnn", "vit"}, nil)
	rec := b.NewRecord()
	defer rec.Release()
	path := filepath.Join(t.TempDir(), "wide.parquet")
	writeRecords(t, path, nil, rec)
	c, err := ranking.Read([]string{path})
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Models) != 2 || c.Models[0].Values["accuracy"].Value != 0.1+0.2 || len(c.Models[1].Values) != 0 || c.Models[1].Labels["family"] != "vit" {
		t.Errorf("got %+v", c.Models)
	}
}

func writeRecords(t testing.TB, path string, meta map[string]string, records ...arrow.Record) {
	t.Helper()
	w, err := parquetio.Create(path, records[0].Schema(), maps.Clone(meta))
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort()
	for _, rec := range records {
		if err := w.Write(rec); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}
