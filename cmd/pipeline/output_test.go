package main

import (
	"bytes"
	"testing"
)

func TestPrintable(t *testing.T) {
	for text, want := range map[string]string{
		"plain é 日本 🙂":       "plain é 日本 🙂",
		"two\nlines":         "two\nlines",
		"\x1b[31mred\ttab":   "\ufffd[31mred\ufffdtab",
		"\u009b31m":          "\ufffd31m",
		"\u202ereversed":     "\ufffdreversed",
		"\u2066isolated":     "\ufffdisolated",
		"line\u2028separate": "line\ufffdseparate",
	} {
		if got := printable(text); got != want {
			t.Errorf("%q gives %q, want %q", text, got, want)
		}
	}
}

// Names are no markup in a table for Markdown.
func TestMarkdownTable(t *testing.T) {
	var out bytes.Buffer
	g := grid{header: []string{"<b>"}, rows: [][]string{{`</script><img src=x>`}, {"[link](javascript:x)"}, {`back\slash|bar`}, {"_it_ *b* `c` in_word"}}}
	if err := g.render(&out, "md"); err != nil {
		t.Fatal(err)
	}
	const want = "| &lt;b&gt; |\n| --- |\n" +
		"| &lt;/script&gt;&lt;img src=x&gt; |\n" +
		"| \\[link\\](javascript:x) |\n" +
		"| back\\\\slash\\|bar |\n" +
		"| \\_it\\_ \\*b\\* \\`c\\` in_word |\n"
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}

// What is said of data does not steer the terminal.
func TestNotesArePrintable(t *testing.T) {
	var out bytes.Buffer
	a := &app{stderr: &out}
	a.notes([]string{"model \x1b[31mred"})
	a.report(usagef("model \x1b[31mred\r\nand more"))
	const want = "note: model \ufffd[31mred\npipeline: model \ufffd[31mred\npipeline: and more\n"
	if out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}
