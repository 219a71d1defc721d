package main_test

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A canary is what may be seen only where it belongs. Its text has letters and
// digits only, so that no escape hides it from a search.
type canary struct{ what, text string }

// The secrets. Between their canaries they have what URLs, YAML, JSON and SQL give
// a meaning.
const (
	sourceSecret = "SourceHead7c1f" + special + "SourceTail9e2b"
	brokerSecret = "BrokerHead3d5a" + special + "BrokerTail8b4c"
	adminSecret  = "AdminHead2f6e" + special + "AdminTail1a9d"
	otherSecret  = "OtherHead5e8f" + special + "OtherTail6d2c" // which nobody's password is
	querySecret  = "QueryCanary4d4d"

	special = `@:/?#%& ${"\`
)

func secrets() []canary {
	all := []canary{{"a parameter of a URL", querySecret}}
	for what, secret := range map[string]string{
		"the password of the source": sourceSecret, "the password of the brokers": brokerSecret,
		"the password of the administrator": adminSecret, "a password that is refused": otherSecret,
	} {
		head, tail, _ := strings.Cut(secret, special)
		all = append(all, canary{what, head}, canary{what + " behind its special characters", tail})
	}
	return all
}

// What is in rows.
const (
	rowKey, rowNewKey = "7301948265510937", "7301948265519941"
	rowText           = "RowTextCanary5a5a"
	rowNumber         = "918273645546372" // before the point
	rowJSON           = `{"JsonNameCanary6b6b": "JsonTextCanary7e7e", "n": 5647382910564738}`
	rowBytes          = "BytesCanary8d8d"
	rowDefault        = "DefaultCanary3c3c"
)

func rowValues() []canary {
	return []canary{
		{"a key", rowKey},
		{"a key that was changed", rowNewKey},
		{"a text", rowText},
		{"a number", rowNumber},
		{"a name in a document", "JsonNameCanary6b6b"},
		{"a text in a document", "JsonTextCanary7e7e"},
		{"a number in a document", "5647382910564738"},
		{"bytes", rowBytes},
		{"the default of a column", rowDefault},
	}
}

// seen returns how a text shows a canary, "" if it does not.
func (c canary) seen(text string) string {
	forms := map[string]string{
		"as it is":          c.text,
		"in hex":            hex.EncodeToString([]byte(c.text)),
		"in hex of capital": strings.ToUpper(hex.EncodeToString([]byte(c.text))),
	}
	for before := range 3 {
		forms[fmt.Sprintf("in base64 behind %d bytes", before)] = inBase64(c.text, before)
	}
	if n, err := strconv.ParseUint(c.text, 10, 64); err == nil {
		forms["as an argument in a stack"] = fmt.Sprintf("%#x", n)
	}
	for _, form := range slices.Sorted(maps.Keys(forms)) {
		if strings.Contains(text, forms[form]) {
			return form
		}
	}
	return ""
}

// inBase64 returns what base64 makes of a text in the middle of others, behind so
// many bytes: the characters that are of nothing but the text.
func inBase64(text string, before int) string {
	all := base64.RawStdEncoding.EncodeToString([]byte(strings.Repeat("x", before) + text))
	return all[(before*8+5)/6 : (before+len(text))*8/6]
}

// evidence is what others may read of Tailrace: texts by where they were found.
type evidence map[string]string

// add keeps a text. One that is there already is of an earlier moment.
func (e evidence) add(where, text string) {
	for n := 2; ; n++ {
		if _, there := e[where]; !there {
			break
		}
		where = fmt.Sprintf("%s (%d)", strings.TrimSuffix(where, fmt.Sprintf(" (%d)", n-1)), n)
	}
	e[where] = text
}

// output keeps what a process has written, and returns it.
func (e evidence) output(where string, p *process) *process {
	e.add("stdout of "+where, p.stdout.String())
	e.add("stderr of "+where, p.stderr.String())
	return p
}

// files keeps the names and the contents of what is in a folder, but for those
// that are events.
func (e evidence) files(t *testing.T, folder string, isEvents func(name string) bool) {
	t.Helper()
	err := filepath.WalkDir(folder, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := strings.TrimPrefix(path, folder)
		if name == "" {
			return nil
		}
		e.add("the name of a file", name)
		if !d.Type().IsRegular() || isEvents(d.Name()) {
			return nil
		}
		text, err := os.ReadFile(path)
		e.add("the file "+name, string(text))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// holdsNone fails for each canary that can be seen in e.
func (e evidence) holdsNone(t *testing.T, canaries ...canary) {
	t.Helper()
	for _, where := range slices.Sorted(maps.Keys(e)) {
		for _, c := range canaries {
			form := c.seen(e[where])
			if form == "" {
				continue
			}
			t.Errorf("%s shows %s, %s", where, c.what, form)
			if form == "as it is" {
				at := strings.Index(e[where], c.text)
				t.Logf("there: %q", e[where][max(0, at-200):min(len(e[where]), at+100)])
			}
		}
	}
}

func TestACanaryIsSeenInEveryForm(t *testing.T) {
	c := canary{"a canary", "SourceHead7c1f"}
	for _, text := range []string{
		"password=SourceHead7c1f",
		fmt.Sprintf("%x", "u:SourceHead7c1f@h"),
		fmt.Sprintf("%X", "SourceHead7c1f"),
		base64.StdEncoding.EncodeToString([]byte("SourceHead7c1f")),
		base64.StdEncoding.EncodeToString([]byte("\x00SourceHead7c1f")),
		base64.StdEncoding.EncodeToString([]byte("\x00u\x00SourceHead7c1f and more")),
		base64.URLEncoding.EncodeToString([]byte("ab\x00user\x00SourceHead7c1f.")),
	} {
		if c.seen(text) == "" {
			t.Errorf("it is not seen in %q", text)
		}
	}
	if got := (canary{"a key", rowKey}).seen("main.f(0x19f0fd4a9a0b59)"); got != "" {
		t.Errorf("another number: got it seen %s, want that it is not", got)
	}
	if got := (canary{"a key", rowKey}).seen(fmt.Sprintf("main.f(0xc000, %#x)", 7301948265510937)); got == "" {
		t.Error("a number in a stack is not seen")
	}
	if got := c.seen("SourceHead and Head7c1f"); got != "" {
		t.Errorf("parts of it: got it seen %s, want that it is not", got)
	}
}
