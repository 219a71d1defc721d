package verify

import (
	"context"
	"fmt"

	"github.com/tailrace/tailrace/internal/workload"
)

// Config says what to verify.
type Config struct {
	Events string // folder of the file sink, which nothing writes to any more, or of a copy
	Name   string // of the pipeline
	Kind   workload.Kind
	Schema string  // in the names of topics: workload.KindOf says it
	Truth  string  // folder that the workload wrote
	URL    string  // of the source, which nobody changes any more; "": it is not asked
	Runs   int     // how many times a suffix of a partition may have been sent again; 0: nothing was
	Fences []Fence // what Watch saw; may be nil

	// PartitionBy says that Events is of Kafka.Copy or Stream.Copy, and what
	// shares a partition, or a lane: ByTable or ByKey.
	PartitionBy string

	// Stream says that Events is of Stream.Copy. A stream has events alone: no
	// END markers, progress or schema documents.
	Stream bool
}

// A Report counts what was found.
type Report struct {
	Events       int // first arrivals of what is in the log
	Read         int // first arrivals of rows that snapshots read
	Again        int // events that were sent again
	Runs         int // of them, in the partition that has most
	Transactions int // with an END marker, or with events of a stream
	Marks        int // progress records
	Rows         int // in the end, in all tables
	Bytes        int64
}

// Run verifies everything. The error is the first *Violation, or says what kept
// it from being verified.
func Run(ctx context.Context, cfg Config) (Report, error) {
	v := &verifier{cfg: cfg, versions: make(map[string]bool)}
	var err error
	if v.truth, err = loadTruth(cfg.Truth); err != nil {
		return v.report, err
	}
	if cfg.URL != "" {
		if v.server, err = connect(ctx, cfg.Kind, cfg.URL); err != nil {
			return v.report, fmt.Errorf("verify: connect to the source: %w", err)
		}
		defer v.server.close()
	}
	if cfg.Stream {
		if v.stream, err = openStream(cfg.Events); err != nil {
			return v.report, err
		}
		defer v.stream.close()
		if err := v.lanes(); err != nil {
			return v.report, err
		}
	}
	for _, t := range workload.Tables(cfg.Kind) {
		if err := v.table(ctx, t); err != nil {
			return v.report, err
		}
	}
	if cfg.Stream {
		for _, t := range v.truth.byID {
			if t.commit != "" {
				v.report.Transactions++
			}
		}
		return v.report, nil
	}
	if err := v.ends(); err != nil {
		return v.report, err
	}
	if err := v.progress(); err != nil {
		return v.report, err
	}
	return v.report, v.schemas()
}

type verifier struct {
	cfg      Config
	truth    *truth
	server   server  // nil: the source is not asked
	stream   *stream // nil: it is no copy of one
	versions map[string]bool
	report   Report
}

func (v *verifier) topic(table string) string { return v.cfg.Name + "." + v.cfg.Schema + "." + table }
