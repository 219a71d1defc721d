package mysql

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"github.com/go-mysql-org/go-mysql/mysql"

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
	var retry *failure.RetryError
	if errors.As(err, &stop) || errors.As(err, &retry) {
		return err
	}
	if my := serverError(err); my != nil {
		return classifyServer(doing, my)
	}
	if cause := certificateError(err); cause != nil {
		return failure.StopFrom(cause, "give the server's CA with tls_ca= in the source URL; or, if you trust the network, say tls=require (encrypted, nobody verified)", "%s: the server's certificate was refused", doing)
	}
	text := err.Error()
	if strings.Contains(text, "does not support TLS") {
		return failure.Stop("give the server a certificate; or, if you trust the network, say tls=disable in the source URL",
			"%s: the server does not speak TLS", doing)
	}
	if strings.Contains(text, "auth plugin") {
		return failure.Stop("give the user the plugin caching_sha2_password, mysql_native_password or ed25519",
			"%s: the server asks for a kind of login that is not supported", doing)
	}
	if isTimeout(err) {
		return failure.Retry(fmt.Errorf("%s: the server did not answer within %s", doing, answerTimeout))
	}
	if errors.Is(err, mysql.ErrBadConn) {
		return failure.Retry(fmt.Errorf("%s: the connection broke", doing))
	}
	return failure.Retry(fmt.Errorf("%s: %w", doing, err))
}

// serverError returns the server's own error in err, or nil.
func serverError(err error) *mysql.MyError {
	var my *mysql.MyError
	if errors.As(err, &my) {
		return my
	}
	return nil
}

// A saidError is an error of the server as people read it.
type saidError struct{ err *mysql.MyError }

func (e saidError) Error() string {
	return fmt.Sprintf("%s (error %d)", strings.TrimSpace(e.err.Message), e.err.Code)
}
func (e saidError) Unwrap() error { return e.err }

// classifyServer sorts by the number of the error (MySQL, "Server Error Message
// Reference"; MariaDB, "MariaDB Error Codes").
func classifyServer(doing string, my *mysql.MyError) error {
	said := saidError{my}
	switch my.Code {
	case 1236: // whatever ends a dump
		return classifyDump(doing, my.Message, said)
	case 1944, 4052: // ER_SLAVE_SAME_ID
		return clash(doing)
	case 1037, 1038, 1041, // out of memory
		1040, 1203, 1226, // too many connections or queries
		1053, 1077, 1078, 1079, 1080, // the server shuts down
		1152, 1153, 1154, 1158, 1159, 1160, 1161, 1184, // the network
		1205, 1213, // a lock, a deadlock
		1317, 1927, 1969, 3024, // killed, took too long
		2006, 2013, 3032, 4031: // gone away, offline mode, idle for too long
		return failure.Retry(fmt.Errorf("%s: %w", doing, said))
	case 1045, 1698, 1130, 1129, 1251, 1820, 1862, 3118, 3955, 4151:
		return failure.StopFrom(said, "check user and password of the source URL, and from which hosts the user may come"+capture.OrSetup, "%s: the server refused the login", doing)
	case 3159:
		return failure.StopFrom(said, "leave tls=disable out of the source URL", "%s: the server wants TLS", doing)
	case 1044:
		return failure.StopFrom(said, "check the database in the source URL, or GRANT SELECT ON it", "%s: permission denied", doing)
	case 1142, 1143, 1227, 1370:
		return failure.StopFrom(said, "grant what is missing", "%s: permission denied", doing)
	case 1049:
		return failure.StopFrom(said, "check the database at the end of the source URL", "%s: there is no such database", doing)
	}
	if strings.Contains(my.Message, "insecure transport") { // MariaDB has a number for it only lately
		return failure.StopFrom(said, "leave tls=disable out of the source URL", "%s: the server wants TLS", doing)
	}
	return failure.StopFrom(said, unknownHint, "%s", doing)
}

// unknownHint is for what the server says and nobody has foreseen.
const unknownHint = "see the server's error log, and its manual for what it says"

// What the server says when it can't give the log from a place on, in small
// letters. MySQL says source and replica since 8.0.26, MariaDB master and slave.
var gone = []string{
	"purged",                                // also: has purged required binary logs
	"could not find first log file name",    // and "first log"
	"could not find first log",              //
	"could not find next log",               // purged while it was read
	"position > file size",                  // the log was cut, by a crash or a restored copy
	"impossible position",                   //
	"i/o error reading log event",           // the log was begun anew while it was read
	"more gtids than",                       // the server lost transactions
	"which is not in the master's binlog",   // MariaDB
	"is missing the gtid",                   //
	"could not find gtid state requested",   //
	"has diverged",                          //
	"not in the binlog of the master",       //
	"inconsistency in domains requested by", //
}

// classifyDump sorts what a dump ended with: one number stands for everything,
// so that the text must do (MySQL: rpl_binlog_sender.cc; MariaDB: sql_repl.cc).
func classifyDump(doing, message string, said error) error {
	text := strings.ToLower(message)
	switch {
	case strings.Contains(text, "same server_uuid/server_id"):
		return clash(doing)
	case strings.Contains(text, "max_allowed_packet"):
		return failure.StopFrom(said, "raise max_allowed_packet at the server to 1 GiB", "%s: an event is larger than the server may send", doing)
	case strings.Contains(text, "binary log is not open"):
		return failure.StopFrom(said, "start the server with log_bin", "%s: the server writes no binlog", doing)
	case strings.Contains(text, "gtid_mode"):
		return failure.StopFrom(said, "set gtid_mode=ON at the server, or use file positions", "%s: the server has no GTIDs", doing)
	case strings.Contains(text, "crc check"), strings.Contains(text, "bogus data"), strings.Contains(text, "truncated in the middle"):
		return failure.StopFrom(said, "check the server's disk", "%s: the server can't read its own binlog", doing)
	case strings.Contains(text, "memory allocation failed"), strings.Contains(text, "failed on my_net_write"), strings.Contains(text, "failed on flush_net"):
		return failure.Retry(fmt.Errorf("%s: %w", doing, said))
	}
	for _, form := range gone {
		if strings.Contains(text, form) {
			return failure.StopFrom(fmt.Errorf("%w: %w", capture.ErrLost, said), lostHint, "%s", doing)
		}
	}
	return failure.StopFrom(said, unknownHint, "%s", doing)
}

// clash is what the older of two replicas of one identity meets: the server
// drops it. If it came again it would drop the other one, and so on.
func clash(doing string) error {
	return failure.Fenced("see SHOW REPLICAS or SHOW SLAVE HOSTS at the server: give each pipeline its own name, or its own server_id",
		"%s: another replica with our server_id has connected to the server", doing)
}

// lostHint is what remains when the log since the checkpoint is gone. --from now
// would do nothing if the first start had it too, and without the checkpoint the
// epoch would begin anew.
const lostHint = "changes since the checkpoint can't be read any more; " + anewHint

// anewHint is how a pipeline goes on at another place. The copy comes after the
// place is set, so that no change is in neither.
const anewHint = "run: tailrace position set now; then copy the tables again, and start"

// lost is the error for a place that the server can't give any more.
func lost(format string, args ...any) error { return lostFor(lostHint, format, args...) }

// lostFor is lost where something else remains to be done.
func lostFor(hint, format string, args ...any) error {
	return failure.StopFrom(capture.ErrLost, hint, format, args...)
}

// readError reads the packet of an error ("ERR_Packet"), which has at least
// three bytes.
func readError(b []byte) *mysql.MyError {
	my := &mysql.MyError{Code: binary.LittleEndian.Uint16(b[1:])}
	b = b[3:]
	if len(b) >= 6 && b[0] == '#' {
		my.State, b = string(b[1:6]), b[6:]
	}
	my.Message = string(b)
	return my
}
