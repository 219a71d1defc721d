package config

import (
	"fmt"
	"strconv"
	"time"
)

// The limits of how tables are copied. A chunk that is shorter is mostly overhead, and
// a longer one holds its view of the database open for that long.
const (
	maxConnections   = 64
	maxRowsPerSecond = 1_000_000_000
	minChunk         = 100 * time.Millisecond
	maxChunk         = time.Minute
	minMaxLag        = time.Second
)

func setChunk(c *Config, text string) error {
	var d time.Duration
	if err := setDuration(&d, text, minChunk); err != nil {
		return err
	}
	if d > maxChunk {
		return fmt.Errorf("expected at most %v", maxChunk)
	}
	c.Snapshot.Chunk = d
	return nil
}

func setNumber(to *int, text string, least, most int) error {
	n, err := strconv.Atoi(text)
	if err != nil || n < least || n > most {
		return fmt.Errorf("expected a whole number from %d to %d", least, most)
	}
	*to = n
	return nil
}
