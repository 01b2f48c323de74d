package metrics_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/memory"

	"quba/internal/imagenet"
	"quba/metrics"
	"quba/pipeline/record"
)

// decided is an image with the class that was chosen for it, or record.NoClass.
type decided struct {
	id                 string
	label, cue, chosen int32
	perturbation       string
}

// observeDecided feeds decisions among classes, as records of that decision.
func observeDecided(t testing.TB, m metrics.Metric, role string, classes []string, rows []decided) error {
	t.Helper()
	mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer mem.AssertSize(t, 0)
	b := record.NewBuilder(mem, false)
	defer b.Release()
	// One output for each class, and one more that belongs to none.
	decision := &record.Decision{Name: "test", Classes: classes, Rule: record.Best}
	for class := range classes {
		decision.Of = append(decision.Of, int32(class))
	}
	decision.Of = append(decision.Of, record.NoClass)
	for _, row := range rows {
		output := make([]float32, len(decision.Of))
		output[slices.Index(decision.Of, row.chosen)] = 1
		b.Append(record.Row{
			Model: "m", Pipeline: "p", ID: row.id, Perturbation: row.perturbation,
			Label: row.label, Cue: row.cue, Decision: decision,
		}, output, record.Probabilities)
	}
	rec := b.NewRecord()
	defer rec.Release()
	v, err := record.NewView(rec)
	if err != nil {
		t.Fatal(err)
	}
	return m.Observe(role, v)
}

func mustObserveDecided(t testing.TB, m metrics.Metric, role string, classes []string, rows []decided) {
	t.Helper()
	if err := observeDecided(t, m, role, classes, rows); err != nil {
		t.Fatal(err)
	}
}

func scoreOf(t testing.TB, m metrics.Metric) metrics.Score {
	t.Helper()
	s, err := m.Score()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func hasPart(s metrics.Score, name string) bool {
	return slices.ContainsFunc(s.Parts, func(p metrics.Part) bool { return p.Name == name })
}

func countOf(t testing.TB, s metrics.Score, name string) int64 {
	t.Helper()
	part(t, s, name)
	return s.Parts[slices.IndexFunc(s.Parts, func(p metrics.Part) bool { return p.Name == name })].N
}

// envOf is that of a metric whose role has the classes.
func envOf(role string, classes []string) metrics.Env {
	return metrics.Env{Roles: map[string]record.PipelineRecord{role: {Classes: classes}}}
}

// The roles name decisions that exist.
func TestRolesNameKnownDecisions(t *testing.T) {
	known := []string{"", imagenet.NameCategories16, imagenet.NameImageNetR, imagenet.NameImageNetA, imagenet.NameImageNet9}
	want := map[string]string{
		"shape_bias.cue_conflict": imagenet.NameCategories16, "error_consistency.images": imagenet.NameCategories16,
		"ood_robustness.stylized": imagenet.NameCategories16, "ood_robustness.imagenet_r": imagenet.NameImageNetR,
		"object_focus.mixed_rand": imagenet.NameImageNet9, "object_focus.clean": "",
	}
	eachMetric(t, func(t *testing.T, spec metrics.Spec) {
		_, metric, _ := strings.Cut(t.Name(), "/")
		for _, role := range spec.Roles {
			key := metric + "." + role.Name
			if !slices.Contains(known, role.Decision) {
				t.Errorf("%s: unknown decision %q", key, role.Decision)
			}
			if decision, ok := want[key]; ok && role.Decision != decision {
				t.Errorf("%s: decision is %q, want %q", key, role.Decision, decision)
			}
			delete(want, key)
		}
	})
	if len(want) > 0 {
		t.Errorf("roles that are not there: %v", want)
	}
}

// goldenFolder is the folder of reference data beside the project.
func goldenFolder(t *testing.T) string {
	t.Helper()
	folder := filepath.Join("..", "..", "shared", "golden")
	if _, err := os.Stat(folder); err != nil {
		t.Skip("the reference data are not here (../shared beside the project)")
	}
	return folder
}

func readJSON(t *testing.T, into any, path ...string) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, into); err != nil {
		t.Fatal(err)
	}
}

// goldenModel is what the reference decided on the shared images, in the order
// of their paths.
type goldenModel struct {
	ImageNet struct{ Top1 float64 }
	ArgMax   []int32 `json:"argmax_all"`
	Cue      struct {
		Differ    int64   `json:"n_shape_differs_from_texture"`
		Shape     int64   `json:"correct_shape"`
		Texture   int64   `json:"correct_texture"`
		ShapeBias float64 `json:"shape_bias"`
		Decisions []string
	} `json:"cue_conflict"`
	Edge, Silhouette struct {
		Accuracy         float64
		RelativeAccuracy float64 `json:"relative_accuracy"`
		Decisions        []string
	}
	OOD         float64 `json:"ood_rob_partial_edge_silhouette"`
	ObjectFocus struct {
		Same  goldenBackgrounds `json:"mixed_same"`
		Rand  goldenBackgrounds `json:"mixed_rand"`
		Gap   float64           `json:"bg_gap"`
		Focus float64           `json:"obj_focus"`
	} `json:"object_focus"`
}

type goldenBackgrounds struct {
	Accuracy float64
	Pred     []int32 `json:"pred_in9"`
}

func eachGoldenModel(t *testing.T, check func(t *testing.T, g goldenModel, data string)) {
	golden := goldenFolder(t)
	files, err := filepath.Glob(filepath.Join(golden, "models", "*.json"))
	if err != nil || len(files) != 4 {
		t.Fatalf("want 4 golden models, got %d: %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
			var g goldenModel
			readJSON(t, &g, file)
			check(t, g, filepath.Join(golden, "..", "data"))
		})
	}
}

// imagesIn lists the images of class folders in the order of their paths.
func imagesIn(t *testing.T, folder string, want int) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*", "*"))
	if err != nil || len(files) != want {
		t.Fatalf("%s: %d images, want %d: %v", folder, len(files), want, err)
	}
	slices.Sort(files)
	return files
}

func folderOf(file string) string { return filepath.Base(filepath.Dir(file)) }

func categoryIndex(name string) int32 {
	return int32(slices.Index(imagenet.Categories16(record.First).Classes, name))
}

// categoryRows are the images of a set of categories with what was decided.
func categoryRows(t *testing.T, folder string, decisions []string) []decided {
	t.Helper()
	var rows []decided
	for i, file := range imagesIn(t, folder, len(decisions)) {
		rows = append(rows, decided{
			id: folderOf(file) + "/" + filepath.Base(file), label: categoryIndex(folderOf(file)),
			cue: record.NoClass, chosen: categoryIndex(decisions[i]),
		})
	}
	return rows
}

// textureOf is the texture of a published cue-conflict image, from its name.
func textureOf(image string) int32 {
	image = image[strings.LastIndexByte(image, '_')+1:]
	image, _, _ = strings.Cut(image, ".")
	return categoryIndex(strings.TrimRight(image[strings.LastIndexByte(image, '-')+1:], "0123456789"))
}

// cleanRows are the photographs of ImageNet with what was decided.
func cleanRows(t *testing.T, data string, argmax []int32) []decided {
	t.Helper()
	var rows []decided
	for i, file := range imagesIn(t, filepath.Join(data, "imagenet-sample", "val"), len(argmax)) {
		label, known := imagenet.Index(folderOf(file))
		if !known {
			t.Fatalf("no class %s", file)
		}
		rows = append(rows, decided{id: filepath.Base(file), label: label, cue: record.NoClass, chosen: argmax[i]})
	}
	return rows
}

func thousandClasses() []string {
	names := make([]string, imagenet.Classes)
	for i, c := range imagenet.All() {
		names[i] = c.WNID
	}
	return names
}
