package siege

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/tailrace/tailrace/internal/stress/oracle"
	"github.com/tailrace/tailrace/internal/stress/walk"
	"github.com/tailrace/tailrace/internal/workload"
)

// name is that of the pipeline.
const name = "siege"

// Config says what to try. What is not said to be optional is needed.
type Config struct {
	Binary string // path of tailrace
	URL    string // a clean database of Postgres, MySQL or MariaDB, as its superuser
	Folder string // an existing, empty folder; what is in it afterwards explains a failure
	Seed   uint64
	Rows   int           // in each table, before the daemon starts
	Kills  int           // SIGKILLs
	Length time.Duration // of all the lives together that end so; the copy is made to last about as long

	// Pace is how long a writer pauses between two transactions. Optional: 20 ms.
	Pace time.Duration

	// Broker is the address of a Kafka broker that the daemon publishes to, in place
	// of files. Optional.
	Broker string
	// PartitionBy is what shares a partition there: table or key.
	PartitionBy string

	// Stall lets commits of Postgres hang now and then, as when a synchronous standby
	// is away: they are in the log and not yet visible. It is the server's only
	// database then. Optional.
	Stall bool

	// Progress, if not nil, is called now and then with what is going on.
	Progress func(text string)
}

// A Result is what a siege that was withstood has seen.
type Result struct {
	Walk   walk.Report
	Oracle oracle.Report
	Kills  int
	During int // of them, while tables were copied
	Stalls int // times that commits hung
}

// writers is how many change rows.
const writers = 4

// patience is how long the daemon may take to copy what is left once nobody kills it,
// to stop, or to catch up.
const patience = 3 * time.Minute

// Run runs a siege. The error is an *oracle.Violation where what arrived is wrong.
func Run(ctx context.Context, cfg Config) (result Result, err error) {
	if cfg.Pace == 0 {
		cfg.Pace = 20 * time.Millisecond
	}
	s := &siege{cfg: cfg, r: rand.New(rand.NewPCG(cfg.Seed, 1<<32)), events: filepath.Join(cfg.Folder, "events")}
	if s.kind, s.schema, err = workload.KindOf(cfg.URL); err != nil {
		return s.result, err
	}
	if err := os.Mkdir(s.events, 0o755); err != nil {
		return s.result, fmt.Errorf("siege: %w", err)
	}
	if err := s.configure(s.slow()); err != nil {
		return s.result, err
	}
	s.say("fills %d tables", len(walk.Tables(s.kind)))
	if err := walk.Setup(ctx, cfg.URL, cfg.Rows); err != nil {
		return s.result, err
	}
	if err := s.fight(ctx); err != nil {
		return s.result, err
	}
	return s.result, s.judge(ctx)
}

// A siege is one run.
type siege struct {
	cfg    Config
	kind   workload.Kind
	schema string
	events string // folder of what was published
	r      *rand.Rand
	result Result
}

func (s *siege) say(format string, args ...any) {
	if s.cfg.Progress != nil {
		s.cfg.Progress(fmt.Sprintf(format, args...))
	}
}

// fight changes rows and kills the daemon, and then lets it come to the end.
func (s *siege) fight(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stop := make(chan struct{})
	end := sync.OnceFunc(func() { close(stop) })
	defer end()
	var beside sync.WaitGroup
	beside.Go(func() {
		report, err := walk.Run(ctx, stop, walk.Config{
			URL: s.cfg.URL, Seed: s.cfg.Seed, Rows: s.cfg.Rows, Writers: writers, Pace: s.cfg.Pace, Empty: 5 * time.Second,
		})
		s.result.Walk = report
		if err != nil {
			cancel(err)
		}
	})
	if s.cfg.Stall {
		beside.Go(func() {
			n, err := stall(ctx, stop, s.cfg.URL, s.cfg.Seed)
			s.result.Stalls = n
			if err != nil {
				cancel(err)
			}
		})
	}
	p, err := s.lives(ctx)
	end()
	beside.Wait()
	if cause := context.Cause(ctx); cause != nil && !errors.As(err, new(*oracle.Violation)) {
		err = cause
	}
	if p == nil {
		return err
	}
	if err != nil {
		p.abandon()
		return err
	}
	if err := s.orderly(ctx, p); err != nil {
		return err
	}
	s.say("catches up")
	return s.drain(ctx)
}

// lives kills the daemon again and again, and returns one that has copied everything.
func (s *siege) lives(ctx context.Context) (*process, error) {
	for s.result.Kills < s.cfg.Kills {
		p, err := s.start()
		if err != nil {
			return nil, err
		}
		if err := s.moment(ctx, p); err != nil {
			return p, err
		}
		if err := p.kill(); err != nil {
			return nil, err
		}
		s.result.Kills++
		left, err := s.left()
		if err != nil {
			return nil, err
		}
		if left > 0 {
			s.result.During++
		}
		s.say("%3d kills, %2d tables left", s.result.Kills, left)
	}
	if err := s.configure(0); err != nil {
		return nil, err
	}
	p, err := s.start()
	if err != nil {
		return nil, err
	}
	s.say("waits for the rest of the copy")
	err = p.until(ctx, patience, "copy the tables", func() (bool, error) {
		left, err := s.left()
		return left == 0, err
	})
	if err == nil {
		// Who is too young does not hear that it is asked to stop.
		err = p.until(ctx, patience, "say anything", func() (bool, error) { return p.lastWords() != "", nil })
	}
	return p, err
}

// moment waits for a random moment of a life: while it starts, just after its place is
// saved, or any time. A first life ends when it has saved its start, before which
// there is nothing to go on from.
func (s *siege) moment(ctx context.Context, p *process) error {
	if err := p.until(ctx, patience, "save its start", func() (bool, error) {
		_, err := os.Stat(s.checkpoint())
		return err == nil, nil
	}); err != nil {
		return err
	}
	average := s.cfg.Length / time.Duration(s.cfg.Kills)
	wait := time.Duration(s.r.Int64N(int64(2*average) + 1))
	switch s.r.IntN(4) {
	case 0:
		wait /= 8
	case 1:
		before := s.saved()
		if err := p.within(ctx, 2*average, func() bool { return s.saved() != before }); err != nil {
			return err
		}
		wait = time.Duration(s.r.IntN(3000)) * time.Microsecond
	}
	return p.within(ctx, wait, func() bool { return false })
}
