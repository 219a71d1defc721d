package kafka

import (
	"errors"
	"fmt"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// A listener is the client's logger. What it says goes to the log at debug
// level; our own words for the same are in watch.go.
//
// It also hears of a refused batch, and that is why it exists. The client takes
// records for a partition again as soon as it has failed those it held, with a
// new producer epoch, while their promises still wait in a queue: until a
// promise ran, records would land behind a gap. The line in its log is written
// while the partition is locked, before it fails them.
type listener struct{ p *Publisher }

// The lines of franz-go v1.22.2 after which it fails records. A test fails when
// one has other words.
const (
	lineRefused  = "batch in a produce request failed"
	lineSequence = "batch errored, failing the producer ID"
	lineLoad     = "produce partition load error, bumping error count on first stored batch"
)

// Level implements kgo.Logger.
func (l listener) Level() kgo.LogLevel { return kgo.LogLevelInfo }

// Log implements kgo.Logger. It is called from any goroutine of the client.
func (l listener) Log(_ kgo.LogLevel, message string, pairs ...any) {
	switch message {
	case lineRefused, lineSequence:
		l.refused(pairs)
	case lineLoad:
		if fails, _ := value(pairs, "will_fail").(bool); fails {
			l.refused(pairs)
		}
	}
	if l.p.cfg.Log.Core().Enabled(zapcore.DebugLevel) {
		l.p.cfg.Log.Debug("the client of Kafka says", zap.String("said", message), zap.String("details", details(pairs)))
	}
}

func (l listener) refused(pairs []any) {
	topic, _ := value(pairs, "topic").(string)
	err, ok := value(pairs, "err").(error)
	if !ok {
		err = errors.New("the client gave no reason")
	}
	l.p.fail(l.p.explain(topic, err))
}

// details is what the client adds to a line, as text: the names are its own, and
// may not become keys of our log.
func details(pairs []any) string {
	var all []string
	for i := 0; i+1 < len(pairs); i += 2 {
		all = append(all, fmt.Sprintf("%v=%v", pairs[i], pairs[i+1]))
	}
	return strings.Join(all, " ")
}

func value(pairs []any, name string) any {
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i] == name {
			return pairs[i+1]
		}
	}
	return nil
}
