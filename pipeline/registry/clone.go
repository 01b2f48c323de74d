package registry

import "reflect"

// clone copies a config with all that it points to, so that decoding over
// the copy leaves the defaults as they are. Unexported fields are shared.
func clone[C any](config C) C {
	deepen(reflect.ValueOf(&config).Elem())
	return config
}

// deepen replaces what v shares with the value it was copied from.
func deepen(v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				deepen(v.Field(i))
			}
		}
	case reflect.Array:
		for i := range v.Len() {
			deepen(v.Index(i))
		}
	case reflect.Slice:
		deepenSlice(v)
	case reflect.Map:
		deepenMap(v)
	case reflect.Pointer:
		if !v.IsNil() {
			v.Set(copied(v.Elem()).Addr())
		}
	case reflect.Interface:
		if !v.IsNil() {
			v.Set(copied(v.Elem()))
		}
	}
}

// copied returns a deep copy of v that can be changed.
func copied(v reflect.Value) reflect.Value {
	fresh := reflect.New(v.Type()).Elem()
	fresh.Set(v)
	deepen(fresh)
	return fresh
}

func deepenSlice(v reflect.Value) {
	if v.IsNil() {
		return
	}
	fresh := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
	reflect.Copy(fresh, v)
	for i := range fresh.Len() {
		deepen(fresh.Index(i))
	}
	v.Set(fresh)
}

func deepenMap(v reflect.Value) {
	if v.IsNil() {
		return
	}
	fresh := reflect.MakeMapWithSize(v.Type(), v.Len())
	for pairs := v.MapRange(); pairs.Next(); {
		fresh.SetMapIndex(pairs.Key(), copied(pairs.Value()))
	}
	v.Set(fresh)
}
