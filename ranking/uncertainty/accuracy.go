package uncertainty

const metricAccuracy = "accuracy"

func init() {
	register(metricAccuracy, kind{make: func(request) (statistic, error) { return &accuracy{}, nil }})
}

// accuracy is top-1 accuracy in [0, 1].
type accuracy struct{ clean tally }

func (a *accuracy) observe(role string, r rows, i int, of image) error {
	if role != roleClean {
		return unknownRole(role)
	}
	a.clean.add(of, r.correct.Value(i))
	return nil
}

func (a *accuracy) value(d draw) (float64, bool) {
	c := a.clean.count(d)
	return c.rate(), c.n > 0
}
