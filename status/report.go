package status

import (
	"runtime/metrics"
	"time"

	"github.com/tailrace/tailrace/capture"
)

// A Report is the document of /status. What is not known is absent. It holds no
// value of a row and no secret.
type Report struct {
	Version  string `json:"version"`
	Pipeline string `json:"pipeline"`

	Live  bool   `json:"live"`
	Ready bool   `json:"ready"`
	Doing string `json:"doing"`         // the line of /livez, without the warnings
	Why   string `json:"why,omitempty"` // the line of /readyz, if it is not ready, without them

	Phase string    `json:"phase"`
	Since time.Time `json:"since"` // when the phase began

	Source     Source     `json:"source"`
	Sink       Sink       `json:"sink"`
	Checkpoint Checkpoint `json:"checkpoint"`
	Changes    Changes    `json:"changes"`
	Snapshot   *Snapshot  `json:"snapshot,omitempty"`
	Log        *Log       `json:"log,omitempty"`
	Warnings   []string   `json:"warnings"`

	UptimeSeconds float64 `json:"uptime_seconds"`
	MemoryBytes   uint64  `json:"memory_bytes"` // of the process, as Go counts it against its limit
}

// A Source says what is followed.
type Source struct {
	Server  string `json:"server,omitempty"`
	Version string `json:"version,omitempty"`
	Tables  int    `json:"tables"`
}

// A Sink says where events go.
type Sink struct {
	URL           string  `json:"url"`
	SilentSeconds float64 `json:"silent_seconds"` // for how long it has owed an answer

	DeadLetters     *uint64 `json:"dead_letters,omitempty"`     // since it was opened
	Shards          *int    `json:"shards,omitempty"`           // of a Kinesis stream
	ThrottledShards *int    `json:"throttled_shards,omitempty"` // that are sent less than a shard should take
}

// A Checkpoint says what is saved, and where.
type Checkpoint struct {
	Place          string  `json:"place"`
	Position       string  `json:"position,omitempty"`
	Epoch          uint32  `json:"epoch"`
	Ver            string  `json:"ver,omitempty"` // of the last published row
	Saves          uint64  `json:"saves"`
	FailedSaves    uint64  `json:"failed_saves"`
	PendingSeconds float64 `json:"pending_seconds"` // for how long there has been something to save
	Error          string  `json:"error,omitempty"`
}

// Changes says how many there were since the start of the process.
type Changes struct {
	Received   uint64 `json:"received"`
	Published  uint64 `json:"published"`
	Bytes      uint64 `json:"bytes"`
	Retries    uint64 `json:"retries"`
	HeldBytes  int64  `json:"held_bytes"`
	LimitBytes int64  `json:"limit_bytes"`
	LagMillis  *int64 `json:"lag_ms,omitempty"`
}

// A Log is what the source's server says of its log, at the time Asked.
type Log struct {
	Asked       *time.Time `json:"asked,omitempty"`
	Error       string     `json:"error,omitempty"` // of the last question
	Oldest      string     `json:"oldest,omitempty"`
	Newest      string     `json:"newest,omitempty"`
	BehindBytes *int64     `json:"behind_bytes,omitempty"`
	KeptBytes   *int64     `json:"kept_bytes,omitempty"`
	RoomBytes   *int64     `json:"room_bytes,omitempty"`
	LeftSeconds *float64   `json:"left_seconds,omitempty"`
	Limit       string     `json:"limit,omitempty"` // the setting behind room or left
	Lost        string     `json:"lost,omitempty"`
}

// report fills in what a view has.
func (v *view) report() Report {
	r := Report{
		Live: v.stuck() == "", Ready: v.unready() == "", Doing: v.doing(), Why: v.unready(),
		Phase: string(v.Doing.Phase), Since: v.Doing.Since.UTC(),
		Sink: v.sink(),
		Checkpoint: Checkpoint{
			Position: string(v.State.Position), Epoch: v.State.Epoch,
			Saves: v.Saves, FailedSaves: v.FailedSaves,
			PendingSeconds: v.Doing.Save.Seconds(), Error: v.Doing.WhySave,
		},
		Changes: Changes{
			Received: v.Received, Published: v.Published, Bytes: v.Bytes, Retries: v.Retries,
			HeldBytes: v.Held, LimitBytes: v.limit,
		},
		Log: v.log.report(), Warnings: v.warnings(), MemoryBytes: memory(),
	}
	if !v.State.Ver.IsZero() {
		r.Checkpoint.Ver = v.State.Ver.String()
	}
	if v.copies != nil {
		s := snapshotOf(*v.copies)
		r.Snapshot = &s
	}
	if lag, known := v.lag(); known {
		ms := lag.Milliseconds()
		r.Changes.LagMillis = &ms
	}
	return r
}

func (v *view) sink() Sink {
	s := Sink{SilentSeconds: v.Doing.Sink.Seconds(), DeadLetters: v.DeadLetters}
	if len(v.Shards) > 0 {
		all, throttled := len(v.Shards), 0
		for _, shard := range v.Shards {
			if shard.Rate < 1 {
				throttled++
			}
		}
		s.Shards, s.ThrottledShards = &all, &throttled
	}
	return s
}

func (l *look) report() *Log {
	if l.at.IsZero() && l.err == nil {
		return nil
	}
	r := new(Log)
	if l.err != nil {
		r.Error = l.err.Error()
	}
	if l.at.IsZero() {
		return r
	}
	at, s := l.at.UTC(), l.sight
	r.Asked, r.Oldest, r.Newest, r.Limit, r.Lost = &at, string(s.Oldest), string(s.Newest), s.Limit, s.Lost
	r.BehindBytes, r.KeptBytes, r.RoomBytes = known(s.Behind), known(s.Kept), known(s.Room)
	if s.Left != capture.Unknown {
		left := s.Left.Seconds()
		r.LeftSeconds = &left
	}
	return r
}

func known(n int64) *int64 {
	if n == capture.Unknown {
		return nil
	}
	return &n
}

// memory returns what the process holds, without what it gave back to the
// system.
func memory() uint64 {
	held := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(held)
	return held[0].Value.Uint64() - held[1].Value.Uint64()
}
