package mysql

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/tailrace/tailrace/capture/mysql/binlog"
)

// named completes a table map that has no names (binlog_row_metadata=MINIMAL),
// by what is remembered under its hash, or else by the catalog, if that still
// speaks of the same table.
func (s *stream) named(ctx context.Context, tm *binlog.TableMap, id string) (*binlog.TableMap, error) {
	if h := s.elder(); h != nil {
		return s.namedThen(ctx, tm, id, h)
	}
	if r, ok := s.memory.Tables[id]; ok {
		return r.complete(tm), nil
	}
	full, err := s.src.columns(ctx, tm, s.place.file, s.place.start)
	if err != nil {
		return nil, err
	}
	s.memory.Tables[id] = remember(full)
	s.remember = true
	return full, nil
}

// namedThen completes a table map of a prepared transaction with the names of its
// PREPARE. It returns nil if they are not known and may never be needed: the
// catalog is asked for them when the rows count.
func (s *stream) namedThen(ctx context.Context, tm *binlog.TableMap, id string, h *held) (*binlog.TableMap, error) {
	if r, ok := h.Tables[id]; ok {
		return r.complete(tm), nil
	}
	if s.group.preparing != nil {
		return nil, nil
	}
	full, err := s.src.columns(ctx, tm, h.File, h.Offset)
	if err != nil {
		return nil, err
	}
	h.name(id, remember(full))
	return full, nil
}

// mapHash names a table map without its id, which the server gives anew.
func mapHash(tm *binlog.TableMap) string {
	h := sha256.New()
	fmt.Fprintf(h, "%q %q", tm.Database, tm.Name)
	for _, c := range tm.Columns {
		fmt.Fprintf(h, " %d/%d/%t/%t/%t/%d/%d", c.Type, c.Meta, c.Nullable, c.SignKnown, c.Unsigned, c.Charset, c.Geometry)
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// remember keeps what the catalog added to a table map.
func remember(tm *binlog.TableMap) remembered {
	r := remembered{Database: tm.Database, Name: tm.Name, Columns: make([]rememberedColumn, len(tm.Columns)), Key: tm.Key}
	for i, c := range tm.Columns {
		r.Columns[i] = rememberedColumn{Name: c.Name, Unsigned: c.Unsigned, Charset: c.Charset, Labels: c.Labels}
	}
	return r
}

// complete is the other way: it adds to a table map what was remembered.
func (r remembered) complete(tm *binlog.TableMap) *binlog.TableMap {
	full := *tm
	full.Key, full.Full = r.Key, true
	full.Columns = make([]binlog.Column, len(tm.Columns))
	for i, c := range tm.Columns {
		k := r.Columns[i]
		c.Name, c.Labels = k.Name, k.Labels
		if !c.SignKnown {
			c.Unsigned, c.SignKnown = k.Unsigned, true
		}
		if c.Charset == 0 {
			c.Charset = k.Charset
		}
		full.Columns[i] = c
	}
	return &full
}
