package uncertainty

import "quba/pipeline/record"

func init() {
	register("shape_bias", kind{
		columns: []string{record.ColCue, record.ColTop1},
		make:    func(request) (statistic, error) { return &shapeBias{}, nil },
	})
}

// shapeBias is S / (S + T): S images whose shape and texture differ were decided
// for their shape, T for their texture.
type shapeBias struct{ decided tally }

func (s *shapeBias) observe(role string, r rows, i int, of image) error {
	if role != "cue_conflict" {
		return unknownRole(role)
	}
	shape, texture, decision := r.label[i], r.cue[i], r.top1[i]
	if texture == record.NoClass || shape == texture {
		return nil
	}
	if decision == shape || decision == texture {
		s.decided.add(of, decision == shape)
	}
	return nil
}

func (s *shapeBias) value(d draw) (float64, bool) {
	c := s.decided.count(d)
	return c.rate(), c.n > 0
}
