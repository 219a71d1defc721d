package checkpoint

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/tailrace/tailrace/event"
)

// Format is the version of the State that this program writes. It reads this
// one and every older one.
const Format = 2

// What can be wrong with the bytes of a State. Each is wrapped with the detail.
var (
	ErrCorrupt = errors.New("the checkpoint is damaged")
	ErrFormat  = errors.New("the checkpoint was written by a newer tailrace")
)

// A State is all that a pipeline remembers: where to read on, and what is
// needed to write the same bytes again. The zero State is that of a pipeline
// that has never run.
type State struct {
	Pipeline   string   `json:"pipeline"`
	Generation uint64   `json:"generation"` // rises with every process that takes the pipeline
	Source     Identity `json:"source"`

	// Position is the last transaction end up to which everything is
	// published; "" before the first start.
	Position event.Position `json:"position"`
	Bound    uint64         `json:"bound"` // every ver.commit below it is published
	Epoch    uint32         `json:"epoch"`

	// Ver is that of the last published row, or of the END behind it. If its
	// transaction lies behind Position, what is up to Ver is skipped on resume,
	// provided that Selection, the hash of what decides which rows exist, is
	// still the same (C1.4). A source may hold Position back behind many
	// transactions whose ENDs are published, for the sake of a prepared one.
	Ver       event.Ver `json:"ver"`
	Selection string    `json:"selection"`

	// From is the start that was last asked for on the command line, so that
	// a container that restarts with the same arguments does not jump again.
	From string `json:"from,omitempty"`
	// Partitions is over how many partitions the records of each topic are
	// spread: with another number a key would go elsewhere, and its events could
	// overtake those before (C8.3). A State's map is never altered.
	Partitions map[string]int32 `json:"partitions,omitempty"`
	// Snapshot is that of the copies of tables, nil if there never were any.
	Snapshot *Snapshot `json:"snapshot,omitempty"`
	// Memory is the source's own: facts about table versions that the log
	// can't give again.
	Memory json.RawMessage `json:"memory,omitempty"`
}

// An Identity names the log that a position belongs to.
type Identity struct {
	Connector string `json:"connector"`          // postgresql, mysql, mariadb
	System    string `json:"system"`             // system identifier, server uuid
	Timeline  uint32 `json:"timeline,omitempty"` // Postgres
}

// envelope is a State as it is kept: the checksum is over the compact form of
// the state's own bytes, so that a file may be re-indented and not altered.
type envelope struct {
	Format   int             `json:"format"`
	Checksum string          `json:"checksum"`
	State    json.RawMessage `json:"state"`
}

// Encode returns the durable form of s: one JSON document, for people too.
func (s State) Encode() ([]byte, error) {
	state, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("encode checkpoint: %w", err)
	}
	text, err := json.MarshalIndent(envelope{Format, checksum(state), state}, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode checkpoint: %w", err)
	}
	return append(text, '\n'), nil
}

// Decode reads what Encode wrote. Bytes that are not whole are ErrCorrupt,
// never the zero State.
func Decode(text []byte) (State, error) {
	var e envelope
	if len(bytes.TrimSpace(text)) == 0 {
		return State{}, fmt.Errorf("%w: it is empty", ErrCorrupt)
	}
	if err := json.Unmarshal(text, &e); err != nil {
		return State{}, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	if e.Format > Format {
		return State{}, fmt.Errorf("%w: it has format %d, this one reads up to %d", ErrFormat, e.Format, Format)
	}
	if e.Format < 1 {
		return State{}, fmt.Errorf("%w: it has no format number", ErrCorrupt)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, e.State); err != nil {
		return State{}, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	if got := checksum(compact.Bytes()); got != e.Checksum {
		return State{}, fmt.Errorf("%w: its checksum is %.16s, its contents have %.16s", ErrCorrupt, e.Checksum, got)
	}
	var s State
	dec := json.NewDecoder(&compact)
	dec.DisallowUnknownFields()
	if err := dec.Decode(&s); err != nil {
		return State{}, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	return s, nil
}

func checksum(state []byte) string {
	sum := sha256.Sum256(state)
	return hex.EncodeToString(sum[:])
}

// Open reports whether the transaction of the last published row had not ended
// at Position.
func (s State) Open() bool {
	return !s.Ver.IsZero() && s.Ver.Epoch == s.Epoch && s.Ver.Commit >= s.Bound
}

// With returns s moved forward by what was published since.
func (s State) With(m Mark) State {
	if m.Position != "" {
		s.Position, s.Bound = m.Position, m.Bound
	}
	// Rows that were skipped on resume have passed before: they take nothing back.
	if m.Ver.Compare(s.Ver) > 0 {
		s.Ver = m.Ver
	}
	if m.Memory != nil {
		s.Memory = m.Memory
	}
	if m.Snapshot != nil {
		s.Snapshot = m.Snapshot
	}
	return s
}
