package uncertainty

func init() {
	register("object_focus", kind{make: func(request) (statistic, error) { return &objectFocus{}, nil }})
}

// objectFocus is 1 - (accuracy on mixed_same - accuracy on mixed_rand) / clean
// accuracy.
type objectFocus struct{ clean, same, rand tally }

func (o *objectFocus) observe(role string, r rows, i int, of image) error {
	t := &o.clean
	switch role {
	case roleClean:
	case "mixed_same":
		t = &o.same
	case "mixed_rand":
		t = &o.rand
	default:
		return unknownRole(role)
	}
	t.add(of, r.correct.Value(i))
	return nil
}

func (o *objectFocus) value(d draw) (float64, bool) {
	clean, same, rand := o.clean.count(d), o.same.count(d), o.rand.count(d)
	if clean.hits == 0 || same.n == 0 || rand.n == 0 {
		return 0, false
	}
	return 1 - (same.rate()-rand.rate())/clean.rate(), true
}
