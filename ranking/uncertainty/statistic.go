package uncertainty

import (
	"fmt"

	"quba/metrics"
	"quba/pipeline/record"
	"quba/ranking"
)

// statistic is the score of one model in one dimension as a function of how
// often each image counts. Counted once each, it is the stored score.
type statistic interface {
	// observe takes row i of a role's predictions, which is of an image.
	observe(role string, r rows, i int, of image) error
	// value is the score under a draw; ok is false where that leaves it
	// undefined. It is called from several goroutines, after the last observe.
	value(d draw) (value float64, ok bool)
}

// completer is a statistic that has work to do when it has seen all rows of a
// role. complete may be called more than once.
type completer interface{ complete() error }

// ranker is a statistic that sums numbers, whose order must not depend on that
// of reading. arrange is called once, when all images have their ranks.
type ranker interface{ arrange() }

// kind says how the statistic of a metric is made.
type kind struct {
	// columns lists what its rows must have beyond the columns that are always
	// read.
	columns []string
	make    func(request) (statistic, error)
}

// request is what a statistic may know of the score that it is of.
type request struct {
	spec  record.MetricSpec
	roles []metrics.Role
	value ranking.Value
}

// kinds are the statistics by the name of their metric.
var kinds = map[string]kind{}

func register(metric string, k kind) {
	if _, twice := kinds[metric]; twice {
		panic("uncertainty: metric " + metric + " is registered twice")
	}
	kinds[metric] = k
}

// unknownRole guards a statistic against rows that it is not for.
func unknownRole(role string) error { return fmt.Errorf("unknown role %q", role) }

const roleClean = "clean"
