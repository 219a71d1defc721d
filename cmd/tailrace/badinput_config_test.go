package main_test

import "testing"

func TestAConfigurationThatCannotBeIsRefusedBeforeAnyConnection(t *testing.T) {
	t.Parallel()
	for _, r := range []refusal{
		{
			name: "a key of the file is unknown", config: "unknown-key.yaml", code: 1,
			want: `testdata/unknown-key.yaml:4:3: source.tabels: unknown key; did you mean source.tables?`,
		},
		{
			name: "a variable is not set", config: "unset-variable.yaml", code: 1,
			want: `testdata/unset-variable.yaml:3:8: source.url: the environment variable UNSET_PASSWORD is not set`,
		},
		{
			name: "the file does not exist", config: "missing.yaml", code: 1,
			want: `read configuration testdata/missing.yaml: no such file or directory`,
		},
		{
			name: "sslmode may fall back to plain text", code: 1,
			args: []string{"--source", "postgres://user:canary-password@127.0.0.1/db?sslmode=prefer"},
			want: `sslmode=prefer may fall back to plain text without a word; use verify-full, require or disable`,
		},
		{
			name: "a parameter of MySQL's URL is that of Postgres", code: 1,
			args: []string{"--source", "mysql://user:canary-password@127.0.0.1/?sslmode=disable"},
			want: `--source: source.url: its parameters are tls, tls_ca, tls_cert, tls_key, socket and connect_timeout, each with one value`,
		},
		{
			name: "what only Postgres has is given for MySQL", config: "create-nothing.yaml", code: 1,
			args: []string{"--source", "mysql://user@127.0.0.1/"},
			want: `testdata/create-nothing.yaml:6:22: source.postgres.create: only a Postgres source has it, and source.url names a mysql: one; leave it out`,
		},
		{
			name: "a flag is unknown", code: 1, args: []string{"--tables", "orders"},
			want: `unknown flag: --tables; see tailrace run --help`,
		},
		{
			name: "the position is of another source", code: 1, args: []string{"--from", "somewhere"},
			want: `--from: "somewhere": expected a position (Postgres: lsn:LSN; MySQL: gtid:3e11fa47-71ca-11e1-9e33-c80aa9429562:1-77; MariaDB: gtid:0-1-100; both: file:binlog.000003:1542), earliest, now or time:2026-11-21T10:00:00Z`,
		},
		{
			name: "the sink is not built yet", code: 1, args: []string{"--publish", "s3://bucket"},
			want: `--publish: publish.url: "s3://bucket": this version does not have the sink "s3:" yet; it has kafka:, kinesis:, file:, stdout: and discard:`,
		},
	} {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			refuse(t, r, nowhere(t, ""))
		})
	}
}
