package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strconv"

	"github.com/go-mysql-org/go-mysql/mysql"
	"github.com/go-mysql-org/go-mysql/replication"
)

// runPeer is what Tailrace is measured beside and is no program of its own.
func runPeer(ctx context.Context, peer string, args []string) error {
	switch {
	case peer == "gomysql" && len(args) == 4:
		return runGoMySQL(ctx, args)
	case peer == "putrecords" && len(args) == 3:
		return runPutRecords(ctx, args)
	case peer == "copy" && len(args) == 2:
		return runCopy(ctx, args)
	}
	return fmt.Errorf("there is no peer %q with %d arguments", peer, len(args))
}

// runGoMySQL is the way in which a program of Go usually reads a binlog.
func runGoMySQL(ctx context.Context, args []string) error {
	port, err := strconv.ParseUint(args[1], 10, 16)
	if err != nil {
		return err
	}
	h := &handler{out: json.NewEncoder(io.Discard), until: args[3], done: make(chan struct{})}
	syncer := replication.NewBinlogSyncer(replication.BinlogSyncerConfig{
		ServerID: 4_000_000_001, Flavor: mysql.MySQLFlavor, Host: args[0], Port: uint16(port), User: "root",
		SynchronousEventHandler: h, DisableRetrySync: true, Logger: slog.New(slog.DiscardHandler),
		DiscardGTIDSet: true, VerifyChecksum: true,
	})
	defer syncer.Close()
	if _, err := syncer.StartSync(mysql.Position{Name: args[2], Pos: 4}); err != nil {
		return err
	}
	select {
	case <-h.done:
		return h.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// handler makes a map of each row and writes it with encoding/json.
type handler struct {
	out   *json.Encoder
	until string
	rows  int
	done  chan struct{}
	ended bool
	err   error
}

// HandleEvent implements replication.EventHandler.
func (h *handler) HandleEvent(e *replication.BinlogEvent) error {
	if h.ended {
		return nil
	}
	switch e := e.Event.(type) {
	case *replication.RotateEvent:
		if string(e.NextLogName) == h.until {
			h.end(nil)
		}
	case *replication.RowsEvent:
		names := e.Table.ColumnNameString()
		for _, row := range e.Rows {
			after := make(map[string]any, len(row))
			for i, v := range row {
				after[names[i]] = v
			}
			if err := h.out.Encode(map[string]any{"op": "c", "after": after, "db": string(e.Table.Schema), "table": string(e.Table.Table)}); err != nil {
				h.end(err)
				return err
			}
			h.rows++
		}
	}
	return nil
}

func (h *handler) end(err error) {
	h.ended, h.err = true, err
	close(h.done)
}
