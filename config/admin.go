package config

import (
	"errors"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/tailrace/tailrace/internal/failure"
)

// Only this machine is told what the daemon does, until somebody asks for more.
const defaultListen = "127.0.0.1:8085"

func setListen(c *Config, text string) error {
	if text == "off" {
		c.Admin.Listen = ""
		return nil
	}
	_, port, err := net.SplitHostPort(text)
	if err != nil {
		return errors.New("expected host:port, :port for every address of the machine, or off")
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return errors.New("expected a port from 0 to 65535, where 0 takes a free one")
	}
	c.Admin.Listen = text
	return nil
}

// LoadAdmin returns what Load would for admin.listen, and looks at nothing else:
// whoever asks a running daemon need not have the secrets that it was started
// with.
func LoadAdmin(path string, lookupEnv func(string) (string, bool), flags []Override) (Admin, error) {
	l := loader{config: constants(), lookupEnv: lookupEnv, refused: map[string]bool{}, given: map[string]place{}}
	var others problems
	file := fileReader{path: path, settings: Settings(), problems: &others}
	if path != "" {
		if err := file.read(); err != nil {
			return Admin{}, &failure.StopError{Sentence: err.Error(), Code: failure.ExitUsage}
		}
	}
	s := file.settings[slices.IndexFunc(file.settings, func(s Setting) bool { return s.Key == "admin.listen" })]
	given := overrides(file.settings, flags)[s.Key]
	switch variable, ok := l.variable(s.Env); {
	case len(given) > 0:
		l.apply(s, given)
	case ok:
		l.apply(s, []value{{variable, place{origin: s.Env}}})
	case file.partial: // it may be in what can't be read
		return Admin{}, others.err()
	default:
		for _, p := range others {
			if strings.HasPrefix(p.text, "admin") {
				l.problems = append(l.problems, p)
			}
		}
		l.apply(s, file.values[s.Key])
	}
	return l.config.Admin, l.problems.err()
}
