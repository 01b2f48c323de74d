package registry

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
)

type options struct {
	N     int
	List  []int
	Table map[string][]int
	Link  *options
	Any   any
	Array [1][]int
}

type limited struct{ N int }

func (c *limited) Validate() error {
	if c.N > 3 {
		return Fieldf("n", "must be at most 3, got %d", c.N)
	}
	return nil
}

func build(c options) (options, error) { return c, nil }

func fill() options {
	return options{
		N: 1, List: []int{1, 2}, Table: map[string][]int{"a": {1}},
		Link: &options{List: []int{1}}, Any: []any{1}, Array: [1][]int{{1}},
	}
}

func TestRegisterPanicsOnFaultsOfTheProgram(t *testing.T) {
	r := New[options]("thing")
	Register(r, "one", "The first.", options{}, build)
	for words, register := range map[string]func(){
		`thing "" needs a name`:            func() { Register(r, "", "x", options{}, build) },
		`thing "two" needs a name and a s`: func() { Register(r, "two", "", options{}, build) },
		`thing "one" is registered twice`:  func() { Register(r, "one", "x", options{}, build) },
		"config must be a struct, is int":  func() { Register(r, "two", "x", 3, func(int) (options, error) { return options{}, nil }) },
		"config must be a struct, is *r":   func() { Register(r, "two", "x", &options{}, func(*options) (options, error) { return options{}, nil }) },
		"has no build function":            func() { Register[options](r, "two", "x", options{}, nil) },
	} {
		if got := panicText(register); !strings.Contains(got, words) {
			t.Errorf("panic is %q, want %q", got, words)
		}
	}
	if names := r.Names(); !slices.Equal(names, []string{"one"}) {
		t.Errorf("a refused registration is there: %v", names)
	}
}

func panicText(f func()) (text string) {
	defer func() { text, _ = recover().(string) }()
	f()
	return ""
}

func TestDecodeDoesNotChangeDefaults(t *testing.T) {
	r := New[options]("thing")
	Register(r, "one", "The first.", fill(), build)
	entry, err := r.Lookup("one")
	if err != nil {
		t.Fatal(err)
	}
	got, err := entry.New(func(into any) error {
		c := into.(*options)
		c.N = 9
		c.List[0] = 9
		c.Table["a"][0] = 9
		c.Table["b"] = nil
		c.Link.List[0] = 9
		c.Any.([]any)[0] = 9
		c.Array[0][0] = 9
		return nil
	})
	if err != nil || got.List[0] != 9 || got.Table["a"][0] != 9 || got.Link.List[0] != 9 {
		t.Errorf("decoded options are %+v, %v", got, err)
	}
	if !reflect.DeepEqual(entry.Defaults, fill()) {
		t.Errorf("defaults became %+v", entry.Defaults)
	}
	again, err := entry.New(nil)
	if err != nil || !reflect.DeepEqual(again, fill()) {
		t.Errorf("the next component starts from %+v, %v", again, err)
	}
}

func TestNewReportsDecodeAndValidateErrors(t *testing.T) {
	r := New[int]("thing")
	Register(r, "one", "The first.", limited{N: 1}, func(c limited) (int, error) { return c.N, nil })
	entry, _ := r.Lookup("one")
	fault := errors.New("no")
	if _, err := entry.New(func(any) error { return fault }); !errors.Is(err, fault) {
		t.Errorf("decode error became %v", err)
	}
	_, err := entry.New(func(into any) error { into.(*limited).N = 4; return nil })
	var field *FieldError
	if !errors.As(err, &field) || field.Field != "n" || err.Error() != "n: must be at most 3, got 4" {
		t.Errorf("Validate error became %v", err)
	}
	if n, err := entry.New(nil); n != 1 || err != nil {
		t.Errorf("defaults give %d, %v", n, err)
	}
}

type filed struct{ Root string }

func (c filed) Layout() string { return c.Root + "/image.jpg" }

func TestLayoutIsThatOfTheDefaults(t *testing.T) {
	r := New[int]("thing")
	Register(r, "files", "Reads.", filed{Root: "root"}, func(filed) (int, error) { return 0, nil })
	Register(r, "plain", "Does not.", limited{}, func(limited) (int, error) { return 0, nil })
	for name, want := range map[string]string{"files": "root/image.jpg", "plain": ""} {
		if entry, err := r.Lookup(name); err != nil || entry.Layout != want {
			t.Errorf("layout of %s is %q, %v; want %q", name, entry.Layout, err, want)
		}
	}
}

func TestLookupNamesWhatIsKnown(t *testing.T) {
	r := New[options]("thing")
	if _, err := r.Lookup("x"); err.Error() != `unknown thing "x"; none is defined` {
		t.Error(err)
	}
	for _, name := range []string{"resize", "blur", "crop"} {
		Register(r, name, "Something.", options{}, build)
	}
	for name, want := range map[string]string{
		"reszie": `unknown thing "reszie"; did you mean "resize"?`,
		"BLUR":   `unknown thing "BLUR"; did you mean "blur"?`,
		"zzzzzz": `unknown thing "zzzzzz"; known: blur, crop, resize`,
	} {
		if _, err := r.Lookup(name); err == nil || err.Error() != want {
			t.Errorf("error is %v, want %s", err, want)
		}
	}
	var names []string
	for _, e := range r.Entries() {
		names = append(names, e.Name)
	}
	if !slices.Equal(names, []string{"blur", "crop", "resize"}) {
		t.Errorf("entries are %v", names)
	}
}

func TestRawDecode(t *testing.T) {
	into := 1
	if err := (Raw{}).Decode(&into); err != nil || into != 1 {
		t.Errorf("an absent value gives %d, %v", into, err)
	}
	if (Raw{Value: 3}).Decode(&into) == nil {
		t.Error("a value without a decoder gives no error")
	}
	raw := Raw{Value: 3, DecodeInto: func(into any) error { *into.(*int) = 3; return nil }}
	if err := raw.Decode(&into); err != nil || into != 3 {
		t.Errorf("got %d, %v", into, err)
	}
}
