// Package mutant breaks one rule of the program at a time, to show that tests would
// notice: a test that can't fail proves nothing.
package mutant

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// A Mutant is the program with one rule broken.
type Mutant struct {
	Name     string // what it then does
	File     string // from the module's root
	Old, New string // text that the file holds once, and what stands there instead
}

// Of returns the mutant that does name with text of a file replaced.
func Of(name, file, old, with string) Mutant {
	return Mutant{Name: name, File: file, Old: old, New: with}
}

// Overlay writes the mutated file into a folder, and returns go's description of where
// it stands, for -overlay. root is the module's.
func (m Mutant) Overlay(root, folder string) (string, error) {
	file := filepath.Join(root, filepath.FromSlash(m.File))
	source, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	if n := bytes.Count(source, []byte(m.Old)); n != 1 {
		return "", fmt.Errorf("%s holds this text %d times, want once:\n%s", m.File, n, m.Old)
	}
	mutated, description := filepath.Join(folder, "mutated.go"), filepath.Join(folder, "overlay.json")
	text, err := json.Marshal(map[string]map[string]string{"Replace": {file: mutated}})
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(mutated, bytes.Replace(source, []byte(m.Old), []byte(m.New), 1), 0o600); err != nil {
		return "", err
	}
	return description, os.WriteFile(description, text, 0o600)
}
