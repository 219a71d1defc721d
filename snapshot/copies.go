package snapshot

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/failure"
)

// A Mode says which tables are copied unasked.
type Mode string

// The modes.
const (
	Initial Mode = "initial" // those that were never copied, and then the stream goes on
	Never   Mode = "never"   // none
	Only    Mode = "only"    // as Initial, and the pipeline ends when they are
)

// Config is what a pipeline's copies are made with. The zero values of numbers are
// the defaults.
type Config struct {
	Copier capture.Copier
	Mode   Mode
	// CopyNew says that tables that are made while the stream goes on are copied: it
	// brings only some of their first rows (Postgres publishes a table a while after it
	// was made).
	CopyNew     bool
	Namespace   string        // of tables that are asked for without one
	Connections int           // how many chunks are read at once; 0: 2
	RowsPerSec  int           // at most so many rows are read per second; 0: no limit
	Chunk       time.Duration // how long the read of a chunk should take; 0: 1 s
	MaxLag      time.Duration // no chunk is begun while the stream or a replica is farther behind; 0: 10 s
	Memory      int64         // bytes of rows that are read and not yet handed on (C5.8)
	NewTables   time.Duration // how often to look for new tables; 0: 30 s
	Log         *zap.Logger
}

// Copies are all copies of one pipeline, from one life to the next. Any goroutine may
// use it.
type Copies struct {
	cfg Config

	mu      sync.Mutex
	join    *Join // of the life at hand, nil between two
	extents map[string]capture.Extent
	ended   []Entry
	run     run
}

// New returns the copies of a pipeline.
func New(cfg Config) *Copies {
	cfg.Connections = cmp.Or(cfg.Connections, 2)
	cfg.Chunk = cmp.Or(cfg.Chunk, time.Second)
	cfg.MaxLag = cmp.Or(cfg.MaxLag, 10*time.Second)
	cfg.NewTables = cmp.Or(cfg.NewTables, 30*time.Second)
	if cfg.Log == nil {
		cfg.Log = zap.NewNop()
	}
	return &Copies{cfg: cfg}
}

// Mode returns which tables are copied unasked.
func (c *Copies) Mode() Mode { return c.cfg.Mode }

// Connections returns how many chunks are read at once: how many Join.Work there are.
func (c *Copies) Connections() int { return c.cfg.Connections }

// Memory returns how many bytes rows may take that are read and not yet handed on.
func (c *Copies) Memory() int64 { return c.cfg.Memory }

// A Status is what becomes of a copy.
type Status string

// The statuses.
const (
	Waiting   Status = "waiting" // its turn has not come, or Why says what it waits for
	Copying   Status = "copying"
	Done      Status = "done"
	Failed    Status = "failed" // Why says why
	Cancelled Status = "cancelled"
)

// An Entry is one copy of one table, as people see it.
type Entry struct {
	ID       uint64    `json:"id"` // 0: a first copy
	Table    string    `json:"table"`
	Where    string    `json:"where,omitempty"`
	Status   Status    `json:"status"`
	Why      string    `json:"why,omitempty"`
	Rows     int64     `json:"rows"`               // handed on so far
	Estimate int64     `json:"estimate,omitempty"` // by the server's statistics; 0 if unknown
	Ended    time.Time `json:"ended,omitzero"`
}

// A Progress is how far all copies are.
type Progress struct {
	Active   bool          `json:"active"` // something is to be copied
	Tables   int           `json:"tables"` // all that were to be copied since nothing was
	Done     int           `json:"done"`
	Rows     int64         `json:"rows"`
	Estimate int64         `json:"estimate"`            // rows of all of them, by the server's statistics
	PerSec   float64       `json:"rows_per_second"`     // since the first row was read
	Left     time.Duration `json:"left,omitempty"`      // at that rate; 0 if unknown
	Waits    string        `json:"waits_for,omitempty"` // why nothing is read at the moment; "" if something is
}

// remembered is how many ended copies are listed: those of a large database.
const remembered = 10_000

// Ask begins copies of the named tables, each as schema.name or a pattern of them,
// with the rows that meet where ("" for all), and returns their entries. It returns
// once the request is durable. The error is one of usage, or a Retry while no stream
// is followed.
func (c *Copies) Ask(ctx context.Context, tables []string, where string) ([]Entry, error) {
	j := c.current()
	if j == nil {
		return nil, errNotFollowing
	}
	return j.ask(ctx, tables, where)
}

// List returns the copies under way and those that ended last, the oldest first.
func (c *Copies) List() []Entry {
	c.mu.Lock()
	all := slices.Clone(c.ended)
	j := c.join
	c.mu.Unlock()
	if j != nil {
		all = append(all, j.entries()...)
	}
	return all
}

// Cancel ends a copy that was asked for. Rows that were handed on stay.
func (c *Copies) Cancel(ctx context.Context, id uint64) error {
	j := c.current()
	if j == nil {
		return errNotFollowing
	}
	return j.cancel(ctx, id)
}

// Progress says how far the copies are.
func (c *Copies) Progress() Progress {
	j := c.current()
	if j == nil {
		return Progress{}
	}
	return j.progress()
}

var errNotFollowing = failure.Stop("wait until the daemon follows the log (/readyz), and ask again", "no stream is followed at the moment")

func (c *Copies) current() *Join {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.join
}

// end notes a copy that has ended.
func (c *Copies) end(e Entry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e.Ended = time.Now()
	c.run.done++
	c.ended = append(c.ended, e)
	if n := len(c.ended) - remembered; n > 0 {
		c.ended = slices.Delete(c.ended, 0, n)
	}
}
