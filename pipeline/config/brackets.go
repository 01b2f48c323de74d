package config

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// bracket is an opening [ or { of YAML's flow style and its place.
type bracket struct {
	char      byte
	line, col int
}

func (b bracket) closing() byte {
	if b.char == '[' {
		return ']'
	}
	return '}'
}

// brackets follows the brackets of a YAML text as far as it can be read, for
// messages about texts that the YAML library rejects without their place.
type brackets struct {
	text []byte
	at   int
	open []bracket
	// token says that a value can begin here: what looks like a bracket or a
	// quote within plain text is none.
	token bool
}

// unclosed finds the innermost bracket that has no partner.
func unclosed(text []byte) (bracket, bool) {
	b := brackets{text: text, token: true}
	for b.at < len(b.text) && b.step() {
	}
	if len(b.open) == 0 {
		return bracket{}, false
	}
	return b.open[len(b.open)-1], true
}

// step takes the next character, with all of a comment, a quoted text or a
// block of text. It is false where the text cannot be followed further.
func (b *brackets) step() bool {
	c := b.text[b.at]
	switch {
	case c == '#' && (b.at == 0 || strings.IndexByte(" \t\n", b.text[b.at-1]) >= 0):
		b.at += lineLength(b.text[b.at:])
		return true
	case b.token && (c == '"' || c == '\''):
		return b.quoted(c)
	case b.token && len(b.open) == 0 && (c == '|' || c == '>'):
		b.block()
		return true
	case b.token && strings.IndexByte("&*!", c) >= 0:
		for b.at < len(b.text) && strings.IndexByte(" \n,]}", b.text[b.at]) < 0 {
			b.at++
		}
		return true
	case strings.IndexByte("[{", c) >= 0 && (b.token || len(b.open) > 0):
		b.push(c)
	case strings.IndexByte("]}", c) >= 0 && len(b.open) > 0:
		last := len(b.open) - 1
		if b.open[last].closing() != c {
			return false
		}
		b.open, b.token = b.open[:last], false
	default:
		b.token = b.beginsToken(c)
	}
	b.at++
	return true
}

// beginsToken reports whether a value can begin after c.
func (b *brackets) beginsToken(c byte) bool {
	spaceNext := b.at+1 == len(b.text) || strings.IndexByte(" \t\r\n", b.text[b.at+1]) >= 0
	switch c {
	case '\n':
		return true
	case ' ', '\t', '\r':
		return b.token
	case ',':
		return len(b.open) > 0
	case ':':
		return spaceNext
	case '-', '?':
		return b.token && spaceNext
	}
	return false
}

func (b *brackets) push(c byte) {
	begin := bytes.LastIndexByte(b.text[:b.at], '\n') + 1
	b.open = append(b.open, bracket{
		char: c,
		line: 1 + bytes.Count(b.text[:begin], []byte("\n")),
		col:  1 + utf8.RuneCount(b.text[begin:b.at]),
	})
	b.token = true
}

func (b *brackets) quoted(quote byte) bool {
	for b.at++; b.at < len(b.text); b.at++ {
		switch b.text[b.at] {
		case '\\':
			if quote == '"' {
				b.at++
			}
		case quote:
			b.at++
			if quote == '\'' && b.at < len(b.text) && b.text[b.at] == quote {
				continue // a quote within the text
			}
			b.token = false
			return true
		}
	}
	return false
}

// block passes over the lines of a text after | or >: those that are empty or
// indented deeper than the line it began in.
func (b *brackets) block() {
	begin := bytes.LastIndexByte(b.text[:b.at], '\n') + 1
	deep := indentation(b.text[begin:])
	b.at += lineLength(b.text[b.at:])
	for b.at < len(b.text) {
		line := b.text[b.at:]
		line = line[:lineLength(line)]
		if len(bytes.TrimSpace(line)) > 0 && indentation(line) <= deep {
			break
		}
		b.at += len(line)
	}
	b.token = true
}

// lineLength counts the bytes of the first line with its end.
func lineLength(text []byte) int {
	if end := bytes.IndexByte(text, '\n'); end >= 0 {
		return end + 1
	}
	return len(text)
}

func indentation(line []byte) int { return len(line) - len(bytes.TrimLeft(line, " ")) }
