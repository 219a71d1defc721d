package postgres

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
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
		if refused := refusedParameter(err, pg); refused != nil {
			return failure.StopFrom(refused, "check the parameters of the URL, behind its ?", "%s", doing)
		}
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

// refusedParameter returns the error for a parameter of the URL that the server
// does not take, nil if it is another one. The server quotes the value, which may
// be a secret that got there; it is left out.
func refusedParameter(err error, pg *pgconn.PgError) error {
	var connect *pgconn.ConnectError
	if !errors.As(err, &connect) {
		return nil
	}
	switch pg.Code {
	case "22023": // a value
		found := "options"
		for name := range connect.Config.RuntimeParams {
			if strings.Contains(pg.Message, `"`+name+`"`) {
				found = name
			}
		}
		return fmt.Errorf("invalid value for parameter %q (SQLSTATE %s)", found, pg.Code)
	case "42704": // a name
		return fmt.Errorf("%s (SQLSTATE %s)", pg.Message, pg.Code)
	}
	return nil
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

// shownBytes are those of a row in an error of the classes 22021 and 22P05.
var shownBytes = regexp.MustCompile(`0x[0-9a-f]{2}( 0x[0-9a-f]{2})*`)

// classifyServer sorts by SQLSTATE (appendix "PostgreSQL Error Codes").
func classifyServer(doing string, pg *pgconn.PgError) error {
	// Of a text that it can't convert, the server shows the bytes.
	said := fmt.Errorf("%s (SQLSTATE %s)", shownBytes.ReplaceAllString(pg.Message, "…"), pg.Code)
	switch {
	case pg.Code == "55006", // somebody reads the slot
		strings.HasPrefix(pg.Code, "57P"), // the server shuts down, crashed, or starts
		strings.HasPrefix(pg.Code, "08"),  // connection exceptions
		strings.HasPrefix(pg.Code, "53"),  // too many connections, out of memory
		strings.HasPrefix(pg.Code, "40"),  // serialization, deadlock
		pg.Code == "55P03", pg.Code == "57014":
		return failure.Retry(fmt.Errorf("%s: %w", doing, said))
	case strings.HasPrefix(pg.Code, "28"):
		return failure.StopFrom(said, "check user and password of the source URL, and pg_hba.conf for this host"+capture.OrSetup, "%s: the server refused the login", doing)
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
const lostHint = "changes since the checkpoint can't be read any more; run: " + anewHint

// anewHint is how a pipeline goes on at another place. The copy comes after the
// place is set, so that no change is in neither.
const anewHint = "tailrace position set now; then copy the tables again, and start"

// setupHint goes before anewHint where a slot is to be made that Tailrace may not
// make.
const setupHint = "tailrace setup --apply, which makes the slot; then "

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
