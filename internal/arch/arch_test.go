package arch_test

import (
	"go/ast"
	"slices"
	"strings"
	"testing"
)

func TestImportsPointOneWay(t *testing.T) {
	for _, s := range sources(t) {
		for _, imported := range s.imports() {
			other, ours := strings.CutPrefix(imported, module+"/")
			if !ours {
				continue
			}
			if why := forbidden(s.folder, other); why != "" {
				t.Errorf("%s imports %s: %s", s.path, imported, why)
			}
		}
	}
}

func TestPurePackagesHaveNoOutsideWorld(t *testing.T) {
	for _, s := range sources(t) {
		if !slices.Contains(pure, top(s.folder)) || isSuite(s.folder) {
			continue
		}
		for _, imported := range s.imports() {
			first, _, _ := strings.Cut(imported, "/")
			if slices.Contains([]string{"os", "net", "log", "syscall"}, first) || imported == "math/rand/v2" || imported == "math/rand" {
				t.Errorf("%s imports %s: the package is pure", s.path, imported)
			}
		}
		for _, name := range s.uses("time") {
			if slices.Contains([]string{"Now", "Since", "Until", "Sleep", "After", "NewTimer", "NewTicker", "Tick"}, name) {
				t.Errorf("%s uses time.%s: the package is pure", s.path, name)
			}
		}
	}
}

func TestPublishersAndCheckpointsKnowNoRows(t *testing.T) {
	for _, s := range sources(t) {
		if !slices.Contains(bytesOnly, top(s.folder)) {
			continue
		}
		if slices.Contains(s.imports(), module+"/schema") {
			t.Errorf("%s imports %s/schema: the package knows bytes and positions, not rows", s.path, module)
		}
		for _, name := range s.uses(module + "/event") {
			if !slices.Contains(position, name) {
				t.Errorf("%s uses event.%s: the package knows bytes and positions, not rows", s.path, name)
			}
		}
	}
}

func TestFilesAreShort(t *testing.T) {
	const most = 400
	for _, s := range sources(t) {
		if s.lines > most && !ast.IsGenerated(s.syntax) {
			t.Errorf("%s has %d lines, want at most %d: one idea per file", s.path, s.lines, most)
		}
	}
}

func TestTheRulesForbidWhatTheyShould(t *testing.T) {
	for _, c := range []struct {
		name, folder, other string
		allowed             bool
	}{
		{"the event knows the schema", "event", "schema", true},
		{"the schema does not know the event", "schema", "event", false},
		{"a source knows its interface", "capture/postgres", "capture", true},
		{"an interface does not know its sources", "capture", "capture/postgres", false},
		{"sources do not know each other", "capture/postgres", "capture/mysql", false},
		{"a source does not know a publisher", "capture/postgres", "publish/kafka", false},
		{"a publisher does not know the configuration", "publish/kafka", "config", false},
		{"the pipeline does not know the configuration", "pipeline", "config", false},
		{"the command knows a source", "cmd/tailrace", "capture/postgres", true},
		{"everybody knows the classes of errors", "schema", "internal/failure", true},
		{"the classes of errors know nobody", "internal/failure", "event", false},
		{"a source does not know how topics are hashed", "capture/postgres", "internal/murmur2", false},
		{"the command knows no test servers", "cmd/tailrace", "internal/servers/local", false},
		{"a suite knows test helpers", "publish/publishtest", "internal/eventually", true},
		{"the pipeline does not know a suite", "pipeline", "publish/publishtest", false},
		{"a new folder needs a layer", "cmd/tailrace", "brandnew", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if why := forbidden(c.folder, c.other); (why == "") != c.allowed {
				t.Errorf("%s imports %s: got %q, want allowed = %v", c.folder, c.other, why, c.allowed)
			}
		})
	}
}
