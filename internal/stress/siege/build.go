package siege

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tailrace/tailrace/internal/mutant"
)

// Mutations returns the names of the rules that Build can break.
func Mutations() []string { return slices.Sorted(maps.Keys(mutant.Copies)) }

// Build builds the daemon into a folder and returns its path. With a mutation, "" for
// none, one of the rules of the copy is broken in it: no other build has a way to that.
// It is called from within the module.
func Build(ctx context.Context, folder, mutation string) (string, error) {
	binary := filepath.Join(folder, "tailrace")
	args := []string{"build", "-o", binary}
	if mutation != "" {
		overlay, err := overlay(ctx, folder, mutation)
		if err != nil {
			return "", fmt.Errorf("siege: break the rule %s: %w", mutation, err)
		}
		args = append(args, "-overlay", overlay)
	}
	cmd := exec.CommandContext(ctx, "go", append(args, "github.com/tailrace/tailrace/cmd/tailrace")...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0") // as it is released
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("siege: build the daemon: %w: %s", err, out)
	}
	return binary, nil
}

func overlay(ctx context.Context, folder, mutation string) (string, error) {
	m, known := mutant.Copies[mutation]
	if !known {
		return "", fmt.Errorf("there are only %s", strings.Join(Mutations(), ", "))
	}
	root, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		return "", fmt.Errorf("find the module: %w", err)
	}
	return m.Overlay(strings.TrimSpace(string(root)), folder)
}
