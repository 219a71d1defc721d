package main

import (
	"crypto/rand"
	"errors"
	"net/url"
	"strings"

	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/mysql"
	"github.com/tailrace/tailrace/capture/mysql/values"
	"github.com/tailrace/tailrace/capture/postgres"
	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/internal/failure"
)

// newSource returns the source that cfg names, and how its events name its kind.
// A temporary one leaves nothing behind on the server. claim is that of the
// sources' own configuration.
func newSource(cfg config.Config, claim func() string, temporary bool, log *zap.Logger) (capture.Source, string, error) {
	switch cfg.Source.Kind {
	case config.SourcePostgres:
		src, err := postgres.New(postgresConfig(cfg, claim, temporary, log))
		return src, postgres.Connector, err
	case config.SourceMySQL:
		src, err := mysql.New(mysqlConfig(cfg, claim, temporary, log))
		return src, mysql.MySQL, err
	case config.SourceMariaDB:
		src, err := mysql.New(mysqlConfig(cfg, claim, temporary, log))
		return src, mysql.MariaDB, err
	}
	return nil, "", failure.Usage("write it as postgres://user:password@host/database, mysql://user:password@host/ or mariadb://user:password@host/",
		"the source URL is not one of Postgres, MySQL or MariaDB")
}

// checkPlaces refuses a start that the source can't have, and an end that it
// could never reach.
func checkPlaces(cfg config.Config) error {
	if cfg.Source.Kind == config.SourcePostgres {
		return postgres.CheckTarget(cfg.Until)
	}
	return errors.Join(mysql.CheckStart(cfg.Source.Kind, cfg.From), mysql.CheckTarget(cfg.Source.Kind, cfg.Until))
}

func postgresConfig(cfg config.Config, claim func() string, temporary bool, log *zap.Logger) postgres.Config {
	return postgres.Config{
		Name:        cfg.Name,
		Claim:       claim,
		URL:         cfg.Source.URL.Reveal(),
		Tables:      cfg.Source.Tables,
		InsertOnly:  cfg.Source.InsertOnly,
		Slot:        cfg.Source.Postgres.Slot,
		Publication: cfg.Source.Postgres.Publication,
		Create:      cfg.Source.Postgres.Create,
		Temporary:   temporary,
		Values: postgres.Values{
			JSONText:       cfg.Values.JSON == config.JSONText,
			InfinityNull:   cfg.Values.Infinity == config.InfinityNull,
			ReplaceInvalid: cfg.Values.InvalidText == config.InvalidTextReplace,
		},
		MaxRow: maxRow(cfg.Limits),
		Log:    log,
	}
}

// mysqlConfig gives a temporary source a name that nobody else has: the
// server_id of a replica follows from it, and of two with one the server throws
// the older out.
func mysqlConfig(cfg config.Config, claim func() string, temporary bool, log *zap.Logger) mysql.Config {
	name := cfg.Name
	if temporary {
		name += "_" + strings.ToLower(rand.Text())[:12]
	}
	return mysql.Config{
		Name:      name,
		Claim:     claim,
		URL:       cfg.Source.URL.Reveal(),
		Tables:    cfg.Source.Tables,
		ServerID:  cfg.Source.MySQL.ServerID,
		Positions: cfg.Source.MySQL.Positions,
		Values: values.Options{
			JSONText:       cfg.Values.JSON == config.JSONText,
			ZeroDatesNull:  cfg.Values.ZeroDates == config.ZeroDatesNull,
			ReplaceInvalid: cfg.Values.InvalidText == config.InvalidTextReplace,
			MariaDB:        cfg.Source.Kind == config.SourceMariaDB,
		},
		MaxRow:   maxRow(cfg.Limits),
		Memory:   int(min(cfg.Limits.Memory/16, 1<<30)), // beside the rows on their way (C6.3)
		SpillDir: cfg.Limits.SpillDir,
		Log:      log,
	}
}

// maxRow is the longest row that is read (C6.2). An event of it must fit 4 GiB.
func maxRow(l config.Limits) int { return int(min(l.Memory/8, 256<<20)) }

// defaultDatabase is the database of the source's URL, in which bare names of
// tables are looked for.
func defaultDatabase(s config.Source) string {
	u, err := url.Parse(s.URL.Reveal())
	if err != nil {
		return "" // package config has refused it
	}
	return strings.TrimPrefix(u.Path, "/")
}
