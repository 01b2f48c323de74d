package imagenet_test

import (
	"encoding/csv"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"quba/internal/imagenet"
	"quba/pipeline/record"
)

func TestClasses(t *testing.T) {
	all := imagenet.All()
	if !slices.IsSortedFunc(all, func(a, b imagenet.Class) int {
		if a.WNID < b.WNID {
			return -1
		}
		return 1
	}) {
		t.Error("the wnids are out of order")
	}
	tests := []struct {
		wnid        string
		index       int32
		challengeID int
		name        string
	}{
		{"n01440764", 0, 449, "tench"},
		{"n02119789", 278, 1, "kit fox"},
		{"n03255030", 543, 1000, "dumbbell"},
		{"n15075141", 999, 889, "toilet tissue"},
	}
	for _, test := range tests {
		index, ok := imagenet.Index(test.wnid)
		if !ok || index != test.index {
			t.Errorf("%s: index %d, %v; want %d", test.wnid, index, ok, test.index)
			continue
		}
		if c := all[index]; c.ChallengeID != test.challengeID || c.Name != test.name {
			t.Errorf("%s is %+v", test.wnid, c)
		}
		if got, ok := imagenet.FromChallengeID(test.challengeID); !ok || got != test.index {
			t.Errorf("ILSVRC2012_ID %d is class %d, %v; want %d", test.challengeID, got, ok, test.index)
		}
	}
	for _, id := range []int{-1, 0, 1001} {
		if _, ok := imagenet.FromChallengeID(id); ok {
			t.Errorf("ILSVRC2012_ID %d exists", id)
		}
	}
}

func TestDecisionsAreWhole(t *testing.T) {
	tests := []struct {
		decision         *record.Decision
		classes, outputs int
	}{
		{imagenet.Categories16(record.First), 16, 207},
		{imagenet.Categories16(record.Last), 16, 207},
		{imagenet.ImageNetR(), 200, 200},
		{imagenet.ImageNetA(), 200, 200},
		{imagenet.ImageNet9(), 9, 370},
	}
	for _, test := range tests {
		d := test.decision
		if err := d.Check(); err != nil {
			t.Error(err)
		}
		outputs := 0
		for _, class := range d.Of {
			if class != record.NoClass {
				outputs++
			}
		}
		if len(d.Of) != imagenet.Classes || len(d.Classes) != test.classes || outputs != test.outputs {
			t.Errorf("%s: %d classes of %d outputs, want %d of %d", d.Name, len(d.Classes), outputs, test.classes, test.outputs)
		}
	}
}

// TestGoldenMappings holds the table against the lists that the reference
// numbers were made with.
func TestGoldenMappings(t *testing.T) {
	t.Run("wnids", func(t *testing.T) {
		f, err := os.Open(golden(t, "imagenet_wnids.csv"))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		rows, err := csv.NewReader(f).ReadAll()
		if err != nil || len(rows) != imagenet.Classes+1 {
			t.Fatal(len(rows), err)
		}
		for i, c := range imagenet.All() {
			if row := rows[i+1]; row[0] != strconv.Itoa(i) || row[1] != c.WNID || row[2] != c.Name || row[3] != c.Category {
				t.Errorf("%v, want %v", c, row)
			}
		}
	})
	t.Run("categories", func(t *testing.T) {
		var want struct {
			Categories []string
			Indices    map[string][]int
		}
		read(t, "categories16.json", &want)
		d := imagenet.Categories16(record.First)
		if !slices.Equal(d.Classes, want.Categories) {
			t.Errorf("categories %v, want %v", d.Classes, want.Categories)
		}
		for label, name := range want.Categories {
			for _, index := range want.Indices[name] {
				if d.Of[index] != int32(label) {
					t.Errorf("class %d is of %d, want %d (%s)", index, d.Of[index], label, name)
				}
			}
		}
	})
	t.Run("ImageNet-R", func(t *testing.T) {
		var want struct{ WNIDs []string }
		read(t, "imagenet_r.json", &want)
		if got := imagenet.ImageNetR().Classes; !slices.Equal(got, want.WNIDs) {
			t.Errorf("classes %v, want %v", got, want.WNIDs)
		}
	})
	t.Run("ImageNet-9", func(t *testing.T) {
		var want struct{ Map []int32 }
		read(t, "in_to_in9.json", &want)
		if got := imagenet.ImageNet9().Of; !slices.Equal(got, want.Map) {
			t.Errorf("got %v, want %v", got, want.Map)
		}
	})
}

func read(t *testing.T, name string, into any) {
	t.Helper()
	data, err := os.ReadFile(golden(t, name))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, into); err != nil {
		t.Fatal(err)
	}
}

// golden is a file of the folder of goldens beside the repository.
func golden(t *testing.T, name string) string {
	t.Helper()
	path := filepath.Join("..", "..", "..", "shared", "golden", "mappings", name)
	if _, err := os.Stat(path); err != nil {
		t.Skip("no golden mappings: ", err)
	}
	return path
}
