// Package samplestream moves samples between processes as an Arrow IPC
// stream, one row for each image, so that any program with an Arrow library
// can stand in a shell pipe: the schema, an encoder and a decoder.
//
// Streams come from anywhere, so everything that is read is checked: a
// truncated or hostile stream gives an error and takes a bounded amount of
// memory.
package samplestream

import (
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/apache/arrow/go/v17/arrow"

	"quba/pipeline"
	"quba/pipeline/record"
)

// Version is the version of the schema, written into every stream.
const Version = "1"

// Columns of a sample. A stream must have ColID, ColWidth, ColHeight and
// ColPixels; one that lacks another column means the value in brackets. The
// columns may stand in any order, among others.
const (
	ColSeq          = "seq"          // int64, position in the source, from 0 [the row's position]
	ColID           = "id"           // utf8, stable name of the sample; random numbers depend on it
	ColPath         = "path"         // utf8, where a person finds the file [id]
	ColLabel        = "label"        // int32, true class, -1 where there is none [-1]
	ColCue          = "cue"          // int32, second class of a cue-conflict image [-1]
	ColPerturbation = "perturbation" // utf8, what stages did, joined by "+" ["none"]
	ColSeverity     = "severity"     // int32, 0 where there is none [0]
	ColWhole        = "whole"        // bool, the image is resized, never cropped [false]
	ColWidth        = "width"        // int32, pixels
	ColHeight       = "height"       // int32, pixels
	ColPixels       = "pixels"       // binary, height rows of width RGB bytes
)

const (
	colSeq = iota
	colID
	colPath
	colLabel
	colCue
	colPerturbation
	colSeverity
	colWhole
	colWidth
	colHeight
	colPixels
	columns
)

// Schema is that of a stream, without its metadata.
var Schema = arrow.NewSchema([]arrow.Field{
	colSeq:          {Name: ColSeq, Type: arrow.PrimitiveTypes.Int64},
	colID:           {Name: ColID, Type: arrow.BinaryTypes.String},
	colPath:         {Name: ColPath, Type: arrow.BinaryTypes.String},
	colLabel:        {Name: ColLabel, Type: arrow.PrimitiveTypes.Int32},
	colCue:          {Name: ColCue, Type: arrow.PrimitiveTypes.Int32},
	colPerturbation: {Name: ColPerturbation, Type: arrow.BinaryTypes.String},
	colSeverity:     {Name: ColSeverity, Type: arrow.PrimitiveTypes.Int32},
	colWhole:        {Name: ColWhole, Type: arrow.FixedWidthTypes.Boolean},
	colWidth:        {Name: ColWidth, Type: arrow.PrimitiveTypes.Int32},
	colHeight:       {Name: ColHeight, Type: arrow.PrimitiveTypes.Int32},
	colPixels:       {Name: ColPixels, Type: arrow.BinaryTypes.Binary},
}, nil)

// Keys of the schema's metadata, beside those of package record that a
// stream shares with prediction files: MetaTool, MetaSeed, MetaDatasetSHA256.
const (
	MetaSamples  = "quba.samples"  // Version
	MetaClasses  = "quba.classes"  // number of classes that labels are indexes of
	MetaDecision = "quba.decision" // JSON of a record.Decision; absent for the classifier's own classes
)

// Header is what a stream says of itself. All of it may be left out.
type Header struct {
	// Seed is the seed of everything random that happens to the samples.
	Seed uint64
	// Classes is the number of classes of the labels, 0 when unknown.
	Classes int
	// Dataset is the digest of the source's listing.
	Dataset string
	// Decision is that of all samples; nil for the classifier's own classes.
	Decision *record.Decision
}

func (h Header) metadata() arrow.Metadata {
	keys := []string{MetaSamples, record.MetaTool, record.MetaSeed, MetaClasses, record.MetaDatasetSHA256}
	values := []string{Version, pipeline.Version, strconv.FormatUint(h.Seed, 10), strconv.Itoa(h.Classes), h.Dataset}
	if h.Decision != nil {
		text, err := json.Marshal(h.Decision)
		if err != nil {
			panic(err) // it holds numbers and words only
		}
		keys, values = append(keys, MetaDecision), append(values, string(text))
	}
	return arrow.NewMetadata(keys, values)
}

func parseHeader(meta arrow.Metadata) (h Header, err error) {
	if version, ok := meta.GetValue(MetaSamples); ok && version != Version {
		return h, fmt.Errorf("the stream has version %.20q of the sample schema; this program reads %q", version, Version)
	}
	if text, ok := meta.GetValue(record.MetaSeed); ok {
		if h.Seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			return h, fmt.Errorf("metadata %s must be a whole number of at least 0, got %.40q", record.MetaSeed, text)
		}
	}
	if text, ok := meta.GetValue(MetaClasses); ok {
		classes, err := strconv.ParseUint(text, 10, 31)
		if err != nil {
			return h, fmt.Errorf("metadata %s must be a whole number of at least 0, got %.40q", MetaClasses, text)
		}
		h.Classes = int(classes)
	}
	h.Dataset, _ = meta.GetValue(record.MetaDatasetSHA256)
	if text, ok := meta.GetValue(MetaDecision); ok {
		h.Decision, err = parseDecision(text)
	}
	return h, err
}

func parseDecision(text string) (*record.Decision, error) {
	d := &record.Decision{}
	err := json.Unmarshal([]byte(text), d)
	if err == nil {
		err = d.Check()
	}
	if err != nil {
		return nil, fmt.Errorf("metadata %s: %w", MetaDecision, err)
	}
	return d, nil
}
