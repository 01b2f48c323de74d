package uncertainty

// image is one base image.
type image struct {
	of *images
	at int
}

// tally remembers of which images a model had a row, and of which the row was a
// hit, so that both can be counted with any weights. It takes two bits for each
// image. All images are of one data set.
type tally struct {
	of *images
	// layers[k] are the k+1-th rows of the images that have as many.
	layers []layer
}

type layer struct {
	rows, hits bitset
	n          int
}

func (t *tally) add(i image, hit bool) {
	t.of = i.of
	k := 0
	for k < len(t.layers) && t.layers[k].rows.has(i.at) {
		k++
	}
	if k == len(t.layers) {
		t.layers = append(t.layers, layer{})
	}
	l := &t.layers[k]
	l.rows.add(i.at)
	l.n++
	if hit {
		l.hits.add(i.at)
	}
}

// seen says that there was a row.
func (t *tally) seen() bool { return t != nil && len(t.layers) > 0 }

// count adds up the weights of the rows and of the hits.
func (t *tally) count(d draw) counts {
	var c counts
	if !t.seen() {
		return c
	}
	w := d[t.of.set]
	for _, l := range t.layers {
		if l.n == t.of.len() {
			c.n += w.total
		} else {
			c.n += w.sum(l.rows)
		}
		c.hits += w.sum(l.hits)
	}
	return c
}

// counts are weighted numbers of rows and of hits.
type counts struct{ n, hits int64 }

// rate is of no meaning when n is 0.
func (c counts) rate() float64 { return float64(c.hits) / float64(c.n) }
