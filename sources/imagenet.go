package sources

import (
	"bytes"
	_ "embed"
	"encoding/csv"
	"fmt"
	"strconv"
	"sync"
)

// imagenetTable is index,wnid,name of the 1000 classes of ILSVRC 2012. The
// index is the rank of the wnid, which is the order of the outputs of nearly
// every classifier.
//
//go:embed imagenet_wnids.csv
var imagenetTable []byte

const imagenetClasses = 1000

// imagenetIndex maps wnids to class indexes.
var imagenetIndex = sync.OnceValue(func() map[string]int32 {
	rows, err := csv.NewReader(bytes.NewReader(imagenetTable)).ReadAll()
	if err != nil || len(rows) != imagenetClasses+1 {
		panic(fmt.Sprintf("sources: imagenet_wnids.csv has %d rows: %v", len(rows), err))
	}
	index := make(map[string]int32, imagenetClasses)
	for i, row := range rows[1:] {
		if row[0] != strconv.Itoa(i) {
			panic("sources: imagenet_wnids.csv is out of order at " + row[0])
		}
		index[row[1]] = int32(i)
	}
	return index
})
