package postgres

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"maps"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/tailrace/tailrace/internal/failure"
)

const (
	// statusInterval is how often the keeper reports. The server takes a slow
	// path for every row once the last report is older than half of its
	// timeout, so the timeout is more than twice as long; it is short, so that
	// a frozen predecessor frees the slot soon (C3.5).
	statusInterval = 3 * time.Second
	senderTimeout  = "10s"
	// silence is how long the server may say nothing: it answers each report.
	silence = 30 * time.Second

	connectTimeout = 10 * time.Second
)

// textForm are the session's settings that make the server's text stable
// (docs/types-postgres.md).
var textForm = map[string]string{
	"client_encoding":    "UTF8",
	"DateStyle":          "ISO",
	"IntervalStyle":      "iso_8601",
	"TimeZone":           "UTC",
	"extra_float_digits": "3",
	"bytea_output":       "hex",
	"lc_monetary":        "C",
	"statement_timeout":  "0",
	"lock_timeout":       "10s", // shorter than what is waited for an answer, so that it says why
}

// parseURL reads the source URL and decides about TLS: full verification
// unless the host is this one or the URL says otherwise, and never a silent
// fall-back to plain text.
func parseURL(text string) (*pgx.ConnConfig, error) {
	hint := "write it as postgres://user:password@host:5432/database?sslmode=verify-full"
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" {
		return nil, failure.Usage(hint, "the source URL is not one of Postgres") // err would show the password
	}
	q := u.Query()
	mode := q.Get("sslmode")
	if mode == "prefer" || mode == "allow" {
		return nil, failure.Usage("use verify-full, require or disable",
			"sslmode=%s may fall back to plain text without a word", mode)
	}
	parse := func(mode string) (*pgx.ConnConfig, error) {
		q.Set("sslmode", mode)
		u.RawQuery = strings.ReplaceAll(q.Encode(), "+", "%20") // pgx takes a + for itself, as libpq does
		cfg, err := pgx.ParseConfig(u.String())
		if err != nil {
			return nil, failure.Usage(hint, "the source URL can't be used")
		}
		return cfg, nil
	}
	// Which hosts these are is known once everything is read that names one.
	cfg, err := parse(cmp.Or(mode, "disable"))
	if err == nil && mode == "" && !allLocal(cfg) {
		cfg, err = parse("verify-full")
	}
	if err != nil {
		return nil, err
	}
	cfg.ConnectTimeout = connectTimeout
	// The server takes a name in any case, and of two it would be chance which
	// one counts.
	maps.DeleteFunc(cfg.RuntimeParams, func(name, _ string) bool {
		for own := range textForm {
			if strings.EqualFold(own, name) {
				return true
			}
		}
		return false
	})
	maps.Copy(cfg.RuntimeParams, textForm)
	return cfg, nil
}

func allLocal(cfg *pgx.ConnConfig) bool {
	for _, f := range cfg.Fallbacks {
		if !isLocal(f.Host) {
			return false
		}
	}
	return isLocal(cfg.Host)
}

func isLocal(host string) bool {
	ip := net.ParseIP(host)
	return host == "" || host == "localhost" || strings.HasPrefix(host, "/") || ip != nil && ip.IsLoopback()
}

// application is how the server lists our connection for replication: by the
// pipeline's name and claim, in less than its 64 bytes.
func (s *Source) application() string {
	if s.cfg.Claim == nil || s.cfg.Claim() == "" {
		return "tailrace " + s.cfg.Name
	}
	sum := sha256.Sum256([]byte(s.cfg.Claim()))
	return "tailrace " + s.cfg.Name + " " + hex.EncodeToString(sum[:6])
}

// connectReplication makes a connection of the walsender kind.
func (s *Source) connectReplication(ctx context.Context) (*pgconn.PgConn, error) {
	cfg := s.conn.Config.Copy()
	cfg.RuntimeParams["replication"] = "database"
	cfg.RuntimeParams["wal_sender_timeout"] = senderTimeout
	cfg.RuntimeParams["client_min_messages"] = "warning" // see notice
	cfg.RuntimeParams["application_name"] = s.application()
	// The socket itself is remembered, since it may lie beneath TLS.
	cfg.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := s.dial(ctx, network, address)
		s.pacer, _ = conn.(pacer)
		return conn, err
	}
	cfg.BuildFrontend = func(r io.Reader, w io.Writer) *pgproto3.Frontend {
		s.reader = r
		return pgproto3.NewFrontend(r, w)
	}
	conn, err := pgconn.ConnectConfig(ctx, cfg)
	return conn, classify("connect for replication", err)
}

// A hijacked connection is read through the reader that pgconn made for it.
// After a write that took long, a goroutine of pgconn's reads ahead; it may be
// at it still when the connection is taken over, and what it reads then is the
// beginning of the stream. Its reader gives these bytes back; the connection
// itself would go on behind them.
type hijacked struct {
	net.Conn
	reader io.Reader
}

// Read implements net.Conn.
func (h hijacked) Read(p []byte) (int, error) { return h.reader.Read(p) }

// A pacer is a socket that can be read at a slower pace than its packets come.
// Its methods belong to the goroutine that reads.
type pacer interface {
	// pace lets each read that would find little wait a moment, so that it
	// finds more.
	pace(on bool)
	// more waits that moment and reports whether a read would find something
	// now. Without pace there is no waiting, and the answer is no.
	more() bool
}

// simple runs a replication command and returns its rows as text.
func simple(ctx context.Context, conn *pgconn.PgConn, sql string) ([][]string, error) {
	results, err := conn.Exec(ctx, sql).ReadAll()
	if err != nil {
		return nil, err
	}
	var rows [][]string
	for _, r := range results {
		for _, row := range r.Rows {
			text := make([]string, len(row))
			for i, v := range row {
				text[i] = string(v)
			}
			rows = append(rows, text)
		}
	}
	return rows, nil
}
