package config_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/config"
)

// required are the flags without which nothing loads.
func required() []config.Override {
	return []config.Override{
		{Key: "source.url", Value: "postgres://u@h/d", Origin: "--source"},
		{Key: "publish.url", Value: "stdout:", Origin: "--publish"},
	}
}

func TestEnvironmentAndFlags(t *testing.T) {
	text := map[string]func(c config.Config) string{
		"name":            func(c config.Config) string { return c.Name },
		"source.url":      func(c config.Config) string { return c.Source.URL.Reveal() },
		"source.tables":   func(c config.Config) string { return strings.Join(c.Source.Tables, " ") },
		"source.snapshot": func(c config.Config) string { return c.Source.Snapshot },
		"publish.url":     func(c config.Config) string { return c.Publish.URL },
		"publish.topic":   func(c config.Config) string { return c.Publish.Topic.String() },
		"publish.format":  func(c config.Config) string { return c.Publish.Format },
		"publish.partition_by": func(c config.Config) string {
			if c.Publish.Partition == config.PartitionColumns {
				return strings.Join(c.Publish.PartitionColumns, ",")
			}
			return c.Publish.Partition
		},
		"checkpoint.url": func(c config.Config) string { return c.Checkpoint.URL },
		"from":           func(c config.Config) string { return c.From },
		"until":          func(c config.Config) string { return c.Until },
		"limits.memory":  func(c config.Config) string { return c.Limits.Memory.String() },
		"limits.drain":   func(c config.Config) string { return c.Limits.Drain.String() },
		"admin.listen":   func(c config.Config) string { return c.Admin.Listen },
		"log.level":      func(c config.Config) string { return c.Log.Level },
		"log.format":     func(c config.Config) string { return c.Log.Format },
	}
	tests := []struct{ key, env, fromEnv, fromFlag string }{
		{"name", "TAILRACE_NAME", "a", "b"},
		{"source.url", "TAILRACE_SOURCE", "postgres://u@h/a", "postgresql://u@h/b"},
		{"source.tables", "TAILRACE_TABLES", "a.*", "b.*"},
		{"source.snapshot", "TAILRACE_SNAPSHOT", "never", "only"},
		{"publish.url", "TAILRACE_PUBLISH", "stdout:", "discard:"},
		{"publish.topic", "TAILRACE_TOPIC", "a.{table}", "b.{table}"},
		{"publish.format", "TAILRACE_FORMAT", "native", "native"},
		{"publish.partition_by", "TAILRACE_PARTITION_BY", "key", "customer,region"},
		{"checkpoint.url", "TAILRACE_CHECKPOINT", "file:a", "file:b"},
		{"from", "TAILRACE_FROM", "gtid:3e11fa47-71ca-11e1-9e33-c80aa9429562:1-77,\n4e11fa47-71ca-11e1-9e33-c80aa9429562:5", "time:2026-11-21T10:00:00.5+01:00"},
		{"limits.memory", "TAILRACE_MEMORY", "64MiB", "1GiB"},
		{"limits.drain", "TAILRACE_DRAIN", "5s", "1m0s"},
		{"admin.listen", "TAILRACE_ADMIN", ":9000", "localhost:0"},
		{"log.level", "TAILRACE_LOG_LEVEL", "debug", "warn"},
		{"log.format", "TAILRACE_LOG_FORMAT", "json", "console"},
		{"until", "", "", "now"},
	}
	for _, tt := range tests {
		t.Run(tt.key+" is taken from the environment and a flag wins over it", func(t *testing.T) {
			i := slices.IndexFunc(config.Settings(), func(s config.Setting) bool { return s.Key == tt.key })
			if got := config.Settings()[i].Env; got != tt.env {
				t.Errorf("variable: got %q, want %q", got, tt.env)
			}
			flags := slices.DeleteFunc(required(), func(o config.Override) bool { return o.Key == tt.key })
			if tt.key == "publish.partition_by" {
				flags[1].Value = "kafka://h" // stdout does not have it
			}
			env := func(name string) (string, bool) { return tt.fromEnv, name == tt.env }
			if tt.env != "" {
				c := load(t, env, flags)
				if got := text[tt.key](c); got != tt.fromEnv {
					t.Errorf("environment: got %q, want %q", got, tt.fromEnv)
				}
			}
			c := load(t, env, append(flags, config.Override{Key: tt.key, Value: tt.fromFlag, Origin: "--x"}))
			if got := text[tt.key](c); got != tt.fromFlag {
				t.Errorf("flag: got %q, want %q", got, tt.fromFlag)
			}
		})
	}
	for _, s := range config.Settings() {
		if (s.Flag != "" || s.Env != "") && text[s.Key] == nil {
			t.Errorf("%s is not tested here", s.Key)
		}
	}
}

func TestPrecedence(t *testing.T) {
	env := func(name string) (string, bool) {
		text, ok := map[string]string{
			"DB_PASSWORD": "x", "TAILRACE_NAME": "from_env", "TAILRACE_MEMORY": "", "TAILRACE_TABLES": "a.*, !a.b",
		}[name]
		return text, ok
	}
	c, err := config.Load("testdata/full.good.yaml", env, []config.Override{
		{Key: "limits.drain", Value: "1s", Origin: "--drain"},
		{Key: "limits.drain", Value: "2s", Origin: "--drain"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := c.Name, "from_env"; got != want {
		t.Errorf("the environment wins over the file: got %q, want %q", got, want)
	}
	if got, want := strings.Join(c.Source.Tables, " "), "a.* !a.b"; got != want {
		t.Errorf("a list replaces the file's: got %q, want %q", got, want)
	}
	if got, want := c.Limits.Memory.String(), "64MiB"; got != want {
		t.Errorf("an empty variable is not set: got %q, want %q", got, want)
	}
	if got, want := c.Limits.Drain.String(), "2s"; got != want {
		t.Errorf("the last of two flags counts: got %q, want %q", got, want)
	}
}

func TestARepeatedFlagIsAList(t *testing.T) {
	c := load(t, noEnv, append(required(),
		config.Override{Key: "source.tables", Value: "a.b,c", Origin: "--table"},
		config.Override{Key: "source.tables", Value: "!a.*", Origin: "--table"}))
	if got, want := strings.Join(c.Source.Tables, " "), "a.b,c !a.*"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestAReferenceThatIsHiddenByAFlagIsNotResolved(t *testing.T) {
	if _, err := config.Load("testdata/full.good.yaml", noEnv, required()); err != nil {
		t.Error(err)
	}
}

func TestNamesFollowThePipelinesName(t *testing.T) {
	tests := []struct{ name, slot, path string }{
		{"shop", "tailrace_shop", "./tailrace-shop.json"},
		{"tailrace", "tailrace", "./tailrace-tailrace.json"},
	}
	for _, tt := range tests {
		c := load(t, noEnv, append(required(), config.Override{Key: "name", Value: tt.name, Origin: "--name"}))
		if got := c.Source.Postgres; got.Slot != tt.slot || got.Publication != tt.slot || !got.Create {
			t.Errorf("%s: got %+v, want slot and publication %q, made", tt.name, got, tt.slot)
		}
		if c.Checkpoint.Path != tt.path || c.Checkpoint.URL != "file:"+tt.path {
			t.Errorf("%s: got %+v, want %q", tt.name, c.Checkpoint, tt.path)
		}
	}
}

func TestFlagsAndVariablesAreRefused(t *testing.T) {
	tests := []struct {
		name  string
		env   string
		value string
		flag  config.Override
		want  string
	}{
		{
			name: "a flag is named as people write it", flag: config.Override{Key: "limits.memory", Value: "1kB", Origin: "--memory"},
			want: `--memory: limits.memory: "1kB": expected at least 16MiB`,
		},
		{
			name: "a variable is named", env: "TAILRACE_NAME", value: "A",
			want: `TAILRACE_NAME: name: "A": expected 1 to 40 of the characters a-z 0-9 _`,
		},
		{
			name: "an item between two commas is missing", env: "TAILRACE_TABLES", value: "a,,b",
			want: `TAILRACE_TABLES: source.tables: "": expected the name or glob of a table, not nothing`,
		},
		{
			name: "an address without a port", env: "TAILRACE_ADMIN", value: "localhost",
			want: `TAILRACE_ADMIN: admin.listen: "localhost": expected host:port, :port for every address of the machine, or off`,
		},
		{
			name: "a start that is no place", flag: config.Override{Key: "from", Value: "yesterday", Origin: "--from"},
			want: `--from: "yesterday": expected a position (Postgres: lsn:0/16B3748; MySQL: gtid:3e11fa47-71ca-11e1-9e33-c80aa9429562:1-77; MariaDB: gtid:0-1-100; both: file:binlog.000003:1542), earliest, now or time:2026-11-21T10:00:00Z`,
		},
		{
			name: "a time without a zone", flag: config.Override{Key: "from", Value: "time:2026-11-21T10:00:00", Origin: "--from"},
			want: `--from: "time:2026-11-21T10:00:00": expected a time as in time:2026-11-21T10:00:00Z`,
		},
		{
			name: "an end that is a time", flag: config.Override{Key: "until", Value: "time:2026-11-21T10:00:00Z", Origin: "--until"},
			want: `--until: "time:2026-11-21T10:00:00Z": expected a position (Postgres: lsn:0/16B3748; MySQL: gtid:3e11fa47-71ca-11e1-9e33-c80aa9429562:1-77; MariaDB: gtid:0-1-100; both: file:binlog.000003:1542) or now`,
		},
		{
			name: "a start whose kind is misspelt", flag: config.Override{Key: "from", Value: "gitd:0-1-100", Origin: "--from"},
			want: `--from: "gitd:0-1-100": expected a position (Postgres: lsn:0/16B3748; MySQL: gtid:3e11fa47-71ca-11e1-9e33-c80aa9429562:1-77; MariaDB: gtid:0-1-100; both: file:binlog.000003:1542), earliest, now or time:2026-11-21T10:00:00Z`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			flags := required()
			if tt.flag.Key != "" {
				flags = append(flags, tt.flag)
			}
			_, err := config.Load("", func(name string) (string, bool) { return tt.value, name == tt.env }, flags)
			if err == nil {
				t.Fatalf("got no error, want %q", tt.want)
			}
			if got := err.Error(); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func load(t *testing.T, env func(string) (string, bool), flags []config.Override) config.Config {
	t.Helper()
	c, err := config.Load("", env, flags)
	if err != nil {
		t.Fatal(err)
	}
	return c
}
