package onnxfile

// value reads a ValueInfoProto. Types other than tensors keep Undefined.
func value(msg []byte) (Value, error) {
	var v Value
	err := eachField(msg, func(f field) error {
		switch f.num {
		case valueName:
			v.Name = f.text()
		case valueType:
			return v.readType(f.bytes)
		}
		return nil
	})
	return v, err
}

func (v *Value) readType(msg []byte) error {
	return eachField(msg, func(f field) error {
		if f.num != typeTensor {
			return nil
		}
		return eachField(f.bytes, func(f field) error {
			switch f.num {
			case tensorTypeElement:
				v.Type = ElementType(f.number)
			case tensorTypeShape:
				v.Dims = []Dim{}
				return eachField(f.bytes, v.readDim)
			}
			return nil
		})
	})
}

func (v *Value) readDim(f field) error {
	if f.num != shapeDim {
		return nil
	}
	var d Dim
	err := eachField(f.bytes, func(f field) error {
		switch f.num {
		case dimValue:
			d.Size = max(int64(f.number), 0)
		case dimParam:
			d.Name = f.text()
		}
		return nil
	})
	v.Dims = append(v.Dims, d)
	return err
}
