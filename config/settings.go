package config

// A Setting is one thing that can be set. cmd makes a flag of each one that
// has a Flag, and docs/configuration.md a row.
type Setting struct {
	Key     string // in the file, nested at the dots; names the setting everywhere else too
	Flag    string // without dashes, "" if it has none
	Env     string // environment variable, "" if it has none
	Arg     string // what it takes, for help: URL, GLOB
	Default string // for help, "" if there is none
	Meaning string // for help: one line without a full stop
	List    bool   // the flag may be repeated, the variable is split at commas
	NoFile  bool   // it is said once, for one start, so the file does not have it
	Secret  bool   // its value is never shown

	kind   kind
	sinks  []string                           // those that have it, nil if all do
	source string                             // SourcePostgres or SourceMySQL (and MariaDB) if others don't have it, else ""
	set    func(c *Config, text string) error // stores text, or says what is expected without quoting it
}

// A kind is what a setting's value may be in the file.
type kind uint8

const (
	kindText kind = iota
	kindURL       // references are percent-encoded
	kindSize      // text or a number
	kindDuration
	kindBool
	kindNumber
	kindTextOrNull // the word null need not be quoted
)

func (k kind) String() string {
	return [...]string{"text", "a URL", "a size such as 256MiB", "a duration such as 1s", "true or false", "a whole number", "text or null"}[k]
}

// Settings returns every setting once, in the order of the reference. The
// caller owns the slice.
func Settings() []Setting {
	return []Setting{
		{
			Key: "name", Flag: "name", Env: "TAILRACE_NAME", Arg: "NAME", Default: "tailrace",
			Meaning: "names the pipeline: its checkpoint and transactional id, and its slot and publication or server_id; 1 to 40 of `a-z 0-9 _`",
			set:     setName,
		},
		{
			Key: "source.url", Flag: "source", Env: "TAILRACE_SOURCE", Arg: "URL", Secret: true, kind: kindURL,
			Meaning: "the database: `postgres://user:password@host:5432/database`, `mysql://user:password@host:3306/` or `mariadb://…`",
			set:     setSource,
		},
		{
			Key: "source.tables", Flag: "table", Env: "TAILRACE_TABLES", Arg: "GLOB", List: true, Default: "every user table",
			Meaning: "tables to capture: names or globs as in `shop.*`; `!shop.audit_*` excludes, and exclusions win",
			set:     func(c *Config, s string) error { return appendTable(&c.Source.Tables, s, true) },
		},
		{
			Key: "source.insert_only", Arg: "GLOB", List: true, source: SourcePostgres,
			Meaning: "Postgres: tables of which only inserts are captured, names or globs: those without a replica identity",
			set:     func(c *Config, s string) error { return appendTable(&c.Source.InsertOnly, s, false) },
		},
		{
			Key: "source.snapshot", Flag: "snapshot", Env: "TAILRACE_SNAPSHOT", Arg: "MODE", Default: SnapshotInitial,
			Meaning: "`initial`: copy the rows that are there, of tables that were never copied, while the log is followed; `never`: only follow the log; `only`: as `initial`, and end when all are copied",
			set:     func(c *Config, s string) error { return choose(&c.Source.Snapshot, s, "mode", snapshotModes) },
		},
		{
			Key: "source.postgres.slot", Arg: "NAME", Default: "tailrace_{name}, tailrace for the name tailrace", source: SourcePostgres,
			Meaning: "replication slot: 1 to 63 of `a-z 0-9 _`",
			set:     setSlot,
		},
		{
			Key: "source.postgres.publication", Arg: "NAME", Default: "tailrace_{name}, tailrace for the name tailrace", source: SourcePostgres,
			Meaning: "publication: 1 to 63 bytes",
			set:     setPublication,
		},
		{
			Key: "source.postgres.create", Arg: "BOOL", Default: "true", kind: kindBool, source: SourcePostgres,
			Meaning: "make slot and publication when they are missing",
			set:     func(c *Config, s string) error { return setBool(&c.Source.Postgres.Create, s) },
		},
		{
			Key: "source.mysql.server_id", Arg: "NUMBER", Default: "one that follows from the name", kind: kindNumber, source: SourceMySQL,
			Meaning: "`server_id` of the replica that Tailrace is to the server; no other replica may have it",
			set:     setServerID,
		},
		{
			Key: "source.mysql.positions", Arg: "KIND", Default: PositionsAuto, source: SourceMySQL,
			Meaning: "what a place is: `gtid`; `file` and offset; `auto`: GTIDs where every transaction has one, else files, and files from a `--from file:…` on",
			set: func(c *Config, s string) error {
				return choose(&c.Source.MySQL.Positions, s, "kind of position", positionKinds)
			},
		},
		{
			Key: "snapshot.connections", Arg: "NUMBER", Default: "2", kind: kindNumber,
			Meaning: "copies: connections to read on, from 1 to 64, each with one chunk of a table at a time",
			set: func(c *Config, s string) error {
				return setNumber(&c.Snapshot.Connections, s, 1, maxConnections)
			},
		},
		{
			Key: "snapshot.rows_per_second", Arg: "NUMBER", Default: "0", kind: kindNumber,
			Meaning: "copies: rows that are read per second at most, of all tables together; 0 for no limit",
			set: func(c *Config, s string) error {
				return setNumber(&c.Snapshot.RowsPerSecond, s, 0, maxRowsPerSecond)
			},
		},
		{
			Key: "snapshot.chunk", Arg: "DURATION", Default: "1s", kind: kindDuration,
			Meaning: "copies: how long the read of a chunk should take, from 100ms to 1m: for so long a view of the database is held open",
			set:     setChunk,
		},
		{
			Key: "snapshot.max_lag", Arg: "DURATION", Default: "10s", kind: kindDuration,
			Meaning: "copies: no chunk is begun while events, or a replica of the server, are farther behind; at least 1s",
			set:     func(c *Config, s string) error { return setDuration(&c.Snapshot.MaxLag, s, minMaxLag) },
		},
		{
			Key: "publish.url", Flag: "publish", Env: "TAILRACE_PUBLISH", Arg: "URL", kind: kindURL,
			Meaning: "where events go: `kafka://h1:9092,h2:9092`, `kinesis://stream?region=eu-west-1`, `file:///dir` (one NDJSON file per topic), `stdout:` or `discard:`",
			set:     setPublish,
		},
		{
			Key: "publish.topic", Flag: "topic", Env: "TAILRACE_TOPIC", Arg: "TEMPLATE", Default: "{name}.{schema}.{table}",
			Meaning: "topic of a table: `A-Z a-z 0-9 . _ -` with `{name}`, `{db}`, `{schema}` and `{table}`",
			set:     setTopic,
		},
		{
			Key: "publish.format", Flag: "format", Env: "TAILRACE_FORMAT", Arg: "FORMAT", Default: FormatNative,
			Meaning: "form of an event: `native`",
			set:     func(c *Config, s string) error { return choose(&c.Publish.Format, s, "format", formats) },
		},
		{
			Key: "publish.truncate", Arg: "WHERE", Default: TruncateInline,
			Meaning: "where the event of a TRUNCATE goes: `inline`, its table's topic, in its place; or `control`, a topic `{name}.control` for all tables, for readers that stop at such an event and are to go on with the old rows",
			set:     func(c *Config, s string) error { return choose(&c.Publish.Truncate, s, "place", truncates) },
		},
		{
			Key: "publish.exactly_once", Arg: "BOOL", Default: "true where checkpoint.url is kafka:, else false", kind: kindBool, sinks: onlyKafka,
			Meaning: "Kafka: publish in transactions that hold the checkpoint too, so that readers with `isolation.level=read_committed` get every event once, whatever is killed; they get it at the end of its transaction, after `checkpoint.interval`",
			set:     func(c *Config, s string) error { return setBool(&c.Publish.Kafka.ExactlyOnce, s) },
		},
		{
			Key: "publish.partition_by", Flag: "partition-by", Env: "TAILRACE_PARTITION_BY", Arg: "WHAT", Default: PartitionTable, sinks: ordered,
			Meaning: "Kafka, Kinesis: which events of a topic share a partition, or a lane of the stream, and keep their order: those of a `table`, a `key` or a `transaction`, or those with the same values in columns, named with commas between",
			set:     setPartitionBy,
		},
		{
			Key: "publish.tombstones", Arg: "BOOL", Default: "false", kind: kindBool, sinks: onlyKafka,
			Meaning: "Kafka: a delete of a table with a key is followed by a record of that key without a value, for compacted topics",
			set:     func(c *Config, s string) error { return setBool(&c.Publish.Kafka.Tombstones, s) },
		},
		{
			Key: "publish.compression", Arg: "CODEC", Default: "snappy", sinks: onlyKafka,
			Meaning: "Kafka: `none`, `snappy`, `lz4` or `zstd`",
			set:     func(c *Config, s string) error { return choose(&c.Publish.Kafka.Compression, s, "codec", compressions) },
		},
		{
			Key: "publish.linger", Arg: "DURATION", Default: "0s", kind: kindDuration, sinks: onlyKafka,
			Meaning: "Kafka: how long a batch that is not full waits for more records, at most 1m. With 0s batches form while earlier ones are on their way",
			set:     setLinger,
		},
		{
			Key: "publish.create_topics", Arg: "BOOL", Default: "false", kind: kindBool, sinks: onlyKafka,
			Meaning: "Kafka: make topics that are missing, with the brokers' defaults for partitions, replicas and retention; with false, a topic that is missing stops Tailrace",
			set:     func(c *Config, s string) error { return setBool(&c.Publish.Kafka.CreateTopics, s) },
		},
		{
			Key: "publish.dead_letter", Arg: "TOPIC", Default: "none: such an event stops Tailrace", sinks: ordered,
			Meaning: "Kafka, Kinesis: topic, or stream of the same account and region, for events that are larger than their own takes",
			set:     setDeadLetter,
		},
		{
			Key: "publish.packing", Arg: "HOW", Default: PackingLines, sinks: onlyKinesis,
			Meaning: "Kinesis: how events become records: `lines`, those that wait for their lane in one record, a line each; `none`, each in a record of its own; `kpl`, as `lines` in the aggregation of the Kinesis Producer Library",
			set:     func(c *Config, s string) error { return choose(&c.Publish.Kinesis.Packing, s, "packing", packings) },
		},
		{
			Key: "publish.tls.enabled", Arg: "BOOL", Default: "true where another key of publish.tls is given, else false", kind: kindBool, sinks: onlyKafka,
			Meaning: "Kafka: connect with TLS; the brokers' certificates and names are verified always",
			set:     func(c *Config, s string) error { return setBool(&c.Publish.Kafka.TLS.Enabled, s) },
		},
		{
			Key: "publish.tls.ca", Arg: "FILE", Default: "the system's authorities", sinks: onlyKafka,
			Meaning: "Kafka: PEM file with the authorities' certificates",
			set:     func(c *Config, s string) error { return setText(&c.Publish.Kafka.TLS.CA, s, "the path of a file") },
		},
		{
			Key: "publish.tls.cert", Arg: "FILE", sinks: onlyKafka,
			Meaning: "Kafka: PEM file with a certificate of our own",
			set:     func(c *Config, s string) error { return setText(&c.Publish.Kafka.TLS.Cert, s, "the path of a file") },
		},
		{
			Key: "publish.tls.key", Arg: "FILE", sinks: onlyKafka,
			Meaning: "Kafka: PEM file with its key",
			set:     func(c *Config, s string) error { return setText(&c.Publish.Kafka.TLS.Key, s, "the path of a file") },
		},
		{
			Key: "publish.sasl.mechanism", Arg: "MECHANISM", Default: "none: no login", sinks: onlyKafka,
			Meaning: "Kafka: `PLAIN`, `SCRAM-SHA-256`, `SCRAM-SHA-512`, `OAUTHBEARER`, or `AWS_MSK_IAM` with the keys in AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN",
			set: func(c *Config, s string) error {
				return choose(&c.Publish.Kafka.SASL.Mechanism, s, "mechanism", mechanisms)
			},
		},
		{
			Key: "publish.sasl.user", Arg: "NAME", sinks: onlyKafka,
			Meaning: "Kafka: user of PLAIN and SCRAM",
			set:     func(c *Config, s string) error { return setText(&c.Publish.Kafka.SASL.User, s, "the name of a user") },
		},
		{
			Key: "publish.sasl.password", Arg: "PASSWORD", Secret: true, sinks: onlyKafka,
			Meaning: "Kafka: password of PLAIN and SCRAM; write `${env:NAME}` or `${file:/path}`",
			set:     setPassword,
		},
		{
			Key: "publish.sasl.token_file", Arg: "FILE", sinks: onlyKafka,
			Meaning: "Kafka: file with the token of OAUTHBEARER, read at each login",
			set: func(c *Config, s string) error {
				return setText(&c.Publish.Kafka.SASL.TokenFile, s, "the path of a file")
			},
		},
		{
			Key: "checkpoint.url", Flag: "checkpoint", Env: "TAILRACE_CHECKPOINT", Arg: "URL", Default: "file:./tailrace-{name}.json, kafka: with publish.exactly_once", kind: kindURL,
			Meaning: "where the place in the log is kept: `file:///path.json` or `file:./relative.json`, `{name}` allowed; `kafka:`, the topic `{name}.checkpoint` of the brokers that are published to, with exactly once",
			set:     setCheckpoint,
		},
		{
			Key: "checkpoint.interval", Arg: "DURATION", Default: "1s", kind: kindDuration,
			Meaning: "least time between two saves, at least 10ms; with exactly once the time between transactions, from 100ms to 30s",
			set:     func(c *Config, s string) error { return setDuration(&c.Checkpoint.Interval, s, minInterval) },
		},
		{
			Key: "from", Flag: "from", Env: "TAILRACE_FROM", Arg: "POS", NoFile: true,
			Meaning: "start here instead of at the checkpoint: a position, `earliest`, `now` or `time:RFC3339`; applied once per value",
			set:     setFrom,
		},
		{
			Key: "until", Flag: "until", Arg: "POS", NoFile: true,
			Meaning: "stop, flushed and saved, once everything up to here is published: a position or `now`",
			set:     setUntil,
		},
		{
			Key: "limits.memory", Flag: "memory", Env: "TAILRACE_MEMORY", Arg: "SIZE", Default: "256MiB", kind: kindSize,
			Meaning: "ceiling on the bytes held, at least 16MiB; the process takes up to a quarter more and 64 MiB",
			set:     setMemory,
		},
		{
			Key: "limits.drain", Flag: "drain", Env: "TAILRACE_DRAIN", Arg: "DURATION", Default: "25s", kind: kindDuration,
			Meaning: "longest flush after SIGTERM, at least 100ms",
			set:     func(c *Config, s string) error { return setDuration(&c.Limits.Drain, s, minDrain) },
		},
		{
			Key: "limits.spill_dir", Arg: "FOLDER", Default: "the system's for temporary files",
			Meaning: "where transactions that are too large for memory wait for their end, with all their rows' values",
			set:     setSpillDir,
		},
		{
			Key: "admin.listen", Flag: "admin", Env: "TAILRACE_ADMIN", Arg: "ADDR", Default: defaultListen,
			Meaning: "where `/metrics`, `/livez`, `/readyz`, `/status` and `/snapshots` are served, over HTTP and to whoever can connect: `host:port`, `:port` for every address of the machine, or `off`",
			set:     setListen,
		},
		{
			Key: "admin.emf", Arg: "BOOL", Default: "false", kind: kindBool,
			Meaning: "write metrics to stdout every minute, in CloudWatch's Embedded Metric Format: alarms then need no agent",
			set:     func(c *Config, s string) error { return setBool(&c.Admin.EMF, s) },
		},
		{
			Key: "admin.snapshots", Arg: "WHO", Default: SnapshotsLocal,
			Meaning: "who may ask for copies of tables and cancel them: `local`, whoever connects from this machine (or from within the pod), or `anywhere`, whoever can connect: such a request holds SQL, and there is no login",
			set:     func(c *Config, s string) error { return choose(&c.Admin.Snapshots, s, "word", snapshotAskers) },
		},
		{
			Key: "log.level", Flag: "log-level", Env: "TAILRACE_LOG_LEVEL", Arg: "LEVEL", Default: "info",
			Meaning: "`debug`, `info`, `warn` or `error`",
			set:     func(c *Config, s string) error { return choose(&c.Log.Level, s, "level", logLevels) },
		},
		{
			Key: "log.format", Flag: "log-format", Env: "TAILRACE_LOG_FORMAT", Arg: "FORMAT", Default: "console on a terminal, else json",
			Meaning: "`console` or `json`",
			set:     func(c *Config, s string) error { return choose(&c.Log.Format, s, "format", logFormats) },
		},
		{
			Key: "values.json", Arg: "FORM", Default: JSONEmbed,
			Meaning: "JSON columns: `embed` as JSON, or `text` as a string",
			set:     func(c *Config, s string) error { return choose(&c.Values.JSON, s, "form", jsonForms) },
		},
		{
			Key: "values.infinity", Arg: "FORM", Default: InfinityText, kind: kindTextOrNull,
			Meaning: "infinite dates and timestamps: `text` as a string, or `null`",
			set:     func(c *Config, s string) error { return choose(&c.Values.Infinity, s, "form", infinityForms) },
		},
		{
			Key: "values.invalid_text", Arg: "ACTION", Default: InvalidTextStop,
			Meaning: "text that has no UTF-8 form: `stop`, or `replace` it by U+FFFD",
			set:     func(c *Config, s string) error { return choose(&c.Values.InvalidText, s, "action", invalidTextActions) },
		},
		{
			Key: "values.zero_dates", Arg: "FORM", Default: ZeroDatesText, kind: kindTextOrNull,
			Meaning: "MySQL: dates with a zero year, month or day: `text` as a string, or `null`",
			set:     func(c *Config, s string) error { return choose(&c.Values.ZeroDates, s, "form", zeroDateForms) },
		},
	}
}
