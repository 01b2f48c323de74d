package sources

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"quba/internal/imagenet"
	"quba/pipeline"
)

// writeVal writes images of the validation set and their ground truth, and
// returns the folder and the file.
func writeVal(t testing.TB, truth string, numbers ...int) (root, file string) {
	t.Helper()
	dir := t.TempDir()
	root, file = filepath.Join(dir, "val"), filepath.Join(dir, "truth")
	for _, n := range numbers {
		writePNGs(t, root, validationName(int32(n))+".JPEG")
	}
	writeFile(t, file, truth)
	return root, file
}

func init() {
	fixtures["imagenet_val"] = func(t *testing.T) fixture {
		root, truth := writeVal(t, "490\n361\n171\n", 3, 1, 2)
		return fixture{
			source: func() pipeline.Source {
				return makeSource(t, "imagenet_val", imageNetValConfig{Root: root, GroundTruth: truth})
			},
			add: func() {
				writePNGs(t, root, validationName(4)+".png")
				writeFile(t, truth, "490\n361\n171\n822\n")
			},
		}
	}
}

func valSamples(t *testing.T, truth string, partial bool, numbers ...int) (string, pipeline.SourceInfo, error) {
	t.Helper()
	root, file := writeVal(t, truth, numbers...)
	s := makeSource(t, "imagenet_val", imageNetValConfig{Root: root, GroundTruth: file, Partial: partial})
	samples, err := collect(s)
	info, again := s.Describe(context.Background())
	if fmt.Sprint(err) != fmt.Sprint(again) {
		t.Errorf("Samples says %v, Describe %v", err, again)
	}
	return ids(samples), info, err
}

const kaggleRows = "\ufeffImageId,PredictionString\r\n" +
	"ILSVRC2012_val_00000002,n01751748 8 12 498 374 n01751748 1 2 3 4 \r\n" +
	"ILSVRC2012_val_00000001,n01440764 85 1 499 272 \r\n"

// The IDs of the challenge are not the ranks of the wnids: 490 is the sea
// snake, which has rank 65.
func TestImageNetValLabels(t *testing.T) {
	const both = "n01440764/ILSVRC2012_val_00000001.JPEG=0 n01751748/ILSVRC2012_val_00000002.JPEG=65"
	for name, truth := range map[string]string{
		"challenge": "449\n490\n", "windows": "\ufeff449\r\n490", "blank end": "449\n 490 \n\n\n", "kaggle": kaggleRows,
	} {
		got, info, err := valSamples(t, truth, false, 1, 2)
		if err != nil || got != both || info.Classes != 1000 || info.Notes != nil {
			t.Errorf("%s: got %s, %+v, %v", name, got, info, err)
		}
	}
}

func TestImageNetValKnowsEachChallengeID(t *testing.T) {
	var text strings.Builder
	for _, c := range imagenet.All() {
		fmt.Fprintln(&text, c.ChallengeID)
	}
	truth, err := parseGroundTruth("truth.txt", strings.NewReader(text.String()))
	for i := range int32(imagenet.Classes) {
		if truth[i+1] != i {
			t.Errorf("image %d has class %d", i+1, truth[i+1])
		}
	}
	if err != nil || len(truth) != imagenet.Classes {
		t.Errorf("%d labels, %v", len(truth), err)
	}
}

func TestImageNetValPartial(t *testing.T) {
	got, info, err := valSamples(t, "449\n490\n449\n", true, 2)
	if err != nil || got != "n01751748/ILSVRC2012_val_00000002.JPEG=65" {
		t.Errorf("got %s, %v", got, err)
	}
	if want := []string{"1 of the 3 images that the ground truth lists"}; !slices.Equal(info.Notes, want) {
		t.Errorf("notes are %q", info.Notes)
	}
	if _, _, err := valSamples(t, "449\n", true, 1, 2); err == nil {
		t.Error("an image without a label is taken")
	}
}

func TestImageNetValImagesAndLabelsMustFit(t *testing.T) {
	root, file := writeVal(t, "449\n490\n449\n", 2)
	checkLayoutError(t, root, makeSource(t, "imagenet_val", imageNetValConfig{Root: root, GroundTruth: file}),
		": lacks the images ILSVRC2012_val_00000001, ILSVRC2012_val_00000003 of the 3 that "+file+" lists; put them there, or write partial: true to use the others")
	root, file = writeVal(t, "449\n", 1, 2)
	checkLayoutError(t, file, makeSource(t, "imagenet_val", imageNetValConfig{Root: root, GroundTruth: file}),
		": has no label for the image ILSVRC2012_val_00000002.JPEG of "+root+"; it lists 1 images")
}

func TestImageNetValLayoutErrors(t *testing.T) {
	truth := filepath.Join(t.TempDir(), "truth.txt")
	writeFile(t, truth, "449\n")
	const (
		expected = ": expected files such as ILSVRC2012_val_00000001.JPEG; found "
		hint     = "; images in one folder for each class are read by the source image_folder"
	)
	checkWrongLayouts(t, func(root string) pipeline.Source {
		return makeSource(t, "imagenet_val", imageNetValConfig{Root: root, GroundTruth: truth})
	}, []wrongLayout{
		{"nothing", nil, expected + "nothing" + hint},
		{"class folders", []string{"n01440764/a.JPEG", "n01443537/b.JPEG"}, expected + "the folders n01440764, n01443537" + hint},
		{
			"other names",
			[]string{"ILSVRC2012_val_00000001.JPEG", "ILSVRC2012_val_00000000.JPEG", "ILSVRC2012_val_1.JPEG", "x.png", "read.me"},
			expected + "the images ILSVRC2012_val_00000000.JPEG, ILSVRC2012_val_1.JPEG, x.png" + hint,
		},
		{
			"twins",
			[]string{"ILSVRC2012_val_00000001.JPEG", "ILSVRC2012_val_00000001.png"},
			": image 1 is there twice, as ILSVRC2012_val_00000001.JPEG and ILSVRC2012_val_00000001.png",
		},
	})
}

func TestGroundTruthFaults(t *testing.T) {
	const kaggle = kaggleHeader + "\n"
	for text, words := range map[string][]string{
		"":                               {"t: has no label", "ILSVRC2012_validation_ground_truth.txt", "LOC_val_solution.csv"},
		kaggle:                           {"t: has no label"},
		strings.Repeat("x", 100) + "\n":  {`got "` + strings.Repeat("x", 40) + `"`},
		"1\n0\n1001\nx\n":                {`t:2: must be an ILSVRC2012_ID of 1 to 1000, got "0"`, "t:3:", `t:4: must be an ILSVRC2012_ID of 1 to 1000, got "x"`},
		"1\n\n2\n":                       {"t:2: must not be empty"},
		"a,b\n":                          {"t:1:", `"a,b"`},
		kaggle + "x,n01440764 1 2 3 4\n": {`t:2: ImageId must be as in ILSVRC2012_val_00000001, got "x"`},
		kaggle + "ILSVRC2012_val_00000001,cat 1 2 3 4\n":                          {`t:2: PredictionString must start with a wnid of ImageNet, got "cat"`},
		kaggle + "ILSVRC2012_val_00000001,n01440764 1 2\n":                        {"t:2: PredictionString must be boxes"},
		kaggle + "ILSVRC2012_val_00000001,\n":                                     {"t:2: PredictionString must be boxes"},
		kaggle + "ILSVRC2012_val_00000001\n\"x\"y,1\n":                            {"t:2: ", "t:3: "},
		strings.Repeat("1", 1<<17):                                                {"t:1: ", "too long"},
		kaggle + strings.Repeat("ILSVRC2012_val_00000001,n01440764 1 2 3 4\n", 2): {"t:3: ILSVRC2012_val_00000001 is there twice"},
		kaggle + "ILSVRC2012_val_00000001,n01440764 1 2 3 4 n01443537 1 2 3 4\n":  {"t:2: the boxes must have one class, got \"n01440764\" and \"n01443537\""},
	} {
		_, err := parseGroundTruth("t", strings.NewReader(text))
		wantError(t, err, words...)
	}
}

// FuzzGroundTruth checks that whatever is read has numbers from 1 and classes
// of ImageNet.
func FuzzGroundTruth(f *testing.F) {
	f.Add("449\n490\n")
	f.Add(kaggleRows)
	f.Fuzz(func(t *testing.T, text string) {
		truth, err := parseGroundTruth("t", strings.NewReader(text))
		if err != nil {
			return
		}
		if len(truth) == 0 {
			t.Fatal("no label and no error")
		}
		for number, label := range truth {
			if number < 1 || label < 0 || label >= imagenet.Classes {
				t.Fatalf("image %d has label %d", number, label)
			}
		}
	})
}
