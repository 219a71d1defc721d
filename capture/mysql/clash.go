package mysql

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"time"

	"github.com/go-mysql-org/go-mysql/client"
	"go.uber.org/zap"

	"github.com/tailrace/tailrace/internal/failure"
)

// A registered is a replica that the server knows of.
type registered struct {
	id   uint32
	host string
}

// replicas lists them, and nothing where the user may not ask.
func (s *Source) replicas(c *client.Conn) ([]registered, error) {
	statement := "SHOW SLAVE HOSTS"
	if !s.server.MariaDB && versionNumber(s.server.Version) >= 8_00_22 {
		statement = "SHOW REPLICAS"
	}
	records, err := queryRecords(c, statement)
	if isDenied(err) {
		return nil, nil
	}
	var all []registered
	for _, r := range records {
		id, _ := strconv.ParseUint(r["server_id"], 10, 32)
		all = append(all, registered{uint32(id), r["host"]})
	}
	return all, err
}

// isDenied reports whether an error says that a privilege is missing.
func isDenied(err error) bool {
	my := serverError(err)
	if my == nil {
		return false
	}
	switch my.Code {
	case 1044, 1045, 1142, 1227:
		return true
	}
	return false
}

// lockName is of the lock that a dump's connection holds as long as it lives.
// Two replicas with one server_id would throw each other out for ever, and a
// MariaDB would not even say why (GET_LOCK needs no privilege, and no table).
func lockName(serverID uint32) string {
	return "tailrace server_id " + strconv.FormatUint(uint64(serverID), 10)
}

// claimLock is of the lock that a dump's connection holds beside that, for those
// under the same claim to know it by. Without a claim it is our own.
func (s *Source) claimLock() string {
	if s.cfg.Claim == nil || s.cfg.Claim() == "" {
		return s.target.own
	}
	sum := sha256.Sum256([]byte(s.cfg.Claim()))
	return "tailrace claim " + hex.EncodeToString(sum[:16])
}

// holder returns the server's number of the connection that holds the lock of our
// server_id, 0 if there is none or the server has no such locks. own says that it
// is one of ours: it holds the lock of our own name too. Its number alone would not
// do, since a server that was started again gives the same ones to others. former
// says that it is of the same claim: ours, or a predecessor's.
func (s *Source) holder(c *client.Conn) (id uint64, own, former bool, err error) {
	r, err := first(queryRecords(c, "SELECT IS_USED_LOCK('"+lockName(s.cfg.ServerID)+"') AS id, IS_USED_LOCK('"+s.target.own+"') AS own, IS_USED_LOCK('"+s.claimLock()+"') AS claim"))
	if serverError(err) != nil {
		return 0, false, false, nil // a cluster that refuses such locks: there the server's own ways remain
	}
	id, _ = strconv.ParseUint(r["id"], 10, 64)
	return id, id != 0 && r["own"] == r["id"], id != 0 && r["claim"] == r["id"], err
}

// release ends the connection of the last stream at the server's side. Left
// alone the server would notice only when it has something to say, and the next
// reader would have to wait for that.
func (s *Source) release() {
	if !s.target.read.Load() {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	// One may always kill what is one's own. If it fails, takeLock tries again.
	_ = s.ask(ctx, "end the last stream", func(c *client.Conn) error {
		id, own, _, err := s.holder(c)
		if err != nil || !own {
			return err
		}
		return execute(c, "KILL "+strconv.FormatUint(id, 10))
	})
}

// alone waits until no other connection reads the log as us. A predecessor that
// died without a word is there until the server's next heartbeat to it fails.
func (s *Source) alone(ctx context.Context) error {
	deadline := time.Now().Add(s.cfg.SlotWait)
	for told := false; ; told = true {
		var id uint64
		var former bool
		err := s.ask(ctx, "look for another one with our server_id", func(c *client.Conn) (err error) {
			id, _, former, err = s.holder(c)
			return err
		})
		if err != nil || id == 0 || former { // takeLock ends it
			return err
		}
		if time.Now().After(deadline) {
			return failure.Fenced(fmt.Sprintf("stop the other one: SHOW REPLICAS (SHOW SLAVE HOSTS) and connection %d in SHOW PROCESSLIST say who it is; "+
				"if its host is gone without a word, KILL %d; or give each pipeline its own name", id, id),
				"another one reads the log with our server_id %d", s.cfg.ServerID)
		}
		if !told {
			s.cfg.Log.Info("waiting for the other one with our server_id to end", zap.Uint32("server_id", s.cfg.ServerID), zap.Uint64("connection", id))
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// reportHost is how our replica calls itself, so that people find it in SHOW
// REPLICAS.
func reportHost(name string) string { return "tailrace-" + name }
