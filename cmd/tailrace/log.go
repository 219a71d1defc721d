package main

import (
	"errors"
	"os"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"golang.org/x/term"

	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/internal/failure"
)

// newLogger writes to stderr: for people on a terminal, else as JSON.
func newLogger(c config.Log) (*zap.Logger, error) {
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
	return zap.New(zapcore.NewCore(encoder, zapcore.Lock(os.Stderr), level)), nil
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
