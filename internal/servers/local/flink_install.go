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

// flinkVersion names the release in the package registries and the folder in the
// cache.
const flinkVersion = "2.2.1"

//go:embed flink-pom.xml
var flinkPOM []byte

// In Flink's folder in the cache.
const (
	flinkJars      = "jars"
	flinkLogConfig = "log4j2.xml"
)

// installedFlink returns Flink's folder in the cache, and downloads it, 250 MB,
// when this machine does not have it yet.
func installedFlink(ctx context.Context) (string, error) {
	for program, from := range map[string]string{
		"java": "openjdk-17-jre-headless", "mvn": "maven", "pip3": "python3-pip", "unzip": "unzip",
	} {
		if _, err := exec.LookPath(program); err != nil {
			return "", fmt.Errorf("find Flink: the package %s is not installed, `make accept-flink` installs it: %w", from, err)
		}
	}
	dir, err := cached(ctx, "flink-"+flinkVersion, downloadFlink)
	if err != nil {
		return "", fmt.Errorf("install Flink: %w", err)
	}
	return dir, nil
}

// downloadFlink fills the folder of the jars. The distribution is not in Maven
// Central: a package for Python holds its jars.
func downloadFlink(ctx context.Context, work, whole string) error {
	jars := filepath.Join(whole, flinkJars)
	if err := os.MkdirAll(jars, 0o755); err != nil {
		return fmt.Errorf("make room in the cache: %w", err)
	}
	if err := writeFiles(whole, map[string][]byte{flinkLogConfig: kafkaLog4j}); err != nil {
		return err
	}
	if err := writeFiles(work, map[string][]byte{"pom.xml": flinkPOM}); err != nil {
		return err
	}
	for _, command := range [][]string{
		{
			"pip3", "download", "--quiet", "--disable-pip-version-check", "--no-cache-dir", "--no-deps",
			"--dest", work, "apache-flink-libraries==" + flinkVersion,
		},
		{
			"unzip", "-q", "-j", filepath.Join(work, "apache_flink_libraries-"+flinkVersion+"-py2.py3-none-any.whl"),
			"pyflink/lib/*.jar", "-d", jars,
		},
		{
			"mvn", "--quiet", "--batch-mode", "--file", filepath.Join(work, "pom.xml"),
			"-Dmaven.repo.local=" + filepath.Join(work, "repository"),
			"-Dflink=" + flinkVersion,
			"org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies",
			"-DexcludeTransitive=true", // the distribution has them
			"-DoutputDirectory=" + jars,
		},
	} {
		cmd := exec.CommandContext(ctx, command[0], command[1:]...)
		cmd.Dir = work
		// A group of its own, or what the scripts run would outlive them.
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		cmd.Cancel = func() error { return signal(-cmd.Process.Pid, syscall.SIGTERM) }
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("run %s: %w: %s", command[0], err, out)
		}
	}
	return nil
}
