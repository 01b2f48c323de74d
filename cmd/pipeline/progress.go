package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/term"

	"quba/pipeline"
)

// progress shows how far a run is: a bar on a terminal, a plain line every
// ten seconds elsewhere.
type progress struct {
	w       io.Writer
	bars    *mpb.Progress
	bar     *mpb.Bar
	began   time.Time
	printed time.Time
	feeding string
	total   int64 // images of all pipelines, 0 before the first update
	resumed int64 // of what is counted, what an unfinished run had done
}

const plainInterval = 10 * time.Second

func newProgress(w io.Writer) *progress {
	p := &progress{w: w, began: time.Now()}
	p.printed = p.began
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		p.bars = mpb.New(mpb.WithOutput(w), mpb.WithWidth(48))
	}
	return p
}

// Writer is where narration goes while the progress is shown.
func (p *progress) Writer() io.Writer {
	if p.bars != nil {
		return p.bars
	}
	return p.w
}

// Update shows the newest state.
func (p *progress) Update(now pipeline.Progress) {
	p.total = now.TotalImages
	p.feeding = someOf(now.Pipelines, 3)
	p.resumed = now.Resumed.Images
	if now.TotalRows > 0 {
		p.resumed = now.Resumed.Rows
	}
	if p.bars == nil {
		p.plain(now)
		return
	}
	done, total, unit := share(now)
	if p.bar == nil {
		resumed := p.resumed
		p.bar = p.bars.AddBar(total,
			mpb.PrependDecorators(decor.Any(func(decor.Statistics) string { return p.feeding + " " }), decor.CountersNoUnit("%d/%d "+unit)),
			mpb.AppendDecorators(decor.Any(func(s decor.Statistics) string {
				rate, eta := p.pace(s.Current-resumed, s.Total-s.Current)
				return fmt.Sprintf("%.1f %s/s ETA %s", rate, unit, eta)
			}, decor.WCSyncSpace)),
			mpb.BarRemoveOnComplete())
	}
	p.bar.SetCurrent(done)
}

// share is how much of the work is done. Images are no measure of it where one
// becomes many, so predictions are counted when their number is known.
func share(now pipeline.Progress) (done, total int64, unit string) {
	if now.TotalRows > 0 {
		return now.Rows, now.TotalRows, "predictions"
	}
	return now.Images, now.TotalImages, "images"
}

func (p *progress) plain(now pipeline.Progress) {
	t := time.Now()
	if t.Sub(p.printed) < plainInterval {
		return
	}
	p.printed = t
	done, total, unit := share(now)
	rate, eta := p.pace(done-p.resumed, total-done)
	if unit == "images" {
		fmt.Fprintf(p.w, "%s: %d/%d images, %.1f images/s, %d predictions, ETA %s\n", p.feeding, done, total, rate, now.Rows, eta)
		return
	}
	fmt.Fprintf(p.w, "%s: %d/%d images, %d/%d %s, %.1f %s/s, ETA %s\n", p.feeding, now.Images, now.TotalImages, done, total, unit, rate, unit, eta)
}

// pace is how many are done in a second, and how long the rest takes.
func (p *progress) pace(done, rest int64) (rate float64, eta string) {
	rate = float64(done) / time.Since(p.began).Seconds()
	if rate <= 0 {
		return 0, "unknown"
	}
	return rate, (time.Duration(float64(rest)/rate) * time.Second).Round(time.Second).String()
}

// Close takes the bar away.
func (p *progress) Close() {
	if p.bars == nil {
		return
	}
	if p.bar != nil {
		p.bar.Abort(true)
	}
	p.bars.Wait()
}

// someOf joins at most the first few names and counts the others.
func someOf(names []string, most int) string {
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}
