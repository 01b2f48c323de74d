package uncertainty

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/memory"

	"quba/internal/parquetio"
	"quba/metrics"
	"quba/pipeline/record"
)

// Sizes of the validation set of ImageNet and of its corruptions.
const (
	scaleImages  = 50_000
	scaleClasses = 1000
	scaleModels  = 10
)

// scaleSample has the predictions of models on clean images and on 75
// corruptions of them, with random outcomes.
func scaleSample(models, imageCount int) *sample {
	random := rand.New(rand.NewPCG(1, 2))
	set := newImages(0, "sha256:scale")
	for i := range imageCount {
		set.at(fmt.Sprintf("ILSVRC2012_val_%08d", i), i-1)
	}
	names, _ := metrics.CorruptionNames()
	s := &sample{sets: []*images{set}}
	for m := range models {
		clean := &accuracy{}
		corrupted := &corruptionRobustness{names: names, cells: make([][severities]tally, len(names))}
		balance, calibration := &classBalance{of: set}, &calibrationError{of: set, edges: make([]float32, 16)}
		for i := range imageCount {
			of := image{set, i}
			hit := random.IntN(10) < 8
			clean.clean.add(of, hit)
			corrupted.clean.add(of, hit)
			for k := range names {
				bits := random.Uint32()
				for severity := range severities {
					corrupted.cells[k][severity].add(of, bits>>severity&1 == 1)
				}
			}
			balance.rows = append(balance.rows, classRow{image: i, class: int32(i % scaleClasses), correct: hit, pTrue: random.Float64()})
			calibration.rows = append(calibration.rows, calibrationRow{image: i, bin: random.IntN(16), gap: random.Float64() - 0.5, adaptive: random.Float64()})
		}
		for name, statistic := range map[string]statistic{"accuracy": clean, "corruption_robustness": corrupted, "class_balance": balance, "calibration_error": calibration} {
			s.subjects = append(s.subjects, subject{model: m, dimension: name, statistic: statistic})
		}
	}
	s.arrange()
	return s
}

// BenchmarkResample makes 2000 draws of 10 models, 50,000 images and 76
// variants.
func BenchmarkResample(b *testing.B) {
	s := scaleSample(scaleModels, scaleImages)
	for b.Loop() {
		if err := s.resample(context.Background(), Options{Draws: defaultDraws, Seed: 1}, jackknifeGroups); err != nil {
			b.Fatal(err)
		}
	}
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	b.ReportMetric(float64(stats.HeapAlloc)/(1<<20), "heap-MB")
	runtime.KeepAlive(s)
}

// BenchmarkReadPredictions reads the corrupted images of one model: 75 variants
// of 5000 images.
func BenchmarkReadPredictions(b *testing.B) {
	const count = 5000
	folder := b.TempDir()
	file := filepath.Join(folder, record.PredictionsFolder, "corrupted.m.parquet")
	writeCorrupted(b, file, count)
	names, _ := metrics.CorruptionNames()
	b.ResetTimer()
	for b.Loop() {
		corrupted := &corruptionRobustness{names: names, places: map[string]int{}, cells: make([][severities]tally, len(names))}
		s := &sample{bySet: map[string]*images{}, subjects: []subject{{source: "m", folder: folder, on: map[string]string{"corrupted": "corrupted"}, statistic: corrupted}}}
		if err := s.readPredictions(context.Background(), folder); err != nil {
			b.Fatal(err)
		}
		if s.subjects[0].statistic == nil || corrupted.cells[14][4].layers[0].n != count {
			b.Fatalf("not all was read: %s", s.subjects[0].reason)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/(75*count), "ns/row")
}

func writeCorrupted(b *testing.B, file string, images int) {
	b.Helper()
	if err := os.Mkdir(filepath.Dir(file), 0o755); err != nil {
		b.Fatal(err)
	}
	w, err := parquetio.Create(file, record.Predictions, map[string]string{record.MetaModel: "m", record.MetaPipeline: "corrupted", record.MetaDatasetSHA256: "aa"})
	if err != nil {
		b.Fatal(err)
	}
	builder := record.NewBuilder(memory.DefaultAllocator, false)
	defer builder.Release()
	names, _ := metrics.CorruptionNames()
	random := rand.New(rand.NewPCG(1, 2))
	for i := range images {
		for _, name := range names {
			for severity := range int32(severities) {
				builder.Append(record.Row{
					Model: "m", Pipeline: "corrupted", Perturbation: name, Severity: severity + 1,
					Seq: uint64(i), ID: fmt.Sprintf("n%08d/ILSVRC2012_val_%08d.JPEG", i%scaleClasses, i), Label: int32(i % 4), Cue: record.NoClass,
				}, []float32{random.Float32(), random.Float32(), random.Float32(), random.Float32()}, record.Logits)
			}
		}
		if i%50 == 49 {
			rec := builder.NewRecord()
			if err := w.Write(rec); err != nil {
				b.Fatal(err)
			}
			rec.Release()
		}
	}
	if err := w.Close(); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkAdaptiveContributions is one model with 2000 images and 1000 classes.
func BenchmarkAdaptiveContributions(b *testing.B) {
	const images = 2000
	random := rand.New(rand.NewPCG(1, 2))
	probs, labels := make([]float32, images*scaleClasses), make([]int32, images)
	for i := range probs {
		probs[i] = random.Float32()
	}
	for i := range labels {
		labels[i] = int32(i % scaleClasses)
	}
	for b.Loop() {
		adaptiveContributions(probs, labels)
	}
}
