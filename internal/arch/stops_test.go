package arch_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// manual is what explains each sentence with which Tailrace stops.
const manual = "docs/when-things-go-wrong.md"

// unexplained begins the names of files whose sentences the manual leaves out: the
// demo has nobody's data, and its hints say all there is to do.
const unexplained = "cmd/tailrace/demo"

func TestEverySentenceOfAStopIsExplained(t *testing.T) {
	said := make(map[string][]string) // where
	for _, s := range stops(sources(t)) {
		if !strings.HasPrefix(s.where, unexplained) {
			said[s.text] = append(said[s.text], s.where)
		}
	}
	if len(said) < 100 {
		t.Fatalf("got %d sentences from the sources, want more: they are no longer found", len(said))
	}
	explained := explanations(t)
	for text, where := range said {
		if _, ok := explained[text]; !ok {
			t.Errorf("%s lacks the sentence `%s` of %s", manual, text, strings.Join(where, ", "))
		}
	}
	for text, line := range explained {
		if _, ok := said[text]; !ok {
			t.Errorf("%s:%d explains `%s`, which nothing says any more", manual, line, text)
		}
	}
}

func TestEveryMatterOfTheManualHasSentencesAndAnAnswer(t *testing.T) {
	heading, from, sentences, prose, guide := "", 0, 0, 0, false
	end := func() {
		if heading != "" && !guide && (sentences == 0 || prose == 0) {
			t.Errorf("%s:%d: got %d sentences and %d lines of answer under %q, want both", manual, from, sentences, prose, heading)
		}
		heading, sentences, prose = "", 0, 0
	}
	for i, line := range manualLines(t) {
		switch {
		case strings.HasPrefix(line, "### "):
			end()
			heading, from = line, i+1
		case strings.HasPrefix(line, "## "):
			end()
			guide = line == "## First" // how to use the rest
		case spoken.MatchString(line):
			sentences++
		case line != "":
			prose++
		}
	}
	end()
}

// spoken is a line of the manual that holds a sentence, with … for what varies.
var spoken = regexp.MustCompile("^- `([^`]*)`$")

// explanations returns the sentences of the manual, each with its line.
func explanations(t *testing.T) map[string]int {
	t.Helper()
	found := make(map[string]int)
	for i, line := range manualLines(t) {
		m := spoken.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		if first, twice := found[m[1]]; twice {
			t.Errorf("%s:%d explains `%s` again, after line %d", manual, i+1, m[1], first)
		}
		found[m[1]] = i + 1
	}
	return found
}

func manualLines(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", filepath.FromSlash(manual)))
	if err != nil {
		t.Fatalf("read the manual: %v", err)
	}
	return strings.Split(string(text), "\n")
}
