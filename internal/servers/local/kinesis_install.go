package local

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

// The releases in npm's registry, as kinesis-package.json names them.
const (
	kinesisLocalVersion = "0.6.2"
	kinesaliteVersion   = "3.3.3"
)

var (
	//go:embed kinesis-package.json
	kinesisPackage []byte

	// What it depends on, with checksums: made by npm install --package-lock-only.
	//go:embed kinesis-lock.json
	kinesisLock []byte
)

// installedKinesis returns the folder in the cache whose node_modules has both
// stand-ins, and has npm download them, 30 MB, when this machine does not have them
// yet.
func installedKinesis(ctx context.Context) (string, error) {
	for program, from := range map[string]string{"node": "nodejs", "npm": "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			return "", fmt.Errorf("find Kinesis: the package %s is not installed, `make test` installs it: %w", from, err)
		}
	}
	name := "kinesis-" + kinesisLocalVersion + "-" + kinesaliteVersion
	dir, err := cached(ctx, name, downloadKinesis)
	if err != nil {
		return "", fmt.Errorf("install Kinesis: %w", err)
	}
	return dir, nil
}

// downloadKinesis has npm fill the folder whole. No script of a package runs: what
// is compiled comes compiled.
func downloadKinesis(ctx context.Context, work, whole string) error {
	if err := os.Mkdir(whole, 0o755); err != nil {
		return fmt.Errorf("make room in the cache: %w", err)
	}
	files := map[string][]byte{"package.json": kinesisPackage, "package-lock.json": kinesisLock}
	if err := writeFiles(whole, files); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund",
		// A cache of its own, or what nobody needs again would stay in the user's.
		"--cache", filepath.Join(work, "npm"))
	cmd.Dir = whole
	// A group of its own, or what npm runs would outlive it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return signal(-cmd.Process.Pid, syscall.SIGTERM) }
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("download: %w: %s", err, out)
	}
	return nil
}
