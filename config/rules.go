package config

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/transform"
)

// The least values of the numbers.
const (
	minMemory   Size = 16 << 20
	minInterval      = 10 * time.Millisecond
	minDrain         = 100 * time.Millisecond
	// A transaction costs the brokers some round trips, and readers see nothing of
	// it before its end.
	minTransaction = 100 * time.Millisecond
)

// maxTransaction is half of how long brokers keep a transaction open: with a
// longer one, none would ever be committed.
const maxTransaction = 30 * time.Second

// maxIdentifier is the longest name in bytes that Postgres keeps whole.
const maxIdentifier = 63

var (
	pipelineName = regexp.MustCompile(`^[a-z0-9_]{1,40}$`)
	slotName     = regexp.MustCompile(`^[a-z0-9_]{1,63}$`)
	// A server prints a set of GTIDs with a line break behind each comma.
	position = regexp.MustCompile(`^(lsn:[!-~]+|file:[!-~]+|gtid:[!-~]([!-~]|,\s+)*)$`)
)

// A choice is a set of words, and the words that are planned and not built.
type choice struct{ built, planned []string }

var (
	snapshotModes      = choice{built: []string{SnapshotInitial, SnapshotNever, SnapshotOnly}}
	truncates          = choice{built: []string{TruncateInline, TruncateControl}}
	formats            = choice{[]string{FormatNative}, []string{"debezium", "maxwell", "canal", "upsert"}}
	logLevels          = choice{built: []string{"debug", "info", "warn", "error"}}
	logFormats         = choice{built: []string{"console", "json"}}
	jsonForms          = choice{built: []string{JSONEmbed, JSONText}}
	infinityForms      = choice{built: []string{InfinityText, InfinityNull}}
	zeroDateForms      = choice{built: []string{ZeroDatesText, ZeroDatesNull}}
	snapshotAskers     = choice{built: []string{SnapshotsLocal, SnapshotsAnywhere}}
	positionKinds      = choice{built: []string{PositionsAuto, PositionsGTID, PositionsFile}}
	invalidTextActions = choice{built: []string{InvalidTextStop, InvalidTextReplace}}

	publishSchemes    = choice{[]string{"kafka:", "kinesis:", "file:", "stdout:", "discard:"}, []string{"s3:"}}
	checkpointSchemes = choice{[]string{"file:", checkpointKafka}, []string{"dynamodb:", "postgres:", "mysql:"}}
)

func choose(to *string, text, what string, from choice) error {
	if slices.Contains(from.built, text) {
		*to = text
		return nil
	}
	return from.refuse(text, what)
}

// refuse returns the error for a word that is not among the built ones. It
// quotes text only when it is one of ours.
func (c choice) refuse(text, what string) error {
	if slices.Contains(c.planned, text) {
		return fmt.Errorf("this version does not have the %s %q yet; it has %s", what, text, list(c.built, "and"))
	}
	return errors.New("expected " + list(c.built, "or"))
}

// list writes words as people do: a, b or c.
func list(words []string, conjunction string) string {
	last := len(words) - 1
	if last == 0 {
		return words[0]
	}
	return strings.Join(words[:last], ", ") + " " + conjunction + " " + words[last]
}

func setName(c *Config, text string) error {
	if !pipelineName.MatchString(text) {
		return errors.New("expected 1 to 40 of the characters a-z 0-9 _")
	}
	c.Name = text
	return nil
}

func setSource(c *Config, text string) error {
	if _, err := parseSource(text); err != nil {
		return err
	}
	c.Source.URL, c.Source.Kind = NewSecret(text), KindOf(text)
	return nil
}

func appendTable(to *[]string, text string, exclusions bool) error {
	name, excluded := strings.CutPrefix(text, "!")
	if excluded && !exclusions {
		return errors.New("expected the name or glob of a table; an exclusion has no meaning here")
	}
	if strings.TrimSpace(name) == "" {
		return errors.New("expected the name or glob of a table, not nothing")
	}
	*to = append(*to, text)
	return nil
}

func setSlot(c *Config, text string) error {
	if !slotName.MatchString(text) {
		return errors.New("expected 1 to 63 of the characters a-z 0-9 _")
	}
	c.Source.Postgres.Slot = text
	return nil
}

func setPublication(c *Config, text string) error {
	if text == "" || len(text) > maxIdentifier || strings.Contains(text, "\x00") {
		return errors.New("expected a name of 1 to 63 bytes")
	}
	c.Source.Postgres.Publication = text
	return nil
}

func setServerID(c *Config, text string) error {
	id, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		return errors.New("expected a number from 1 to 4294967295, or 0 for one that follows from the pipeline's name")
	}
	c.Source.MySQL.ServerID = uint32(id)
	return nil
}

func setPublish(c *Config, text string) error {
	dir, isFile, err := filePath(text)
	switch {
	case err != nil:
		return err
	case isFile:
		c.Publish.Sink, c.Publish.Dir = SinkFile, dir
	case strings.HasPrefix(text, "kafka:"):
		if err := setBrokers(c, text); err != nil {
			return err
		}
	case strings.HasPrefix(text, "kinesis:"):
		if err := setStream(c, text); err != nil {
			return err
		}
	case text == "stdout:":
		c.Publish.Sink = SinkStdout
	case text == "discard:":
		c.Publish.Sink = SinkDiscard
	default:
		scheme, _, _ := strings.Cut(text, ":")
		return publishSchemes.refuse(scheme+":", "sink")
	}
	c.Publish.URL = text
	return nil
}

func setTopic(c *Config, text string) error {
	topic, err := transform.ParseTopic(text)
	if err != nil {
		return err
	}
	c.Publish.Topic = topic
	return nil
}

func setCheckpoint(c *Config, text string) error {
	path, isFile, err := filePath(text)
	if err != nil {
		return err
	}
	if text == checkpointKafka {
		c.Checkpoint.URL, c.Checkpoint.Path = text, ""
		return nil
	}
	if strings.HasPrefix(text, checkpointKafka) {
		return errors.New("expected kafka: alone, as the checkpoint is kept by the brokers of publish.url, in the topic {name}.checkpoint")
	}
	if !isFile {
		scheme, _, _ := strings.Cut(text, ":")
		return checkpointSchemes.refuse(scheme+":", "checkpoint store")
	}
	if strings.HasSuffix(path, "/") {
		return errors.New("it names a folder; expected a file such as file:./tailrace.json")
	}
	c.Checkpoint.URL, c.Checkpoint.Path = text, path
	return nil
}

func setMemory(c *Config, text string) error {
	size, err := ParseSize(text)
	if err != nil {
		return err
	}
	if size < minMemory {
		return fmt.Errorf("expected at least %v", minMemory)
	}
	c.Limits.Memory = size
	return nil
}

func setSpillDir(c *Config, text string) error {
	if text == "" || strings.Contains(text, "\x00") {
		return errors.New("expected the path of a folder")
	}
	c.Limits.SpillDir = text
	return nil
}

func setDuration(to *time.Duration, text string, least time.Duration) error {
	d, err := time.ParseDuration(text)
	if err != nil {
		return fmt.Errorf("expected %v", kindDuration)
	}
	if d < least {
		return fmt.Errorf("expected at least %v", least)
	}
	*to = d
	return nil
}

func setBool(to *bool, text string) error {
	if text != "true" && text != "false" {
		return fmt.Errorf("expected %v", kindBool)
	}
	*to = text == "true"
	return nil
}

// positions shows how each source writes one.
const positions = "Postgres: lsn:0/16B3748; MySQL: gtid:3e11fa47-71ca-11e1-9e33-c80aa9429562:1-77; MariaDB: gtid:0-1-100; both: file:binlog.000003:1542"

// setFrom checks only the outside of a position: its inside is the source's.
func setFrom(c *Config, text string) error {
	if when, ok := event.TimeOf(text); ok {
		if _, err := time.Parse(time.RFC3339Nano, when); err != nil {
			return errors.New("expected a time as in time:2026-11-21T10:00:00Z")
		}
	} else if text != event.Earliest && text != event.Now && !position.MatchString(text) {
		return errors.New("expected a position (" + positions + "), earliest, now or time:2026-11-21T10:00:00Z")
	}
	c.From = text
	return nil
}

func setUntil(c *Config, text string) error {
	if _, ok := event.TimeOf(text); ok || text != event.Now && !position.MatchString(text) {
		return errors.New("expected a position (" + positions + ") or now")
	}
	c.Until = text
	return nil
}
