package main

import (
	"errors"
	"os"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"golang.org/x/term"

	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/internal/console"
	"github.com/tailrace/tailrace/internal/failure"
)

// liveScreen returns where the log goes to on a terminal that it has for itself, so
// that a line may stay below it; else nil. Events that are written there too would
// tear it.
func liveScreen(c config.Config) *console.Screen {
	events := c.Publish.Sink == config.SinkStdout && console.IsTerminal(os.Stdout)
	if !isConsole(c.Log) || !console.IsTerminal(os.Stderr) || events {
		return nil
	}
	return console.NewTerminal(os.Stderr)
}

// newLogger writes to stderr: for people on a terminal, else as JSON.
func newLogger(c config.Log) (*zap.Logger, error) { return newLoggerTo(c, nil) }

// newLoggerTo is newLogger to a screen, if there is one.
func newLoggerTo(c config.Log, screen *console.Screen) (*zap.Logger, error) {
	level, err := zapcore.ParseLevel(c.Level)
	if err != nil {
		return nil, failure.Usage("use debug, info, warn or error", "log.level: %s", err)
	}
	enc := zap.NewProductionEncoderConfig()
	enc.TimeKey, enc.EncodeTime = "time", zapcore.RFC3339NanoTimeEncoder
	enc.EncodeDuration = zapcore.StringDurationEncoder // with its unit
	encoder := zapcore.NewJSONEncoder(enc)
	if isConsole(c) {
		enc.EncodeTime = zapcore.TimeEncoderOfLayout("15:04:05.000")
		enc.EncodeLevel = zapcore.CapitalLevelEncoder
		encoder = zapcore.NewConsoleEncoder(enc)
	}
	out := zapcore.Lock(os.Stderr)
	if screen != nil {
		out = zapcore.AddSync(screen)
	}
	return zap.New(zapcore.NewCore(encoder, out, level)), nil
}

func isConsole(c config.Log) bool {
	if c.Format == "" {
		return term.IsTerminal(int(os.Stderr.Fd()))
	}
	return c.Format == "console"
}

// A toldError is one that the log has told already.
type toldError struct{ error }

func (e *toldError) Unwrap() error { return e.error }

func asTold(err error, told **toldError) bool { return errors.As(err, told) }

// tell writes what ended the daemon into the log where the log is for
// machines; a person reads the plain sentence that main prints.
func tell(log *zap.Logger, c config.Log, err error) error {
	if err == nil || isConsole(c) {
		return err
	}
	log.Error("stopped", zap.Error(err), zap.Int("exit_code", failure.ExitCode(err)))
	return &toldError{err}
}
