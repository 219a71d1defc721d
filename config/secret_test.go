package config_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/tailrace/tailrace/config"
)

func TestSecretIsHiddenFromEveryFormatter(t *testing.T) {
	s := config.NewSecret(canary)
	// A formatter can't call the methods of what lies in an unexported field.
	buried := struct{ inner config.Secret }{s}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "% x", "%d", "%10s"} {
		if got := fmt.Sprintf(verb, s); got != "<secret>" {
			t.Errorf("%s: got %q, want <secret>", verb, got)
		}
		for _, v := range []any{&s, buried, []config.Secret{s}, map[string]config.Secret{"k": s}} {
			refuseCanary(t, fmt.Sprintf("%s of %T", verb, v), fmt.Sprintf(verb, v))
		}
	}
	asJSON, err := json.Marshal(map[string]any{"s": s})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(asJSON), `{"s":"\u003csecret\u003e"}`; got != want {
		t.Errorf("JSON: got %s, want %s", got, want)
	}
	asYAML, err := yaml.Marshal(map[string]any{"s": s})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(asYAML), "s: <secret>\n"; got != want {
		t.Errorf("YAML: got %q, want %q", got, want)
	}
	if got := s.Reveal(); got != canary {
		t.Errorf("Reveal: got %q, want %q", got, canary)
	}
	if !(config.Secret{}).IsZero() || (config.Secret{}).Reveal() != "" || s.IsZero() {
		t.Error("the zero Secret is not empty")
	}
}

func TestSecretIsHiddenFromLoggers(t *testing.T) {
	s := config.NewSecret(canary)
	var out bytes.Buffer
	for _, encoder := range []zapcore.Encoder{
		zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()),
		zapcore.NewConsoleEncoder(zap.NewDevelopmentEncoderConfig()),
	} {
		log := zap.New(zapcore.NewCore(encoder, zapcore.AddSync(&out), zapcore.DebugLevel))
		log.Info("x", zap.Any("a", s), zap.Reflect("b", s), zap.Stringer("c", s), zap.Any("d", config.Source{URL: s}), zap.Inline(zapcore.ObjectMarshalerFunc(
			func(e zapcore.ObjectEncoder) error { return e.AddReflected("e", &s) })))
		log.Sugar().Infof("%v %+v", s, config.Source{URL: s})
	}
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "a", s, "b", config.Source{URL: s})
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "a", s, "b", config.Source{URL: s})
	refuseCanary(t, "log", out.String())
	if got := strings.Count(out.String(), "secret"); got < 10 {
		t.Errorf("got %d places with <secret>, want at least 10:\n%s", got, &out)
	}
}

// TestNoSecretInAnyError puts a secret everywhere where one may stand, next to
// everything that can be wrong with it.
func TestNoSecretInAnyError(t *testing.T) {
	secretFile := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secretFile, []byte(canary+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, url := range []string{
		canary, "postgres:" + canary, canary + "://u@h/d", "mysql://u:canary@h/d", "mysql://u:12/canary@h", "mysql://u:12?canary@h", "mysql://u@h?canary=x", "mysql://u@h?tls=canary", "mysql://u@h?connect_timeout=canary", "postgres://u:canary@h", "postgres://u:can%zary@h/canary",
		"postgres://u:p@h:canary/d", "postgres://u:canary/@h/d", "postgres://u:canary#@h/d", "postgres://u:12/canary@h/d", "postgres://u:12?canary@h/d", "postgres://u:12/3?canary@h/d", "postgres://u:12/d#canary@h/d", "postgres://u@h/d?password=canary&=%zz",
		"postgres://u:ca\x7fnary@canary/d", "postgres://u:${canary}@h/d", "postgres://u:${env:canary!}@h/d", "canary ${", "file:canary?x", "kafka://u:canary@h", "s3://canary:canary@h",
	} {
		for _, key := range []string{"source.url", "publish.url", "checkpoint.url"} {
			if key != "source.url" && !strings.Contains(url, "@") {
				continue // no secret has a place in it
			}
			_, err := config.Load("", noEnv, []config.Override{{Key: key, Value: url, Origin: "--x"}})
			if err == nil {
				t.Fatalf("%s: got no error for %q", key, url)
			}
			refuseCanary(t, key+" "+url, err.Error())
		}
	}
	for _, s := range config.Settings() {
		for _, reference := range []string{"${env:DB_PASSWORD}", "${file:" + secretFile + "}", "{${env:DB_PASSWORD}}", "time:${env:DB_PASSWORD}", "file://${env:DB_PASSWORD}"} {
			c, err := config.Load("", testEnv, []config.Override{{Key: s.Key, Value: reference, Origin: "--x"}})
			if err == nil {
				t.Fatalf("%s: got %+v and no error", s.Key, c)
			}
			refuseCanary(t, s.Key+" "+reference, err.Error())
		}
	}
}

func TestSecretFiles(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(write("linked", "p"), link); err != nil {
		t.Fatal(err)
	}
	tests := []struct{ name, path, want, wantErr string }{
		{name: "the last line break is left out", path: write("lf", "a b\n"), want: "postgres://u:a%20b@h/d"},
		{name: "so is one of Windows", path: write("crlf", "p\r\n"), want: "postgres://u:p@h/d"},
		{name: "other space stays", path: write("space", " p\n\n"), want: "postgres://u:%20p%0A@h/d"},
		{name: "a link is followed", path: link, want: "postgres://u:p@h/d"},
		{name: "an empty file is refused", path: write("empty", "\n"), wantErr: "it is empty"},
		{name: "a folder is refused", path: dir, wantErr: "it is not a regular file"},
		{name: "a large file is refused", path: write("large", strings.Repeat("x", 65537)), wantErr: "it is larger than 64KiB"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, err := config.Load("", noEnv, []config.Override{
				{Key: "source.url", Value: "postgres://u:${file:" + tt.path + "}@h/d", Origin: "--source"},
				{Key: "publish.url", Value: "stdout:", Origin: "--publish"},
			})
			if tt.wantErr != "" {
				if want := "--source: source.url: read " + tt.path + ": " + tt.wantErr; err == nil || err.Error() != want {
					t.Errorf("got %v, want %q", err, want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := c.Source.URL.Reveal(); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestAPasswordInAFlagIsWarnedAbout(t *testing.T) {
	tests := []struct {
		name, url string
		want      int
	}{
		{"a password in the flag", "postgres://u:canary@h/d", 1},
		{"a password in a parameter", "postgres://u@h/d?password=canary", 1},
		{"a password in a parameter that is written in another way", "postgres://u@h/d?sslmode=require&SSLp%61ssword=canary", 1},
		{"a reference in the flag", "postgres://u:${env:DB_PASSWORD}@h/d", 0},
		{"a password of MySQL in the flag", "mysql://u:canary@h/", 1},
		{"no password", "postgres://u@h/d", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := load(t, testEnv, append(required(), config.Override{Key: "source.url", Value: tt.url, Origin: "--source"}))
			if len(c.Warnings) != tt.want {
				t.Errorf("got %q, want %d warnings", c.Warnings, tt.want)
			}
			refuseCanary(t, "configuration", fmt.Sprintf("%+v %#v %v", c, c, c.Warnings))
		})
	}
	fromEnv := func(name string) (string, bool) { return "postgres://u:canary@h/d", name == "TAILRACE_SOURCE" }
	if c := load(t, noEnv, required()); len(c.Warnings) != 0 {
		t.Errorf("got %q", c.Warnings)
	}
	if c := load(t, fromEnv, required()[1:]); len(c.Warnings) != 0 {
		t.Errorf("a password in the environment: got %q", c.Warnings)
	}
}

func refuseCanary(t *testing.T, where, text string) {
	t.Helper()
	for _, form := range []string{canary, fmt.Sprintf("%x", canary), fmt.Sprintf("%X", canary), fmt.Sprintf("% x", canary)} {
		if strings.Contains(text, form) {
			t.Errorf("%s: the secret is in %s", where, text)
		}
	}
}
