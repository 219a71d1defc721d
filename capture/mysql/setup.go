package mysql

import (
	"context"
	"strings"

	"github.com/go-mysql-org/go-mysql/client"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/internal/quote"
)

// Setup makes a server ready for a Source: its user, and the settings of the
// binlog that SQL can change. It implements capture.Setup.
type Setup struct {
	cfg    Config
	source *target // how the Source logs in
	side   *side   // of a person who may, nil if it was not said
	flavor capture.Flavor
	copies bool // tables are to be copied

	steps []setupStep // of the last plan
}

var _ capture.Setup = (*Setup)(nil)

// A setupStep is a step, and what of it is not for print.
type setupStep struct {
	capture.Step
	secret string // takes the place of the placeholder at the end; "" if there is none
}

// NewSetup returns the Setup of the Source that cfg describes. as is the URL of
// whom the server lets do it, or "". With copies the user may also lock tables, where
// that is needed. It connects nowhere; the error is one of usage.
func NewSetup(cfg Config, as string, flavor capture.Flavor, copies bool) (*Setup, error) {
	source, err := parseURL(cfg.URL)
	if err != nil {
		return nil, err
	}
	if source.user == "" {
		return nil, failure.Usage(urlHint, "the source URL names no user")
	}
	s := &Setup{cfg: cfg, source: source, flavor: flavor, copies: copies}
	if flavor == capture.Auto {
		s.flavor = capture.FlavorOf(source.host)
	}
	if as == "" {
		return s, nil
	}
	target, err := parseURL(as)
	if err != nil {
		return nil, capture.AsError(err)
	}
	if target.mariadb != source.mariadb {
		return nil, failure.Usage("begin both with mysql:// or both with mariadb://", "--as and the source URL name two kinds of server")
	}
	target.database = "" // it may not be there yet
	s.side = &side{target: target, program: "tailrace setup"}
	if flavor == capture.Auto {
		s.flavor = ""
	}
	return s, nil
}

// Plan implements capture.Setup.
func (s *Setup) Plan(ctx context.Context) (capture.Plan, error) {
	s.steps = nil
	if s.side == nil {
		return s.blindPlan()
	}
	found, err := s.look(ctx)
	if err != nil {
		return capture.Plan{}, capture.AsError(err)
	}
	return s.plan(found)
}

// Removal implements capture.Setup. A server of the MySQL family keeps its log
// for nobody.
func (s *Setup) Removal(context.Context) (capture.Plan, error) {
	s.steps = nil
	return capture.Plan{Flavor: s.flavor, Notes: []string{
		"A server of the MySQL family keeps nothing for a pipeline: it deletes its binlogs by age, whoever has read them. Only the user " +
			quote.MySQLIdent(s.source.user) + " is there, and stays.",
	}}, nil
}

// Run implements capture.Setup.
func (s *Setup) Run(ctx context.Context, i int) error {
	step := s.steps[i]
	sql := step.SQL
	if step.secret != "" {
		sql = strings.TrimSuffix(sql, capture.Placeholder) + quote.MySQLLiteral(step.secret)
	}
	err := s.side.use(ctx, func(c *client.Conn) error { return execute(c, sql) })
	if my := serverError(err); my != nil && step.secret != "" {
		// Its text may quote the statement.
		my.Message = strings.ReplaceAll(my.Message, quote.MySQLLiteral(step.secret), capture.Placeholder)
		my.Message = strings.ReplaceAll(my.Message, step.secret, capture.Placeholder)
	}
	return classify("run "+step.SQL, err)
}

// Close implements capture.Setup.
func (s *Setup) Close() error {
	if s.side == nil {
		return nil
	}
	return s.side.close()
}

func (s *Setup) add(why, sql string, done bool) {
	s.steps = append(s.steps, setupStep{capture.Step{Why: why, SQL: sql, Done: done}, ""})
}

// done puts the steps into p.
func (s *Setup) done(p capture.Plan) capture.Plan {
	for _, step := range s.steps {
		p.Steps = append(p.Steps, step.Step)
	}
	return p
}

// product is how people call this kind of server.
func (s *Setup) product() string {
	if s.source.mariadb {
		return "MariaDB"
	}
	return "MySQL"
}
