package html_test

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// browser is a headless Chromium that is spoken to by the Chrome DevTools
// Protocol over pipes: messages of JSON, each ended by a NUL.
type browser struct {
	t       *testing.T
	in      *os.File
	session string

	mu      sync.Mutex
	next    int
	waiting map[int]chan message
	ended   chan struct{}

	// What the page did, by the events of the protocol.
	console  []string
	requests []string
}

type message struct {
	ID     int             `json:"id,omitempty"`
	Method string          `json:"method,omitempty"`
	Params json.RawMessage `json:"params,omitempty"`
	Result json.RawMessage `json:"result,omitempty"`
	Error  *struct {
		Message string `json:"message"`
	} `json:"error,omitempty"`
}

// patience is how long one answer may take on a busy machine.
const patience = 60 * time.Second

// findChromium skips the test where there is no browser, or none that starts: a
// machine may lack what it needs, and the page is not at fault.
func findChromium(t *testing.T) string {
	t.Helper()
	program := chromium()
	if program == "" {
		t.Skip("needs Chromium: install it, or set CHROMIUM to its path")
	}
	if err := startsChromium(); err != nil {
		t.Skipf("%s does not start here: %v", program, err)
	}
	return program
}

// chromium is "" where there is none.
func chromium() string {
	if path := os.Getenv("CHROMIUM"); path != "" {
		return path
	}
	for _, name := range []string{"chromium-headless-shell", "chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

// startsChromium shows a page from a file, once for all tests: a browser in a
// sandbox of its distribution may start and not see files.
var startsChromium = sync.OnceValue(func() error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	profile, err := os.MkdirTemp("", "report-browser")
	if err != nil {
		return err
	}
	defer os.RemoveAll(profile)
	const text = "a page from a file"
	page := filepath.Join(profile, "page.html")
	if err := os.WriteFile(page, []byte(text), 0o666); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, chromium(), flags(profile, "--dump-dom", "file://"+page)...)
	cmd.WaitDelay = time.Second // its children may keep the pipe open
	shown, err := cmd.Output()
	if err == nil && !strings.Contains(string(shown), text) {
		err = errors.New("it does not show a file")
	}
	return err
})

// flags are those of every start: without what a small container lacks, with a
// profile of its own, and without errands of the browser.
func flags(profile string, more ...string) []string {
	return append([]string{
		"--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-quic",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
		"--user-data-dir=" + profile,
	}, more...)
}

// openBrowser starts a browser with one empty page.
func openBrowser(t *testing.T) *browser {
	t.Helper()
	program := findChromium(t)
	toBrowser, in, err := os.Pipe()
	check(t, err)
	out, fromBrowser, err := os.Pipe()
	check(t, err)
	profile, err := os.MkdirTemp("", "report-browser")
	check(t, err)
	cmd := exec.Command(program, flags(profile, "--remote-debugging-pipe", "about:blank")...)
	cmd.ExtraFiles = []*os.File{toBrowser, fromBrowser}
	check(t, cmd.Start())
	check(t, errors.Join(toBrowser.Close(), fromBrowser.Close()))
	b := &browser{t: t, in: in, waiting: map[int]chan message{}, ended: make(chan struct{})}
	go b.listen(out)
	t.Cleanup(func() {
		b.close(cmd)
		_ = in.Close()
		_ = out.Close()
		// The browser's own children may still write there for a moment.
		_ = os.RemoveAll(profile)
	})
	b.attach()
	return b
}

// close asks the browser to end, and ends it if it does not.
func (b *browser) close(cmd *exec.Cmd) {
	_, _ = b.in.WriteString(`{"id": 1000000, "method": "Browser.close"}` + "\x00")
	select {
	case <-b.ended:
	case <-time.After(patience):
		_ = cmd.Process.Kill()
	}
	_ = cmd.Wait()
}

// listen hands answers to those who wait and keeps what the page did.
func (b *browser) listen(out *os.File) {
	defer close(b.ended)
	reader := bufio.NewReader(out)
	for {
		text, err := reader.ReadBytes(0)
		if err != nil {
			return
		}
		var m message
		if json.Unmarshal(text[:len(text)-1], &m) != nil {
			continue
		}
		b.mu.Lock()
		if answer, ok := b.waiting[m.ID]; ok && m.ID != 0 {
			delete(b.waiting, m.ID)
			answer <- m
		}
		b.keep(m)
		b.mu.Unlock()
	}
}

func (b *browser) keep(m message) {
	switch m.Method {
	case "Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown":
		b.console = append(b.console, string(m.Params))
	case "Network.requestWillBeSent":
		var sent struct {
			Request struct {
				URL string `json:"url"`
			} `json:"request"`
		}
		if json.Unmarshal(m.Params, &sent) == nil {
			b.requests = append(b.requests, sent.Request.URL)
		}
	}
}

// call sends a command and reads its result into the given value, unless that
// is nil.
func (b *browser) call(method string, params any, into any) {
	b.t.Helper()
	b.mu.Lock()
	b.next++
	id, answer := b.next, make(chan message, 1)
	b.waiting[id] = answer
	b.mu.Unlock()
	command := map[string]any{"id": id, "method": method, "params": params}
	if b.session != "" {
		command["sessionId"] = b.session
	}
	text, err := json.Marshal(command)
	check(b.t, err)
	_, err = b.in.Write(append(text, 0))
	check(b.t, err)
	select {
	case m := <-answer:
		if m.Error != nil {
			b.t.Fatalf("%s: %s", method, m.Error.Message)
		}
		if into != nil {
			check(b.t, json.Unmarshal(m.Result, into))
		}
	case <-b.ended:
		b.t.Fatalf("%s: the browser has ended", method)
	case <-time.After(patience):
		b.t.Fatalf("%s: no answer in %v", method, patience)
	}
}

type none struct{}

func (b *browser) attach() {
	b.t.Helper()
	var targets struct {
		TargetInfos []struct {
			TargetID string `json:"targetId"`
			Type     string `json:"type"`
		} `json:"targetInfos"`
	}
	var session struct {
		SessionID string `json:"sessionId"`
	}
	deadline := time.Now().Add(patience)
	for session.SessionID == "" {
		if time.Now().After(deadline) {
			b.t.Fatal("the browser opened no page")
		}
		b.call("Target.getTargets", none{}, &targets)
		for _, target := range targets.TargetInfos {
			if target.Type == "page" && session.SessionID == "" {
				b.call("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &session)
			}
		}
		time.Sleep(20 * time.Millisecond)
	}
	b.session = session.SessionID
	for _, domain := range []string{"Page", "Runtime", "Log", "Network"} {
		b.call(domain+".enable", none{}, nil)
	}
}

// open shows a file and waits until the page has drawn itself.
func (b *browser) open(path string) {
	b.t.Helper()
	b.call("Page.navigate", map[string]any{"url": "file://" + path}, nil)
	b.until(`document.readyState === "complete" && location.protocol === "file:"`)
}

// evaluate runs an expression in the page and reads its value, as JSON.
func (b *browser) evaluate(expression string, into any) {
	b.t.Helper()
	var r struct {
		Result struct {
			Value json.RawMessage `json:"value"`
		} `json:"result"`
		ExceptionDetails json.RawMessage `json:"exceptionDetails"`
	}
	b.call("Runtime.evaluate", map[string]any{"expression": expression, "returnByValue": true, "awaitPromise": true}, &r)
	if r.ExceptionDetails != nil {
		b.t.Fatalf("%s: %s", expression, r.ExceptionDetails)
	}
	if into != nil {
		check(b.t, json.Unmarshal(r.Result.Value, into))
	}
}

// until waits for a condition in the page, and does again each time what shall
// bring it about.
func (b *browser) until(condition string, again ...func()) {
	b.t.Helper()
	deadline := time.Now().Add(patience)
	for met := false; !met; {
		if time.Now().After(deadline) {
			b.t.Fatalf("still not so after %v: %s", patience, condition)
		}
		for _, act := range again {
			act()
		}
		b.evaluate("Boolean("+condition+")", &met)
		if !met {
			time.Sleep(20 * time.Millisecond)
		}
	}
}

// resize makes the window so wide, in CSS pixels, for a scheme of colours.
func (b *browser) resize(width int, scheme string) {
	b.t.Helper()
	b.call("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}, nil)
	b.call("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": scheme}}}, nil)
	b.frames()
}

// frames waits until the page has drawn what changed.
func (b *browser) frames() {
	b.t.Helper()
	b.evaluate(`new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))`, nil)
}

// point moves the mouse over the middle of the first element of a selector.
func (b *browser) point(selector string) {
	b.t.Helper()
	var at struct{ X, Y float64 }
	b.evaluate(fmt.Sprintf(`(() => {
		const node = document.querySelector(%q);
		node.scrollIntoView({block: "center"});
		const box = node.getBoundingClientRect();
		return {X: box.x + box.width / 2, Y: box.y + box.height / 2};
	})()`, selector), &at)
	for _, offset := range []float64{3, 0} {
		b.call("Input.dispatchMouseEvent", map[string]any{"type": "mouseMoved", "x": at.X + offset, "y": at.Y}, nil)
	}
}

// picture writes a PNG of the whole page.
func (b *browser) picture(path string) {
	b.t.Helper()
	var shot struct {
		Data string `json:"data"`
	}
	b.call("Page.captureScreenshot", map[string]any{"format": "png", "captureBeyondViewport": true}, &shot)
	picture, err := base64.StdEncoding.DecodeString(shot.Data)
	check(b.t, err)
	check(b.t, os.WriteFile(path, picture, 0o666))
}

// said is everything that the console showed, and requested every address that
// was asked for.
func (b *browser) said() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Join(b.console, "\n")
}

func (b *browser) requested() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]string{}, b.requests...)
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
