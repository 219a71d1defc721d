package config_test

import (
	"os"
	"testing"

	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/internal/failure"
)

// Whoever asks a running daemon has its file, and neither its secrets nor a
// reason to mend anything else in the file.
func TestTheAddressOfADaemonIsReadAlone(t *testing.T) {
	const unset = "source: {url: \"${env:UNSET}\"}\n"
	for _, c := range []struct{ name, file, env, flag, want string }{
		{"nothing is said", "", "", "", "127.0.0.1:8085"},
		{"the file says it, beside a secret that is not here", unset + "admin: {listen: \":9000\"}\n", "", "", ":9000"},
		{"the file is silent, and wrong elsewhere", unset + "publish: {url: 5}\nlimits: {memroy: 1}\n", "", "", "127.0.0.1:8085"},
		{"the file says off without quotes", "admin: {listen: off}\n", "", "", ""},
		{"a reference is replaced", "admin: {listen: \"${env:HERE}:1\"}\n", "", "", "10.0.0.1:1"},
		{"the environment wins over the file", "admin: {listen: \":9000\"}\n", ":9001", "", ":9001"},
		{"a flag wins over both", "admin: {listen: \":9000\"}\n", ":9001", "[::1]:0", "[::1]:0"},
		{"a flag wins over a file that is no YAML", "admin: {{", "", ":9002", ":9002"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := loadAdmin(t, c.file, c.env, c.flag)
			if err != nil {
				t.Fatal(err)
			}
			if got.Listen != c.want {
				t.Errorf("got %q, want %q", got.Listen, c.want)
			}
		})
	}
}

func TestAnAddressOfADaemonThatCanNotBeReadIsRefused(t *testing.T) {
	for _, c := range []struct{ name, file, env, flag, want string }{
		{"a number", "admin: {listen: 8085}\n", "", "", `x.yaml:1:17: admin.listen: expected text, got a number; text that looks like something else is put in quotes`},
		{"a key that is misspelt", "admin: {lisen: off}\n", "", "", `x.yaml:1:9: admin.lisen: unknown key; did you mean admin.listen?`},
		{"a file that is no YAML", "admin: [", "", "", `x.yaml:1:8: the file is not YAML: sequence end token ']' not found`},
		{"no port", "", "", "localhost", `--admin: admin.listen: "localhost": expected host:port, :port for every address of the machine, or off`},
		{"a port by name", "", ":http", "", `TAILRACE_ADMIN: admin.listen: ":http": expected a port from 0 to 65535, where 0 takes a free one`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := loadAdmin(t, c.file, c.env, c.flag)
			if err == nil {
				t.Fatalf("got no error, want %q", c.want)
			}
			if got := err.Error(); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
	if _, err := config.LoadAdmin("testdata/absent.yaml", noEnv, nil); failure.ExitCode(err) != failure.ExitUsage {
		t.Errorf("a file that is not there: got %v, want an error of class Usage", err)
	}
}

func loadAdmin(t *testing.T, file, env, flag string) (config.Admin, error) {
	t.Helper()
	t.Chdir(t.TempDir())
	path, flags := "", []config.Override(nil)
	if file != "" {
		path = "x.yaml"
		if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if flag != "" {
		flags = append(flags, config.Override{Key: "admin.listen", Value: flag, Origin: "--admin"})
	}
	return config.LoadAdmin(path, func(name string) (string, bool) {
		text, ok := map[string]string{"TAILRACE_ADMIN": env, "HERE": "10.0.0.1"}[name]
		return text, ok
	}, flags)
}
