package mysql

import (
	"time"

	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture/mysql/values"
)

// The names of the two kinds of server in events and checkpoints.
const (
	MySQL   = "mysql"
	MariaDB = "mariadb"
)

// Config says what to capture. The zero values of the rest are the defaults.
type Config struct {
	Name   string   // of the pipeline; server_id and uuid of the replica follow from it
	URL    string   // mysql://user:password@host:3306/database or mariadb://…; a secret
	Tables []string // patterns: database.name, *, and ! for exclusions; none: every user table
	// ServerID is that of the replica that Tailrace is to the server; 0: from
	// Name.
	ServerID uint32
	// Claim returns the name of what only one instance of the pipeline holds at a
	// time, and this one from Locate on: who reads the log under the same claim is a
	// predecessor that has lost it, and is ended. nil or "": there is none, and
	// another reader is waited for.
	Claim func() string
	// Positions says what positions are made of: AutoPositions, GTIDPositions
	// or FilePositions.
	Positions string
	Values    values.Options
	MaxRow    int           // longest row event that is read, in bytes; 0: 32 MiB
	Memory    int           // bytes of a prepared transaction that are held before they are spilled; 0: 16 MiB
	SpillDir  string        // for compressed and prepared transactions that are larger; "": the system's
	SlotWait  time.Duration // how long to wait for a predecessor with our server_id; 0: 15 s
	Log       *zap.Logger   // nil: none
}

// The choices of Config.Positions.
const (
	AutoPositions = "auto" // GTIDs where the server has them for every transaction, else files
	GTIDPositions = "gtid" // refused where it hasn't
	FilePositions = "file" // always files: no failover to another server
)
