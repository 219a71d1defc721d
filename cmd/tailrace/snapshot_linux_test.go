package main_test

import (
	"regexp"
	"strings"
	"testing"
)

func TestATerminalShowsABarThatTearsNoLine(t *testing.T) {
	t.Parallel()
	s := newCopySite(t)
	s.env["RATE"] = "2000"
	shown := s.onTerminal(t, "", 0, "run", "-c", "testdata/copy.yaml", "--snapshot", "only")
	if !regexp.MustCompile(`\x1b\[7m copying █+░+ \d+%  0 of 1 table  [\d,]+ rows  [\d,]+/s`).MatchString(shown) {
		t.Errorf("the terminal shows %q, want a bar", shown)
	}
	if end := strings.LastIndex(shown, "\x1b[K"); end < 0 || strings.Contains(shown[end:], "copying █") {
		t.Errorf("the terminal shows %q, want no bar at the end", shown)
	}
	for line := range strings.Lines(shown) {
		if strings.Contains(line, "INFO") && !regexp.MustCompile(`\d\d:\d\d:\d\d\.\d{3}\tINFO\t[a-z ]+\t\{.*\}\r\n$`).MatchString(line) {
			t.Errorf("a line of the log is torn: %q", line)
		}
	}
	ops := s.wantRows(t, there-1)
	if ops["r"] != there {
		t.Errorf("got %v, want each row read once", ops)
	}
}

func TestWhoWaitsForACopyOnATerminalSeesABar(t *testing.T) {
	t.Parallel()
	s := newCopySite(t)
	s.env["RATE"] = "2000"
	p := s.follow(t, append([]string{"--snapshot", "never", "--from", "now"}, onFree...)...)
	p.following(t)
	shown := s.onTerminal(t, "", 0, "snapshot", "--admin", p.admin(t), "--table", "orders", "--wait")
	if !regexp.MustCompile(`\x1b\[7m █+░* \d+%  0 of 1 table`).MatchString(shown) || !strings.Contains(shown, "done: copy 1 of public.orders, 5,000 rows") {
		t.Errorf("the terminal shows %q, want a bar and then that it is done", shown)
	}
	p.stop(t)
}
