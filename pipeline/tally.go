package pipeline

// tally counts what a run has done. It is used from one goroutine.
type tally struct {
	pipelines   map[string]*pipelineTally
	names       []string
	images      int64
	totalImages int64
	rows        int64
	warnings    int64 // damaged images that were used all the same
	totalRows   int64
	feeding     []string
}

type pipelineTally struct{ total, read, bad int64 }

func (t *tally) addPipeline(name string, samples int64) {
	if t.pipelines == nil {
		t.pipelines = map[string]*pipelineTally{}
	}
	t.pipelines[name] = &pipelineTally{total: samples}
	t.names = append(t.names, name)
	t.totalImages += samples
}

// feed says which pass is read from now on.
func (t *tally) feed(p *pass) {
	t.feeding = nil
	for _, pl := range p.pipelines {
		t.feeding = append(t.feeding, pl.name)
	}
}

func (t *tally) read(p *pass, n int64) {
	for _, pl := range p.pipelines {
		t.pipelines[pl.name].read += n
		t.images += n
	}
}

func (t *tally) bad(pipeline string) { t.pipelines[pipeline].bad++ }

func (t *tally) badTotal() int64 {
	var n int64
	for _, p := range t.pipelines {
		n += p.bad
	}
	return n
}

// overBudget lists the pipelines in which more than fraction of the samples
// read could not be used.
func (t *tally) overBudget(fraction float64) []string {
	var over []string
	for _, name := range t.names {
		if p := t.pipelines[name]; float64(p.bad) > fraction*float64(p.read) {
			over = append(over, name)
		}
	}
	return over
}

func (t *tally) progress() Progress {
	return Progress{Pipelines: t.feeding, Images: t.images, TotalImages: t.totalImages, Rows: t.rows, TotalRows: t.totalRows}
}
