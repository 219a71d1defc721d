package postgres

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
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
	if errors.As(err, &pg) && pg.Code != "" {
		return classifyServer(doing, pg)
	}
	if refusesTLS(err) {
		return failure.Stop("turn ssl on at the server; or, if you trust the network, say sslmode=disable in the source URL",
			"%s: the server does not speak TLS", doing)
	}
	if isPermanentTLS(err) {
		return failure.StopFrom(err, "give the server's CA with sslrootcert=, or say sslmode= in the URL", "%s: the server's certificate was refused", doing)
	}
	return failure.Retry(fmt.Errorf("%s: %w", doing, connecting(err)))
}

// connecting returns what pgconn says of a connection that was not made, on
// one line and without its prefix.
func connecting(err error) error {
	var connect *pgconn.ConnectError
	if !errors.As(err, &connect) {
		return err
	}
	at := net.JoinHostPort(connect.Config.Host, strconv.Itoa(int(connect.Config.Port)))
	if pgconn.Timeout(err) {
		return fmt.Errorf("nothing that answers as Postgres does was met at %s within %s", at, connectTimeout)
	}
	if isForeign(err) {
		return fmt.Errorf("what answers at %s does not speak the protocol of Postgres", at)
	}
	return &oneLineError{connect.Unwrap()}
}

// isForeign reports whether bytes have come that are no message of Postgres, as
// from a MySQL. pgconn has no error of its own for that.
func isForeign(err error) bool {
	var pg *pgconn.PgError // without a SQLSTATE
	var network net.Error
	text := err.Error()
	received := strings.Contains(text, "failed to receive message") || strings.Contains(text, "received unexpected message")
	return errors.As(err, &pg) || received && !errors.As(err, &network) && !errors.Is(err, io.ErrUnexpectedEOF)
}

// A oneLineError is several attempts, of which each has a line in pgconn's text.
type oneLineError struct{ err error }

func (e *oneLineError) Error() string { return strings.ReplaceAll(e.err.Error(), "\n", ", ") }
func (e *oneLineError) Unwrap() error { return e.err }

// classifyServer sorts by SQLSTATE (appendix "PostgreSQL Error Codes").
func classifyServer(doing string, pg *pgconn.PgError) error {
	said := fmt.Errorf("%s (SQLSTATE %s)", pg.Message, pg.Code)
	switch {
	case pg.Code == "55006", // somebody reads the slot
		strings.HasPrefix(pg.Code, "57P"), // the server shuts down, crashed, or starts
		strings.HasPrefix(pg.Code, "08"),  // connection exceptions
		strings.HasPrefix(pg.Code, "53"),  // too many connections, out of memory
		strings.HasPrefix(pg.Code, "40"),  // serialization, deadlock
		pg.Code == "55P03", pg.Code == "57014":
		return failure.Retry(fmt.Errorf("%s: %w", doing, said))
	case strings.HasPrefix(pg.Code, "28"):
		return failure.StopFrom(said, "check user and password of the source URL, and pg_hba.conf for this host", "%s: the server refused the login", doing)
	case pg.Code == "3D000":
		return failure.StopFrom(said, "check the database at the end of the source URL", "%s: there is no such database", doing)
	case pg.Code == "42501":
		return failure.StopFrom(said, "grant what is missing", "%s: permission denied", doing)
	case pg.Code == "55000" && strings.Contains(pg.Message, "slot"):
		return failure.StopFrom(fmt.Errorf("%w: %w", capture.ErrLost, said), lostHint, "%s", doing)
	case pg.Code == "42704" && strings.Contains(pg.Routine, "publication"):
		return failure.StopFrom(fmt.Errorf("%w: %w", capture.ErrLost, said), lostHint, "%s: the publication was dropped", doing)
	}
	return failure.StopFrom(said, "", "%s", doing)
}

// lostHint is what remains when the log since the checkpoint is gone. --from now
// would do nothing if the first start had it too, and without the checkpoint the
// epoch would begin anew.
const lostHint = "changes since the checkpoint can't be read any more: copy the tables again, then run: tailrace position set now"

// lost is the error for a place that the server can't give any more.
func lost(format string, args ...any) error { return lostFor(lostHint, format, args...) }

// lostFor is lost where something else remains to be done.
func lostFor(hint, format string, args ...any) error {
	return failure.StopFrom(capture.ErrLost, hint, format, args...)
}

// refusesTLS reports whether the server answered that it has no TLS. pgconn has
// no error of its own for that.
func refusesTLS(err error) bool {
	var connect *pgconn.ConnectError
	return errors.As(err, &connect) && strings.Contains(connect.Error(), "server refused TLS connection")
}

func isPermanentTLS(err error) bool {
	var unknown x509.UnknownAuthorityError
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	return errors.As(err, &unknown) || errors.As(err, &host) || errors.As(err, &invalid)
}
