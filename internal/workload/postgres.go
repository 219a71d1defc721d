package workload

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
)

// postgresSession is a session on Postgres.
type postgresSession struct {
	conn  *pgx.Conn
	batch pgx.Batch
}

func openPostgres(ctx context.Context, url string) (session, error) {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	return &postgresSession{conn: conn}, nil
}

func (s *postgresSession) ready(context.Context) error { return nil }

// begin returns the transaction's id, without the epoch that events don't show.
func (s *postgresSession) begin(ctx context.Context, _ image) (string, error) {
	if err := s.exec(ctx, "BEGIN"); err != nil {
		return "", err
	}
	var id string
	if err := s.conn.QueryRow(ctx, "SELECT pg_current_xact_id()::text").Scan(&id); err != nil {
		return "", fmt.Errorf("ask for the transaction's id: %w", err)
	}
	full, err := strconv.ParseUint(id, 10, 64)
	if err != nil {
		return "", fmt.Errorf("read the transaction's id: %w", err)
	}
	return strconv.FormatUint(uint64(uint32(full)), 10), nil
}

func (s *postgresSession) beginGlobal(context.Context, image, string) error {
	panic("workload: Postgres has no XA transactions")
}

func (s *postgresSession) prepare(context.Context) error {
	panic("workload: Postgres has no XA transactions")
}

func (s *postgresSession) commit(ctx context.Context) error { return s.exec(ctx, "COMMIT") }

func (s *postgresSession) rollback(ctx context.Context) error { return s.exec(ctx, "ROLLBACK") }

func (s *postgresSession) exec(ctx context.Context, sql string) error {
	if _, err := s.conn.Exec(ctx, sql); err != nil {
		return fmt.Errorf("%s: %w", strings.ToLower(sql), err)
	}
	return nil
}

// value gives the server a value in text form, whatever its type.
func (s *postgresSession) value(v value, args []any) (string, []any) {
	if v.null {
		args = append(args, nil)
	} else {
		args = append(args, v.text)
	}
	return "$" + strconv.Itoa(len(args)), args
}

func (s *postgresSession) queue(sql string, args []any) { s.batch.Queue(sql, args...) }

func (s *postgresSession) queued() int { return s.batch.Len() }

func (s *postgresSession) flush(ctx context.Context) error {
	if s.batch.Len() == 0 {
		return nil
	}
	err := s.conn.SendBatch(ctx, &s.batch).Close()
	s.batch = pgx.Batch{}
	if err != nil {
		return fmt.Errorf("change rows: %w", err)
	}
	return nil
}

// load loads rows by COPY.
func (s *postgresSession) load(ctx context.Context, t *table, rows [][]value) error {
	if err := s.flush(ctx); err != nil {
		return err
	}
	var b strings.Builder
	for _, row := range rows {
		for i, v := range row {
			if i > 0 {
				b.WriteByte('\t')
			}
			if v.null {
				b.WriteString(`\N`)
			} else {
				b.WriteString(copyEscapes.Replace(v.text))
			}
		}
		b.WriteByte('\n')
	}
	if _, err := s.conn.PgConn().CopyFrom(ctx, strings.NewReader(b.String()), "COPY "+t.Name+" FROM STDIN"); err != nil {
		return fmt.Errorf("copy rows: %w", err)
	}
	return nil
}

var copyEscapes = strings.NewReplacer(`\`, `\\`, "\t", `\t`, "\n", `\n`, "\r", `\r`)

func (s *postgresSession) close() {
	_ = s.conn.Close(context.Background()) // its transactions have ended
}
