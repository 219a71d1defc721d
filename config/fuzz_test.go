package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/internal/failure"
)

// FuzzLoad looks for a file that makes Load panic, return an error of another
// class, or show what a reference stands for.
func FuzzLoad(f *testing.F) {
	for _, pattern := range []string{"testdata/*.good.yaml", "testdata/*.bad.yaml"} {
		paths, err := filepath.Glob(pattern)
		if err != nil {
			f.Fatal(err)
		}
		for _, path := range paths {
			text, err := os.ReadFile(path)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(text)
		}
	}
	path := filepath.Join(f.TempDir(), "x.yaml")
	env := func(name string) (string, bool) {
		if strings.HasPrefix(name, "TAILRACE_") {
			return "", false
		}
		return "0123456789abcdef", true
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if len(text) > 4096 {
			return // the parser's time is quadratic in the depth of nesting
		}
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := config.Load(path, env, nil)
		if err == nil {
			if (c.Checkpoint.Path == "") != c.Publish.Kafka.ExactlyOnce {
				t.Errorf("exactly once and the checkpoint do not go together: %+v", c)
			}
			if (c.Publish.Sink == config.SinkKinesis) != (c.Publish.Kinesis.Stream != "") {
				t.Errorf("the sink and the stream do not go together: %+v", c)
			}
			if c.Source.URL.IsZero() || c.Publish.Sink == "" || c.Checkpoint.URL == "" || c.Source.Postgres.Slot == "" {
				t.Errorf("got an incomplete configuration: %+v", c)
			}
			return
		}
		if code := failure.ExitCode(err); code != failure.ExitUsage {
			t.Errorf("exit code: got %d, want %d: %v", code, failure.ExitUsage, err)
		}
		if strings.Contains(err.Error(), "0123456789abcdef") && !strings.Contains(string(text), "0123456789abcdef") {
			t.Errorf("the error shows the value of a variable: %v", err)
		}
	})
}
