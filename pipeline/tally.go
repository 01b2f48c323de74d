package pipeline

import "hash/fnv"

// tally counts what a run has done. It is used from one goroutine.
type tally struct {
	pipelines   map[string]*pipelineTally
	names       []string
	images      int64 // read, each once for all pipelines that share it
	totalImages int64
	unusable    imageSet
	warnings    int64 // damaged images that were used all the same
	rows        int64
	totalRows   int64 // 0 when unknown
	feeding     []string
	resumed     Resumed
}

type pipelineTally struct {
	read int64
	bad  imageSet
}

// imageSet counts images once, however many of their variants, and for however
// many models, are told of. It holds their hashes.
type imageSet map[uint64]struct{}

func (s *imageSet) add(b BadSample) {
	if *s == nil {
		*s = imageSet{}
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(b.ID + "\x00" + b.Path)) // never fails
	(*s)[h.Sum64()] = struct{}{}
}

// addPass counts a data set with the pipelines that share it.
func (t *tally) addPass(p *pass, samples int64) {
	if t.pipelines == nil {
		t.pipelines = map[string]*pipelineTally{}
	}
	for _, name := range p.names() {
		t.pipelines[name] = &pipelineTally{}
		t.names = append(t.names, name)
	}
	t.totalImages += samples
}

// feed says which pass is read from now on.
func (t *tally) feed(p *pass) { t.feeding = p.names() }

func (t *tally) read(p *pass, n int64) {
	t.images += n
	for _, name := range p.names() {
		t.pipelines[name].read += n
	}
}

func (t *tally) bad(b BadSample) {
	t.unusable.add(b)
	for _, name := range b.Pipelines {
		t.pipelines[name].bad.add(b)
	}
}

// overBudget lists the pipelines in which more than fraction of the samples
// read could not be used.
func (t *tally) overBudget(fraction float64) []string {
	var over []string
	for _, name := range t.names {
		if p := t.pipelines[name]; float64(len(p.bad)) > fraction*float64(p.read) {
			over = append(over, name)
		}
	}
	return over
}

func (t *tally) progress() Progress {
	return Progress{Pipelines: t.feeding, Images: t.images, TotalImages: t.totalImages, Rows: t.rows, TotalRows: t.totalRows, Resumed: t.resumed}
}
