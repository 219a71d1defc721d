package config

import (
	"strings"
	"time"

	"github.com/tailrace/tailrace/transform"
)

// A Config is the whole configuration of one pipeline, complete and checked.
// Load makes it; nobody changes it afterwards, so any goroutine may read it. It
// may be printed: what is secret in it is a Secret.
type Config struct {
	Name       string // of the pipeline: 1 to 40 of a-z 0-9 _
	Source     Source
	Snapshot   Snapshot
	Publish    Publish
	Checkpoint Checkpoint
	Limits     Limits
	Admin      Admin
	Log        Log
	Values     Values

	From  string // start here instead of at the checkpoint: position, earliest, now, time:RFC3339; "" if not asked for
	Until string // stop there: position or now; "" for never

	// Warnings are sentences about what is allowed and unwise. The command
	// logs each of them once; they hold no secret.
	Warnings []string
}

// A Source says what is captured.
type Source struct {
	URL        Secret   // postgres://user:password@host:port/database, mysql:// and mariadb:// likewise
	Kind       string   // SourcePostgres, SourceMySQL or SourceMariaDB, by the URL's scheme
	Tables     []string // globs, exclusions with a leading !; nil for every user table
	InsertOnly []string // names or globs of tables of which only inserts are captured
	Snapshot   string   // SnapshotInitial, SnapshotNever or SnapshotOnly
	Postgres   Postgres
	MySQL      MySQL
}

// The kinds of Source.Kind.
const (
	SourcePostgres = "postgres"
	SourceMySQL    = "mysql"
	SourceMariaDB  = "mariadb"
)

// Postgres holds what only a Postgres source has.
type Postgres struct {
	Slot        string // of logical replication; from the pipeline's name unless given
	Publication string // likewise
	Create      bool   // slot and publication are made when they are missing
}

// MySQL holds what only a MySQL or MariaDB source has.
type MySQL struct {
	ServerID  uint32 // of the replica that Tailrace is to the server; 0: from the pipeline's name
	Positions string // PositionsAuto, PositionsGTID or PositionsFile
}

// The choices of MySQL.Positions.
const (
	PositionsAuto = "auto" // GTIDs where the server has them for every transaction, else files
	PositionsGTID = "gtid"
	PositionsFile = "file"
)

// The modes of Source.Snapshot.
const (
	SnapshotInitial = "initial" // copy tables that were never copied while the log is followed
	SnapshotNever   = "never"   // only follow the log; copies are made when they are asked for
	SnapshotOnly    = "only"    // as SnapshotInitial, and end when they are copied
)

// Snapshot says how gently tables are copied.
type Snapshot struct {
	Connections   int           // to read on, beside those that follow the log
	RowsPerSecond int           // at most so many rows are read per second, of all tables; 0: no limit
	Chunk         time.Duration // how long the read of a chunk should take
	MaxLag        time.Duration // no chunk is begun while the stream or a replica is farther behind
}

// Publish says where events go.
type Publish struct {
	URL    string // as given, with references replaced
	Sink   string // SinkKafka, SinkKinesis, SinkStdout, SinkFile or SinkDiscard
	Dir    string // folder of SinkFile, "" for the others
	Topic  *transform.Topic
	Format string // FormatNative
	// Truncate is TruncateInline or TruncateControl.
	Truncate string

	// What sinks have that keep an order in partitions or lanes.
	Partition        string   // PartitionTable, PartitionKey, PartitionTransaction or PartitionColumns
	PartitionColumns []string // of PartitionColumns
	DeadLetter       string   // topic or stream for events that are too large for their own; "" to stop

	Kafka   Kafka
	Kinesis Kinesis
}

// The choices of Publish.Partition.
const (
	PartitionTable       = "table"
	PartitionKey         = "key"
	PartitionTransaction = "transaction"
	PartitionColumns     = "columns"
)

// The choices of Publish.Truncate.
const (
	TruncateInline  = "inline"  // in the table's topic, in its place among the other events
	TruncateControl = "control" // in a topic for all tables
)

// The sinks of Publish.Sink.
const (
	SinkKafka   = "kafka"
	SinkKinesis = "kinesis"
	SinkStdout  = "stdout"
	SinkFile    = "file"
	SinkDiscard = "discard"
)

// FormatNative is the format of docs/events.md.
const FormatNative = "native"

// Checkpoint says where and how often the place in the log is kept.
type Checkpoint struct {
	URL      string        // as given, with references and {name} replaced
	Path     string        // of the file that URL names, "" for a checkpoint in Kafka
	Interval time.Duration // least time between two saves, or between transactions
}

// Limits bound the daemon.
type Limits struct {
	Memory   Size          // ceiling on the bytes held
	Drain    time.Duration // longest flush after SIGTERM
	SpillDir string        // for what is too large for memory; "": the system's for temporary files
}

// Admin says where a running daemon tells what it does.
type Admin struct {
	Listen string // host:port, or "" for nowhere
	EMF    bool   // metrics go to stdout too, as CloudWatch reads them
	// Snapshots is SnapshotsLocal or SnapshotsAnywhere: who may ask for copies there.
	Snapshots string
}

// The choices of Admin.Snapshots.
const (
	SnapshotsLocal    = "local"    // whoever connects from a loopback address
	SnapshotsAnywhere = "anywhere" // whoever can connect
)

// Log says what the daemon writes about itself.
type Log struct {
	Level  string // debug, info, warn or error
	Format string // console or json; "" for console on a terminal and json elsewhere
}

// Values chooses between forms of values in events.
type Values struct {
	JSON        string // JSONEmbed or JSONText
	Infinity    string // InfinityText or InfinityNull
	InvalidText string // InvalidTextStop or InvalidTextReplace
	ZeroDates   string // ZeroDatesText or ZeroDatesNull
}

// The choices of Values.
const (
	JSONEmbed          = "embed"   // JSON stands in the event as JSON
	JSONText           = "text"    // JSON stands in the event as a string
	InfinityText       = "text"    // infinite dates are strings
	InfinityNull       = "null"    // infinite dates are null
	InvalidTextStop    = "stop"    // text without a UTF-8 form stops the daemon
	InvalidTextReplace = "replace" // text without a UTF-8 form has U+FFFD in its place
	ZeroDatesText      = "text"    // dates with zeros in them are strings
	ZeroDatesNull      = "null"    // dates with zeros in them are null
)

// Default returns the configuration of somebody who has set nothing. It lacks
// what has no default: Source.URL and Publish.URL.
func Default() Config {
	c := constants()
	c.derive()
	return c
}

// constants returns the defaults without what follows from the pipeline's name,
// which may yet be given.
func constants() Config {
	topic, err := transform.ParseTopic(transform.DefaultTopic)
	if err != nil {
		panic("config: the default topic: " + err.Error())
	}
	return Config{
		Name: "tailrace",
		Source: Source{
			Snapshot: SnapshotInitial,
			Postgres: Postgres{Create: true},
			MySQL:    MySQL{Positions: PositionsAuto},
		},
		Snapshot: Snapshot{Connections: 2, Chunk: time.Second, MaxLag: 10 * time.Second},
		Publish: Publish{
			Topic: topic, Format: FormatNative, Truncate: TruncateInline, Partition: PartitionTable,
			Kafka: Kafka{Compression: "snappy"}, Kinesis: Kinesis{Packing: PackingLines},
		},
		Checkpoint: Checkpoint{Interval: time.Second},
		Limits:     Limits{Memory: 256 << 20, Drain: 25 * time.Second},
		Admin:      Admin{Listen: defaultListen, Snapshots: SnapshotsLocal},
		Log:        Log{Level: "info"},
		Values:     Values{JSON: JSONEmbed, Infinity: InfinityText, InvalidText: InvalidTextStop, ZeroDates: ZeroDatesText},
	}
}

// derive fills in what follows from the pipeline's name.
func (c *Config) derive() {
	own := "tailrace_" + c.Name
	if c.Name == "tailrace" {
		own = c.Name
	}
	if c.Source.Postgres.Slot == "" {
		c.Source.Postgres.Slot = own
	}
	if c.Source.Postgres.Publication == "" {
		c.Source.Postgres.Publication = own
	}
	switch {
	case c.Checkpoint.URL == "" && c.Publish.Kafka.ExactlyOnce:
		c.Checkpoint.URL = checkpointKafka
	case c.Checkpoint.URL == "":
		c.Checkpoint.Path = "./tailrace-{name}.json"
		c.Checkpoint.URL = "file:" + c.Checkpoint.Path
	}
	c.Checkpoint.Path = strings.ReplaceAll(c.Checkpoint.Path, "{name}", c.Name)
	c.Checkpoint.URL = strings.ReplaceAll(c.Checkpoint.URL, "{name}", c.Name)
}
