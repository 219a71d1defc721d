package mysql

import (
	"strings"

	"github.com/tailrace/tailrace/capture/mysql/gtid"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/internal/failure"
)

// CheckStart refuses a start that no source of the kind connector, MySQL or
// MariaDB, can have: text that is neither "", which is none, nor a word, nor a
// time, nor a position of that kind. The error is of the class Usage. The command
// calls it before anything is connected.
func CheckStart(connector, text string) error {
	if _, isTime := event.TimeOf(text); isTime || text == event.Earliest {
		return nil // package config has read the time
	}
	return CheckTarget(connector, text)
}

// CheckTarget refuses an end that no source of the kind connector, MySQL or
// MariaDB, ever reaches: text that is neither "", which is none, nor "now", nor a
// position of that kind. The error is of the class Usage. The command calls it
// before anything is connected.
func CheckTarget(connector, text string) error {
	if text == "" || text == event.Now {
		return nil
	}
	p, err := readPosition(text)
	if err != nil {
		example := exampleMariaDB
		if connector != MariaDB {
			example = exampleMySQL
			if sets, ok := strings.CutPrefix(text, gtidTag); ok { // it was read as MariaDB's, which have no colon
				sets, _, _ = strings.Cut(sets, "@")
				if _, wrong := gtid.Parse(sets); wrong != nil {
					err = wrong
				}
			}
		}
		return failure.Usage("write it as "+example+" or "+exampleFile, "%.200q is not a place in a binlog: %v", text, err)
	}
	if sentence, hint := p.foreign(connector == MariaDB); sentence != "" {
		return failure.Usage(hint, "%s", sentence)
	}
	return nil
}

// foreign says why a server can't understand a place, and how to write it; ""
// if it can.
func (p *position) foreign(mariadb bool) (sentence, hint string) {
	switch {
	case mariadb && !p.set.Empty():
		return "the place gtid:" + brief(p.gtids()) + " is one of MySQL, and the source is a MariaDB", "write it as " + exampleMariaDB
	case !mariadb && !p.list.Empty():
		return "the place gtid:" + brief(p.gtids()) + " is one of MariaDB, and the source is a MySQL", "write it as " + exampleMySQL
	}
	return "", ""
}
