// Package imagenet knows the 1000 classes of ILSVRC 2012 and how the public
// test sets group them.
package imagenet

import (
	"bytes"
	_ "embed"
	"encoding/csv"
	"fmt"
	"strconv"
	"sync"

	"quba/pipeline/record"
)

// Classes is the number of classes.
const Classes = 1000

// Class is one of them. Its index is the rank of its wnid, which is the order
// of the outputs of nearly every classifier.
type Class struct {
	WNID string // WordNet's name, such as n01440764
	Name string // in words
	// ChallengeID is ILSVRC2012_ID, 1..1000: what the ground truth of the
	// challenge counts in. Its order is not that of the wnids.
	ChallengeID int
	// Category is one of the 16 categories of Geirhos et al. (2019), "" for
	// none of them.
	Category string
	// ImageNet9 is a class of Xiao et al. (2021), 0..8, or record.NoClass.
	ImageNet9 int32
	// R and A say whether the class is in ImageNet-R (Hendrycks et al. 2021)
	// and ImageNet-A (Hendrycks et al. 2021).
	R, A bool
}

// table is index, wnid, ilsvrc_id, name, category16, imagenet_9, imagenet_r,
// imagenet_a. Sources: the class map of the challenge's development kit; the
// categories of model-vs-human (human_categories.py); in_to_in9.json of the
// backgrounds challenge; the class lists of ImageNet-R and ImageNet-A.
//
//go:embed classes.csv
var table []byte

// All lists the classes by index. The slice is shared: do not write to it.
var All = sync.OnceValue(func() []Class {
	rows, err := csv.NewReader(bytes.NewReader(table)).ReadAll()
	if err != nil || len(rows) != Classes+1 {
		panic(fmt.Sprintf("imagenet: classes.csv has %d rows: %v", len(rows), err))
	}
	classes := make([]Class, Classes)
	for i, row := range rows[1:] {
		if row[0] != strconv.Itoa(i) {
			panic("imagenet: classes.csv is out of order at " + row[0])
		}
		classes[i] = Class{
			WNID: row[1], ChallengeID: number(row[2]), Name: row[3], Category: row[4],
			ImageNet9: record.NoClass, R: row[6] == "1", A: row[7] == "1",
		}
		if row[5] != "" {
			classes[i].ImageNet9 = int32(number(row[5]))
		}
	}
	return classes
})

func number(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		panic("imagenet: classes.csv: " + err.Error())
	}
	return n
}

var byWNID = sync.OnceValue(func() map[string]int32 {
	index := make(map[string]int32, Classes)
	for i, c := range All() {
		index[c.WNID] = int32(i)
	}
	return index
})

// Index is the class of a wnid.
func Index(wnid string) (index int32, ok bool) {
	index, ok = byWNID()[wnid]
	return index, ok
}

// ByWNID maps all wnids to class indexes. The map is shared: do not write to
// it.
func ByWNID() map[string]int32 { return byWNID() }

var byChallengeID = sync.OnceValue(func() []int32 {
	index := make([]int32, Classes+1)
	for i, c := range All() {
		index[c.ChallengeID] = int32(i)
	}
	return index
})

// FromChallengeID is the class of an ILSVRC2012_ID, 1..1000.
func FromChallengeID(id int) (index int32, ok bool) {
	if id < 1 || id > Classes {
		return record.NoClass, false
	}
	return byChallengeID()[id], true
}
