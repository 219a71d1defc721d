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

// Write implements zapcore.Core. The fields stand in parentheses behind the
// sentence and before what can be done.
func (c *findingCore) Write(e zapcore.Entry, fields []zapcore.Field) error {
	var said []string
	for _, field := range append(slices.Clone(c.fields), fields...) {
		values := zapcore.NewMapObjectEncoder()
		field.AddTo(values)
		said = append(said, fmt.Sprintf("%s: %v", field.Key, values.Fields[field.Key]))
	}
	what, fix, _ := strings.Cut(e.Message, "; ")
	if len(said) > 0 {
		what += " (" + strings.Join(said, ", ") + ")"
	}
	if fix != "" {
		what += "; " + fix
	}
	c.part.warn(what)
	return nil
}

// Sync implements zapcore.Core.
func (c *findingCore) Sync() error { return nil }
