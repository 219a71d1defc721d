package main

import (
	"context"
	"io"
	"os"
	"sync/atomic"

	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/pipeline"
	"github.com/tailrace/tailrace/status"
)

// startAdmin tells what a pipeline does until stop is called with what the process
// ends by, as far as cfg wants it: at address, and on stdout. place is where the
// checkpoint is. The error is of the class Usage, and so is what giveUp gets when
// another process has the address and keeps it.
func startAdmin(cfg config.Config, stats *pipeline.Stats, src *describedSource, sink *countedSink, copies status.Copies, place string, giveUp func(error), log *zap.Logger) (address string, stop func(error), err error) {
	if cfg.Admin.Listen == "" && !cfg.Admin.EMF {
		return "off", func(error) {}, nil
	}
	var lines io.Writer
	if cfg.Admin.EMF {
		lines = os.Stdout
	}
	gauge, err := newGauge(cfg, log)
	if err != nil {
		return "", nil, err
	}
	server, err := status.Start(status.Config{
		Listen:        cfg.Admin.Listen,
		Version:       versionText(),
		Pipeline:      cfg.Name,
		Sink:          cfg.Publish.URL,
		Checkpoint:    place,
		Limit:         int64(cfg.Limits.Memory),
		Work:          sink.tells(status.Of(stats)),
		Describe:      src.description,
		Gauge:         gauge,
		Copies:        copies,
		GiveUp:        giveUp,
		AskedAnywhere: cfg.Admin.Snapshots == config.SnapshotsAnywhere,
		EMF:           lines,
		Log:           log,
	})
	if err != nil {
		_ = gauge.Close() // it has no connection yet
		return "", nil, err
	}
	if address = server.Addr(); address == "" {
		address = "off"
	}
	return address, func(err error) {
		server.End(err)
		server.Close()
	}, nil
}

// A describedSource keeps what it says of itself for other goroutines than the
// pipeline's.
type describedSource struct {
	capture.Source
	last atomic.Pointer[capture.Description]
}

// Check implements capture.Source.
func (d *describedSource) Check(ctx context.Context) error {
	err := d.Source.Check(ctx)
	if err == nil {
		d.keep()
	}
	return err
}

// Open implements capture.Source. Each life may follow other tables.
func (d *describedSource) Open(ctx context.Context, st checkpoint.State) (capture.Stream, error) {
	stream, err := d.Source.Open(ctx, st)
	if err == nil {
		d.keep()
	}
	return stream, err
}

func (d *describedSource) keep() {
	description := d.Describe()
	d.last.Store(&description)
}

// description returns what was kept last, nothing before the first connection.
func (d *describedSource) description() capture.Description {
	if last := d.last.Load(); last != nil {
		return *last
	}
	return capture.Description{}
}
