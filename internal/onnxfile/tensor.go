package onnxfile

import (
	"fmt"
	"strconv"
)

// tensor is the head of a TensorProto.
type tensor struct {
	name     string
	typ      ElementType
	elements int64
}

func (t tensor) trainable() int64 {
	if t.typ.floating() {
		return t.elements
	}
	return 0
}

func (p *parser) tensor(msg []byte) (tensor, error) {
	var t tensor
	var dims []int64
	var external []string
	outside := false
	err := eachField(msg, func(f field) (err error) {
		switch f.num {
		case tensorDims:
			dims, err = f.integers(dims)
		case tensorType:
			t.typ = ElementType(f.number)
		case tensorName:
			t.name = f.text()
		case tensorExternal:
			key, value, bad := entry(f.bytes)
			external, err = append(external, key, value), bad
		case tensorLocation:
			outside = f.number == locationExternal
		}
		return err
	})
	if err != nil {
		return t, err
	}
	if t.elements, err = elements(dims); err != nil {
		return t, fmt.Errorf("tensor %q: %w", t.name, err)
	}
	// Every reference is kept, used or not: what is listed must be safe.
	if !outside && len(external) == 0 {
		return t, nil
	}
	return t, p.addExternal(t.name, external)
}

func (p *parser) addExternal(name string, pairs []string) error {
	ext := External{Tensor: name}
	for i := 0; i < len(pairs); i += 2 {
		var err error
		switch pairs[i] {
		case "location":
			ext.Location = pairs[i+1]
		case "offset":
			ext.Offset, err = strconv.ParseInt(pairs[i+1], 10, 64)
		case "length":
			ext.Length, err = strconv.ParseInt(pairs[i+1], 10, 64)
		}
		if err != nil || ext.Offset < 0 || ext.Length < 0 {
			return fmt.Errorf("tensor %q: external data %s must be a whole number of bytes, got %q", name, pairs[i], pairs[i+1])
		}
	}
	p.file.External = append(p.file.External, ext)
	return nil
}

// sparse reads a SparseTensorProto, whose name is that of its values.
func (p *parser) sparse(msg []byte) (tensor, error) {
	var values tensor
	err := eachField(msg, func(f field) (err error) {
		switch f.num {
		case 1:
			values, err = p.tensor(f.bytes)
		case 2:
			_, err = p.tensor(f.bytes)
		}
		return err
	})
	return values, err
}
