package main_test

import (
	"fmt"
	"testing"

	"github.com/tailrace/tailrace/checkpoint"
)

// fromNow are the flags of a first start.
var fromNow = []string{"--from", "now"}

func established(t *testing.T, s *site) { s.establish(t) }

func TestAServerThatCannotBeReadIsRefused(t *testing.T) {
	t.Parallel()
	refuseAll(t, []refusal{
		{
			name: "the password is wrong", code: 4, args: fromNow,
			prepare: func(_ *testing.T, s *site) { s.env["DB_PASSWORD"] = "canary-password-wrong" },
			want:    `check the source: the server refused the login: password authentication failed for user "ROLE" (SQLSTATE 28P01); check user and password of the source URL, and pg_hba.conf for this host; or let tailrace setup make it, if it is not there`,
		},
		{
			name: "the password is wrong and a person reads the log", code: 4, args: append(fromNow, "--log-format", "console"),
			prepare: func(_ *testing.T, s *site) { s.env["DB_PASSWORD"] = "canary-password-wrong" },
			want:    `check the source: the server refused the login: password authentication failed for user "ROLE" (SQLSTATE 28P01); check user and password of the source URL, and pg_hba.conf for this host; or let tailrace setup make it, if it is not there`,
		},
		{
			name: "the role does not exist", code: 4, args: fromNow,
			prepare: func(_ *testing.T, s *site) { s.env["DB_USER"] = "nobody_here" },
			want:    `check the source: the server refused the login: password authentication failed for user "nobody_here" (SQLSTATE 28P01); check user and password of the source URL, and pg_hba.conf for this host; or let tailrace setup make it, if it is not there`,
		},
		{
			name: "the database does not exist", code: 4, args: fromNow,
			prepare: func(_ *testing.T, s *site) { s.env["DB_NAME"] = "missing" },
			want:    `check the source: there is no such database: database "missing" does not exist (SQLSTATE 3D000); check the database at the end of the source URL`,
		},
		{
			name: "the server has no TLS", code: 4,
			args: append(fromNow, "--source", "postgres://${env:DB_USER}:${env:DB_PASSWORD}@127.0.0.1:${env:DB_PORT}/${env:DB_NAME}?sslmode=verify-full"),
			want: `check the source: the server does not speak TLS; turn ssl on at the server; or, if you trust the network, say sslmode=disable in the source URL`,
		},
		{
			name: "the role may not replicate", code: 4, args: fromNow,
			prepare: func(t *testing.T, s *site) { s.db.Exec(t, "ALTER ROLE "+s.user+" NOREPLICATION") },
			want:    `role ROLE may not replicate; run: ALTER ROLE "ROLE" REPLICATION (on RDS and Aurora: GRANT rds_replication TO "ROLE")`,
		},
		{
			name: "the role may not create a publication", code: 4, args: fromNow,
			prepare: func(t *testing.T, s *site) {
				s.db.Exec(t, fmt.Sprintf("REVOKE CREATE ON DATABASE %s FROM %s", s.db.Name, s.user))
			},
			want: `role ROLE may not create publication SLOT; run as the database's owner: CREATE PUBLICATION "SLOT" FOR TABLE "public"."orders" WITH (publish = 'insert, update, delete, truncate', publish_via_partition_root = true); or GRANT CREATE ON DATABASE "NAME" TO "ROLE"; or tailrace setup --apply`,
		},
		{
			name: "the role does not own the table", code: 4, args: fromNow,
			prepare: func(t *testing.T, s *site) { s.db.Exec(t, "ALTER TABLE orders OWNER TO postgres") },
			want:    `role ROLE does not own public.orders, which publication SLOT must publish; run as the owner: CREATE PUBLICATION "SLOT" FOR TABLE "public"."orders" WITH (publish = 'insert, update, delete, truncate', publish_via_partition_root = true)`,
		},
		{
			name: "a table does not exist", code: 4, args: append(fromNow, "--table", "public.order"),
			want: `there is no table public.order; check the name in source.tables; a bare name means schema public, and a partition is captured through its root`,
		},
		{
			name: "no table matches", code: 4, args: append(fromNow, "--table", "shop.*"),
			want: `no table matches: there is nothing to do; check source.tables and the database in the URL`,
		},
		{
			name: "a table has no replica identity", code: 4, args: append(fromNow, "--table", "public.*"),
			prepare: func(t *testing.T, s *site) {
				s.db.Exec(t, "CREATE TABLE notes (note text); ALTER TABLE notes OWNER TO "+s.user)
			},
			want: `without a replica identity, publishing would make UPDATE and DELETE of the application fail: public.notes; give each a primary key, or run: ALTER TABLE "public"."notes" REPLICA IDENTITY FULL; or exclude it ("!public.notes"), or list it under source.insert_only`,
		},
		{
			name: "there is no slot and none may be made", code: 4, args: fromNow, config: "create-nothing.yaml",
			prepare: func(t *testing.T, s *site) {
				s.db.Exec(t, "CREATE PUBLICATION "+s.slot+" FOR TABLE orders")
			},
			want: `slot SLOT does not exist, and source.postgres.create is false; run: SELECT pg_create_logical_replication_slot('SLOT', 'pgoutput')`,
		},
		{
			name: "there is no publication and none may be made", code: 4, args: fromNow, config: "create-nothing.yaml",
			prepare: func(t *testing.T, s *site) {
				s.db.Exec(t, "SELECT pg_create_logical_replication_slot($1, 'pgoutput')", s.slot)
			},
			want: `publication SLOT does not publish public.orders, and source.postgres.create is false; run: CREATE PUBLICATION "SLOT" FOR TABLE "public"."orders" WITH (publish = 'insert, update, delete, truncate', publish_via_partition_root = true); or tailrace setup --apply`,
		},
		{
			name: "the slot belongs to another plugin", code: 4, args: fromNow,
			prepare: func(t *testing.T, s *site) {
				s.db.Exec(t, "SELECT pg_create_logical_replication_slot($1, 'test_decoding')", s.slot)
			},
			want: `slot SLOT belongs to the plugin "test_decoding", not pgoutput; name another slot in source.postgres.slot`,
		},
	})
}

func TestAPlaceThatTheServerDoesNotHaveIsRefused(t *testing.T) {
	t.Parallel()
	refuseAll(t, []refusal{
		{
			name: "there is neither a checkpoint nor a start", code: 4,
			want: `pipeline NAME has no checkpoint; say where to start with --from now, earliest or a position; or let the tables be copied first, with --snapshot initial`,
		},
		{
			name: "the position is of another source", code: 4, args: []string{"--from", "gtid:0-1-100"},
			want: `position "gtid:0-1-100" is not one of a Postgres source; a position of Postgres is written lsn:LSN; also accepted: earliest, now, time:2026-11-21T10:00:00Z`,
		},
		{
			name: "a first start asks for a place in the past", code: 4, args: []string{"--from", "lsn:0/16B3748"},
			want: `slot SLOT does not exist, so the server has kept nothing for a start at lsn:LSN: the place is lost; start with --from now`,
		},
		{
			name: "the start lies before the slot's place", code: 4, args: []string{"--from", "lsn:0/1000000"},
			prepare: established,
			want:    `--from lsn:LSN lies before the place of slot SLOT, which is LSN: the place is lost; --from earliest starts with what the server still has`,
		},
		{
			name: "the start lies ahead of the log", code: 4, args: []string{"--from", "lsn:FFFF/0"},
			prepare: established,
			want:    `--from lsn:LSN lies ahead of the server's log, which ends at LSN: the place is lost; check the position; --from now starts at the log's end`,
		},
		{
			name: "the checkpoint's position is of another source", code: 4,
			prepare: func(t *testing.T, s *site) {
				s.establish(t)
				s.alter(t, func(st *checkpoint.State) { st.Position = "file:binlog.000003:1542" })
			},
			want: `position "file:binlog.000003:1542" is not one of a Postgres source; a position of Postgres is written lsn:LSN; also accepted: earliest, now, time:2026-11-21T10:00:00Z`,
		},
		{
			name: "the checkpoint is of another server", code: 4,
			prepare: func(t *testing.T, s *site) {
				s.establish(t)
				s.alter(t, func(st *checkpoint.State) { st.Source.System = "7000000000000000001" })
			},
			want: `the checkpoint belongs to another server: its system identifier is SYSTEM, this one's is SYSTEM; check the source URL; or name another checkpoint, and start with --from now after a new copy of the tables`,
		},
		{
			name: "the checkpoint is ahead of the log", code: 4,
			prepare: func(t *testing.T, s *site) {
				s.establish(t)
				s.alter(t, func(st *checkpoint.State) { st.Position = "lsn:FFFF/0" })
			},
			want: `the checkpoint's place LSN is ahead of the server's log, which ends at LSN: the server was restored from a copy: the place is lost; changes since the checkpoint can't be read any more; run: tailrace position set now; then copy the tables again, and start`,
		},
		{
			name: "the slot was dropped", code: 4,
			prepare: func(t *testing.T, s *site) {
				s.establish(t)
				s.db.Exec(t, "SELECT pg_drop_replication_slot($1)", s.slot)
			},
			want: `slot SLOT does not exist any more: the place is lost; changes since the checkpoint can't be read any more; run: tailrace position set now; then copy the tables again, and start`,
		},
		{
			name: "the slot is ahead of the checkpoint", code: 4,
			prepare: func(t *testing.T, s *site) {
				s.establish(t)
				s.insert(t, 1, 10)
				s.db.Exec(t, "SELECT pg_replication_slot_advance($1, pg_current_wal_lsn())", s.slot)
			},
			want: `slot SLOT is ahead of the checkpoint: it is at LSN, the checkpoint at LSN: the place is lost; changes since the checkpoint can't be read any more; run: tailrace position set now; then copy the tables again, and start`,
		},
		{
			name: "the publication was dropped", code: 4,
			prepare: func(t *testing.T, s *site) {
				s.establish(t)
				s.db.Exec(t, "DROP PUBLICATION "+s.slot)
			},
			want: `publication SLOT is gone: the place is lost; changes since the checkpoint can't be read any more; run: tailrace position set now; then copy the tables again, and start`,
		},
	})
}
