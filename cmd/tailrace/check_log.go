package main

import (
	"fmt"
	"slices"
	"strings"

	"go.uber.org/zap/zapcore"
)

// A findingCore makes a warning of each line of a log from that level on.
type findingCore struct {
	part   *part
	fields []zapcore.Field
}

var _ zapcore.Core = (*findingCore)(nil)

// Enabled implements zapcore.Core.
func (c *findingCore) Enabled(level zapcore.Level) bool { return level >= zapcore.WarnLevel }

// With implements zapcore.Core.
func (c *findingCore) With(fields []zapcore.Field) zapcore.Core {
	return &findingCore{c.part, append(slices.Clone(c.fields), fields...)}
}

// Check implements zapcore.Core.
func (c *findingCore) Check(e zapcore.Entry, checked *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if c.Enabled(e.Level) {
		return checked.AddCore(e, c)
	}
	return checked
}

// Write implements zapcore.Core. The field fix is what can be done; the others
// stand in parentheses behind the sentence.
func (c *findingCore) Write(e zapcore.Entry, fields []zapcore.Field) error {
	what, fix := e.Message, ""
	var said []string
	for _, field := range append(slices.Clone(c.fields), fields...) {
		if field.Key == "fix" {
			fix = field.String
			continue
		}
		values := zapcore.NewMapObjectEncoder()
		field.AddTo(values)
		said = append(said, fmt.Sprintf("%s: %v", field.Key, values.Fields[field.Key]))
	}
	if len(said) > 0 {
		what += " (" + strings.Join(said, ", ") + ")"
	}
	c.part.warn(what, fix)
	return nil
}

// Sync implements zapcore.Core.
func (c *findingCore) Sync() error { return nil }
