package mysql

import (
	"context"
	"crypto/rand"
	"hash/fnv"
	"time"

	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/internal/failure"
)

// Source is a MySQL or MariaDB server whose binlog is followed as a replica
// does. It implements capture.Source.
type Source struct {
	cfg    Config
	target *target
	side   side

	server server
	sel    selection
	// idle is how long nothing may come before the server is asked whether its log
	// is still the one that is read.
	idle time.Duration
}

var _ capture.Source = (*Source)(nil)

// New returns a Source. It connects nowhere; the error is one of usage.
func New(cfg Config) (*Source, error) {
	target, err := parseURL(cfg.URL)
	if err != nil {
		return nil, err
	}
	switch cfg.Positions {
	case "":
		cfg.Positions = AutoPositions
	case AutoPositions, GTIDPositions, FilePositions:
	default:
		return nil, failure.Usage("use auto, gtid or file", "positions of the kind %q are not known", cfg.Positions)
	}
	if cfg.ServerID == 0 {
		cfg.ServerID = serverID(cfg.Name)
	}
	if cfg.MaxRow == 0 {
		cfg.MaxRow = 32 << 20
	}
	if cfg.Memory == 0 {
		cfg.Memory = 16 << 20
	}
	if cfg.SlotWait == 0 {
		cfg.SlotWait = 15 * time.Second
	}
	if cfg.Log == nil {
		cfg.Log = zap.NewNop()
	}
	target.own = "tailrace reader " + rand.Text()
	return &Source{cfg: cfg, target: target, idle: idle, side: side{target: target, program: "tailrace " + cfg.Name}}, nil
}

// serverID makes the replica's server_id out of the pipeline's name. It lies
// above two billion, where people and tools seldom number their servers, and
// below the top bit's end, which some tools take for a sign.
func serverID(name string) uint32 {
	const from, span = 2_000_000_000, 147_483_647
	h := fnv.New32a()
	_, _ = h.Write([]byte("tailrace " + name)) // a hash takes everything
	return from + h.Sum32()%span
}

// connector is how events and checkpoints name this kind of server.
func (s *Source) connector() string {
	if s.server.MariaDB {
		return MariaDB
	}
	return MySQL
}

// Describe implements capture.Source.
func (s *Source) Describe() capture.Description {
	product := "MySQL "
	if s.server.MariaDB {
		product = "MariaDB "
	}
	return capture.Description{Server: s.target.address, Version: product + s.server.Version, Tables: s.sel.found}
}

// Open implements capture.Source.
func (s *Source) Open(ctx context.Context, st checkpoint.State) (capture.Stream, error) {
	at, err := parsePosition(st.Position)
	if err != nil {
		return nil, err
	}
	m, err := loadMemory(st.Memory)
	if err != nil {
		return nil, err
	}
	w, err := s.dump(ctx, at)
	if err != nil {
		return nil, err
	}
	return newStream(s, w, at, m), nil
}

// Reached implements capture.Source. Of two places with file and offset those
// are compared. By GTIDs a place has also reached another one if it has all of
// its transactions: behind the last of them the log may go on with events that
// end none.
func (s *Source) Reached(at, target event.Position) bool {
	a, err1 := parsePosition(at)
	t, err2 := parsePosition(target)
	if err1 != nil || err2 != nil {
		panic("mysql: Reached was asked about a position of another source")
	}
	if a.byGTID && t.byGTID && a.set.Contains(t.set) && a.list.Contains(t.list) {
		return true
	}
	if a.file == "" || t.file == "" {
		return false
	}
	return reached(&a, &t)
}

// Range implements capture.Source: from the start of the oldest binlog to the
// end of the newest.
func (s *Source) Range(ctx context.Context) (oldest, newest event.Position, err error) {
	if s.server.Version == "" {
		if err := s.identify(ctx); err != nil {
			return "", "", err
		}
	}
	l, err := s.readLog(ctx)
	if err != nil {
		return "", "", err
	}
	from, to := l.oldest, l.newest
	if !s.usesGTIDs() {
		from, to = from.withoutGTIDs(), to.withoutGTIDs()
	}
	return from.text(), to.text(), nil
}

// usesGTIDs reports whether positions that are made now are of GTIDs. A MySQL
// without gtid_mode=ON writes transactions that are in no set (C4.3).
func (s *Source) usesGTIDs() bool {
	return s.cfg.Positions != FilePositions && (s.server.MariaDB || s.server.GTIDMode == "ON")
}

// Close implements capture.Source.
func (s *Source) Close() error { return s.side.close() }
