package corruption

// singleFractionOf is v/255 for each grey level, in single precision.
var singleFractionOf = func() (t [256]float32) {
	for v := range t {
		t[v] = float32(v) / 255
	}
	return t
}()
