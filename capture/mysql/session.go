package mysql

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/go-mysql-org/go-mysql/client"
	"github.com/go-mysql-org/go-mysql/mysql"

	"github.com/tailrace/tailrace/internal/failure"
)

const (
	// heartbeat is how often the server says something while the log is still,
	// and silence how long it may say nothing at all.
	heartbeat = 5 * time.Second
	silence   = 30 * time.Second
	// soon is the heartbeat of a start by GTIDs alone: the first says where that is.
	soon = 500 * time.Millisecond

	// hostnameMax is how much of a name a server takes that registers a replica.
	hostnameMax = 59
)

// A dumper is how Tailrace looks to the server: as one that asks for the log.
type dumper struct {
	target    *target
	name      string // of the pipeline
	id        uint32 // server_id
	lock      string // taken while the log is read; "": none
	claim     string // another, of all who read under the same claim
	max       int    // longest event that is read whole
	heartbeat time.Duration
	silence   time.Duration
}

func (s *Source) dumper() *dumper {
	return &dumper{
		target: s.target, name: s.cfg.Name, id: s.cfg.ServerID, lock: lockName(s.cfg.ServerID), claim: s.claimLock(),
		max: s.cfg.MaxRow, heartbeat: min(heartbeat, s.idle), silence: silence,
	}
}

// dump asks for the log behind a position: see dumper.dump.
func (s *Source) dump(ctx context.Context, at position) (*wire, error) {
	return s.dumper().dump(ctx, at)
}

// probe looks at the log from a place on: see dumper.probe.
func (s *Source) probe(ctx context.Context, file string, offset uint64, each func(f frame, end uint64) (more bool, err error)) error {
	return s.dumper().probe(ctx, file, offset, each)
}

// uuid is that of the replica. The server drops a connection when another one
// comes with the same.
func (r *dumper) uuid() string {
	sum := sha256.Sum256(binary.BigEndian.AppendUint32([]byte("tailrace replica "+r.name), r.id))
	sum[6] = sum[6]&0x0f | 0x80 // version 8: the rest is our own affair
	sum[8] = sum[8]&0x3f | 0x80
	h := hex.EncodeToString(sum[:16])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// program is what the server's list of sessions shows.
func (r *dumper) program() string { return "tailrace " + r.name }

// prepare settles what the server reads from the session when a dump begins
// (MySQL: rpl_binlog_sender.cc; MariaDB: sql_repl.cc). Names are those of all
// versions, each of which knows its own.
func (r *dumper) prepare(c *client.Conn, at position, id uint32) error {
	beat := r.heartbeat
	if at.byGTID && at.file == "" {
		beat = min(beat, soon)
	}
	period := beat.Nanoseconds()
	statements := []string{
		// Always: the server leaves out the sums of events that have none, and
		// takes those off that have some from a replica that does not ask.
		"SET @source_binlog_checksum = 'CRC32', @master_binlog_checksum = 'CRC32'",
		fmt.Sprintf("SET @source_heartbeat_period = %d, @master_heartbeat_period = %d", period, period),
		// A sink that is slow for a while must not end the connection.
		"SET SESSION net_write_timeout = 3600, SESSION net_read_timeout = 3600",
	}
	if id != 0 {
		statements = append(statements, fmt.Sprintf("SET @replica_uuid = '%s', @slave_uuid = '%s'", r.uuid(), r.uuid()))
	}
	if r.target.mariadb {
		statements = append(statements, "SET @mariadb_slave_capability = 4") // it knows GTIDs
		if at.byGTID {
			statements = append(statements, fmt.Sprintf("SET @slave_connect_state = '%s', @slave_gtid_strict_mode = 0, @slave_gtid_ignore_duplicates = 0", at.list))
		}
	}
	return execute(c, statements...)
}

// takeLock takes the lock of our server_id, which ends with the connection. A
// server that has no such locks is content without.
func (r *dumper) takeLock(c *client.Conn) error {
	if r.lock == "" {
		return nil
	}
	r.target.read.Store(true)
	rows, err := query(c, "SELECT GET_LOCK('"+r.lock+"', 0), IS_USED_LOCK('"+r.lock+"'), IS_USED_LOCK('"+r.claim+"')")
	if err == nil && len(rows) == 1 && rows[0][0] == "0" {
		if rows[0][1] == "" || rows[0][1] != rows[0][2] {
			return r.errTaken()
		}
		// Our own last connection is broken, and the server does not know it yet;
		// or a predecessor has lost the pipeline and may not know it either. A user
		// may end what is theirs.
		_, _ = c.Execute("KILL " + rows[0][1]) // it may have ended meanwhile
		rows, err = query(c, "SELECT GET_LOCK('"+r.lock+"', 5)")
		if err == nil && len(rows) == 1 && rows[0][0] == "0" {
			return r.errTaken()
		}
	}
	if err == nil {
		// By these holder knows this connection again.
		_, err = query(c, "SELECT GET_LOCK('"+r.target.own+"', 5), GET_LOCK('"+r.claim+"', 5)")
	}
	if serverError(err) != nil {
		return nil
	}
	return err
}

func (r *dumper) errTaken() error {
	return failure.Retry(fmt.Errorf("another connection reads the log with our server_id %d", r.id))
}

// register makes the replica known, so that SHOW REPLICAS lists it
// (COM_REGISTER_SLAVE).
func (r *dumper) register(c *client.Conn) error {
	host := r.host()
	b := binary.LittleEndian.AppendUint32(command(mysql.COM_REGISTER_SLAVE), r.id)
	b = append(append(b, byte(len(host))), host...)
	b = append(b, 0, 0)                                // user and password
	b = append(b, 0, 0)                                // port
	b = append(b, 0, 0, 0, 0)                          // rank
	b = binary.LittleEndian.AppendUint32(b, uint32(0)) // the server's own id
	c.ResetSequence()
	if err := c.WritePacket(b); err != nil {
		return err
	}
	_, err := c.ReadOKPacket()
	return err
}

// host is the name by which the server lists the replica.
func (r *dumper) host() string {
	host := reportHost(r.name)
	return host[:min(len(host), hostnameMax)]
}

// command begins the packet of a command; the length is filled in when it is
// written.
func command(kind byte) []byte { return []byte{0, 0, 0, 0, kind} }

// open connects, settles the session and registers unless id is 0.
func (r *dumper) open(ctx context.Context, at position, id uint32) (*client.Conn, error) {
	c, err := r.target.connect(ctx, r.program())
	if err != nil {
		return nil, err
	}
	err = within(ctx, c, func() error {
		if err := r.prepare(c, at, id); err != nil || id == 0 {
			return err
		}
		if err := r.takeLock(c); err != nil {
			return err
		}
		return r.register(c)
	})
	if err != nil {
		_ = c.Close()
		return nil, classify("connect for replication", err)
	}
	return c, nil
}
