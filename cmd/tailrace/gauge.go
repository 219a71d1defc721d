package main

import (
	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/mysql"
	"github.com/tailrace/tailrace/capture/postgres"
	"github.com/tailrace/tailrace/config"
)

// newGauge returns the gauge of the source that cfg names. It connects nowhere;
// the error is one of usage.
func newGauge(cfg config.Config, log *zap.Logger) (capture.Gauge, error) {
	if cfg.Source.Kind == config.SourcePostgres {
		return postgres.NewGauge(postgresConfig(cfg, nil, false, log))
	}
	return mysql.NewGauge(mysqlConfig(cfg, nil, false, log))
}
