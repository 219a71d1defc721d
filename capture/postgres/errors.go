package postgres

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/failure"
)

// classify gives an error of the server or the network its class. doing says
// what was tried.
func classify(doing string, err error) error {
	if err == nil || errors.Is(err, context.Canceled) {
		return err
	}
	var stop *failure.StopError
	if errors.As(err, &stop) {
		return err
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return classifyServer(doing, pg)
	}
	if isPermanentTLS(err) {
		return failure.StopFrom(err, "give the server's CA with sslrootcert=, or say sslmode= in the URL", "%s: the server's certificate was refused", doing)
	}
	return failure.Retry(fmt.Errorf("%s: %w", doing, err))
}

// classifyServer sorts by SQLSTATE (appendix "PostgreSQL Error Codes").
func classifyServer(doing string, pg *pgconn.PgError) error {
	said := fmt.Errorf("%s (SQLSTATE %s)", pg.Message, pg.Code)
	switch {
	case pg.Code == "55006":
		// The slot's last reader may be about to notice that it is dead.
		return failure.Retry(&slotActiveError{said})
	case strings.HasPrefix(pg.Code, "57P"), // the server shuts down, crashed, or starts
		strings.HasPrefix(pg.Code, "08"), // connection exceptions
		strings.HasPrefix(pg.Code, "53"), // too many connections, out of memory
		strings.HasPrefix(pg.Code, "40"), // serialization, deadlock
		pg.Code == "55P03", pg.Code == "57014":
		return failure.Retry(fmt.Errorf("%s: %w", doing, said))
	case strings.HasPrefix(pg.Code, "28"):
		return failure.StopFrom(said, "check user and password of the source URL, and pg_hba.conf for this host", "%s: the server refused the login", doing)
	case pg.Code == "3D000":
		return failure.StopFrom(said, "check the database at the end of the source URL", "%s: there is no such database", doing)
	case pg.Code == "42501":
		return failure.StopFrom(said, "grant what is missing", "%s: permission denied", doing)
	case pg.Code == "55000" && strings.Contains(pg.Message, "slot"):
		return failure.StopFrom(errors.Join(capture.ErrLost, said), lostHint, "%s", doing)
	}
	return failure.StopFrom(said, "", "%s", doing)
}

// lostHint is what remains when the log since the checkpoint is gone.
const lostHint = "changes since the checkpoint can't be read any more: copy the tables again, then start with --from now"

// lost is the error for a place that the server can't give any more.
func lost(format string, args ...any) error {
	return failure.StopFrom(capture.ErrLost, lostHint, format, args...)
}

// A slotActiveError says that somebody else reads from the slot.
type slotActiveError struct{ error }

func isPermanentTLS(err error) bool {
	var unknown x509.UnknownAuthorityError
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	return errors.As(err, &unknown) || errors.As(err, &host) || errors.As(err, &invalid)
}
