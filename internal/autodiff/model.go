package autodiff

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"

	"google.golang.org/protobuf/proto"

	"quba/internal/onnxfile"
	"quba/internal/onnxpb"
)

// maxModelSize is protobuf's own limit for one message.
const maxModelSize = 1<<31 - 1

// readModel parses the file at path and brings the tensors of its external
// files in. These must lie in the folder of the model, as
// onnxfile.CheckExternalData demands.
func readModel(path string) (*onnxpb.ModelProto, error) {
	file, err := onnxfile.Read(path)
	if err != nil {
		return nil, err
	}
	if err := file.CheckExternalData(); err != nil {
		return nil, err
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	model, err := parseModel(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if err := bringIn(model, filepath.Dir(path)); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return model, nil
}

func parseModel(data []byte) (*onnxpb.ModelProto, error) {
	model := &onnxpb.ModelProto{}
	if err := proto.Unmarshal(data, model); err != nil {
		return nil, fmt.Errorf("must be an ONNX model: %w", err)
	}
	if model.Graph == nil {
		return nil, errors.New("must be an ONNX model, has no graph")
	}
	return model, nil
}

// bringIn reads the external tensors from files in dir.
func bringIn(model *onnxpb.ModelProto, dir string) error {
	total := int64(proto.Size(model))
	return eachTensor(model.Graph, func(t *onnxpb.TensorProto) error {
		if t.DataLocation != onnxpb.TensorProto_EXTERNAL {
			return nil
		}
		data, err := readExternal(t, dir, maxModelSize-total)
		if err != nil {
			return fmt.Errorf("tensor %q: %w", t.Name, err)
		}
		total += int64(len(data))
		t.RawData, t.ExternalData = data, nil
		t.DataLocation = onnxpb.TensorProto_DEFAULT
		return nil
	})
}

func readExternal(t *onnxpb.TensorProto, dir string, room int64) ([]byte, error) {
	location, offset, length, err := external(t)
	if err != nil {
		return nil, err
	}
	file, err := os.OpenInRoot(dir, location)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if length == 0 {
		info, err := file.Stat()
		if err != nil {
			return nil, err
		}
		length = info.Size() - offset
	}
	if length < 0 || length > room {
		return nil, &UnsupportedError{Reason: fmt.Sprintf("the model with its weights must be under 2 GiB, as protobuf demands; tensor %q has %d bytes", t.Name, length)}
	}
	data := make([]byte, length)
	_, err = io.ReadFull(io.NewSectionReader(file, offset, length), data)
	return data, err
}

// external is where the bytes of the tensor are; length is 0 when the rest of
// the file is meant.
func external(t *onnxpb.TensorProto) (location string, offset, length int64, err error) {
	for _, entry := range t.ExternalData {
		switch entry.Key {
		case "location":
			location = entry.Value
		case "offset":
			offset, err = strconv.ParseInt(entry.Value, 10, 64)
		case "length":
			length, err = strconv.ParseInt(entry.Value, 10, 64)
		}
		if err != nil || offset < 0 || length < 0 {
			return "", 0, 0, fmt.Errorf("external %s must be a whole number of bytes, got %q", entry.Key, entry.Value)
		}
	}
	return location, offset, length, nil
}

// eachTensor visits the initialisers and the tensors among the attributes,
// also those of graphs inside nodes.
func eachTensor(g *onnxpb.GraphProto, visit func(*onnxpb.TensorProto) error) error {
	for _, t := range g.Initializer {
		if err := visit(t); err != nil {
			return err
		}
	}
	for _, n := range g.Node {
		for _, a := range n.Attribute {
			if err := eachTensorOf(a, visit); err != nil {
				return err
			}
		}
	}
	return nil
}

func eachTensorOf(a *onnxpb.AttributeProto, visit func(*onnxpb.TensorProto) error) error {
	tensors := a.Tensors
	if a.T != nil {
		tensors = append(tensors[:len(tensors):len(tensors)], a.T)
	}
	for _, t := range tensors {
		if err := visit(t); err != nil {
			return err
		}
	}
	for _, g := range subgraphs(a) {
		if err := eachTensor(g, visit); err != nil {
			return err
		}
	}
	return nil
}

// subgraphs are the bodies of If, Loop and Scan.
func subgraphs(a *onnxpb.AttributeProto) []*onnxpb.GraphProto {
	if a.G == nil {
		return a.Graphs
	}
	return append(a.Graphs[:len(a.Graphs):len(a.Graphs)], a.G)
}

// eachNode visits the nodes, also those of graphs inside nodes.
func eachNode(g *onnxpb.GraphProto, visit func(*onnxpb.NodeProto)) {
	for _, n := range g.Node {
		visit(n)
		for _, a := range n.Attribute {
			for _, inner := range subgraphs(a) {
				eachNode(inner, visit)
			}
		}
	}
}
