package main_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestEveryTestThatFaultsNamesExists keeps docs/faults.md true.
func TestEveryTestThatFaultsNamesExists(t *testing.T) {
	root := filepath.Join("..", "..")
	page, err := os.ReadFile(filepath.Join(root, "docs", "faults.md"))
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile("`([a-z/]+)\\.((?:Test|Fuzz)\\w+)`").FindAllStringSubmatch(string(page), -1)
	if len(named) == 0 {
		t.Fatal("docs/faults.md names no test")
	}
	packages := make(map[string]string)
	for _, n := range named {
		folder, test := n[1], n[2]
		if packages[folder] == "" {
			packages[folder] = testsOf(t, filepath.Join(root, filepath.FromSlash(folder)))
		}
		if !strings.Contains(packages[folder], "\nfunc "+test+"(") {
			t.Errorf("docs/faults.md names %s.%s, which does not exist", folder, test)
		}
	}
}

// testsOf returns the text of all test files of a package.
func testsOf(t *testing.T, folder string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
	}
	return all.String()
}
