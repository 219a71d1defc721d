package postgres_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/capture/postgres"
)

func TestPlainTextStaysOnThisHostUnlessTheURLSaysOtherwise(t *testing.T) {
	for _, c := range []struct {
		name, url, host string
		want            []string
	}{
		{"another host", "postgres://u@db.internal/d", "", nil},
		{"this host", "postgres://u@localhost/d", "", []string{"localhost"}},
		{"this host by address", "postgres://u@127.0.0.1/d", "", []string{"127.0.0.1"}},
		{"a socket", "postgres:///d?host=/run/postgresql", "", []string{"/run/postgresql"}},
		{"this host overruled by a parameter", "postgres://u@localhost/d?host=db.internal", "", nil},
		{"another host from the environment", "postgres:///d", "db.internal", nil},
		{"several hosts, one of them another", "postgres://u@localhost,db.internal/d", "", nil},
		{"another host on request", "postgres://u@db.internal/d?sslmode=disable", "", []string{"db.internal"}},
		{"this host with TLS on request", "postgres://u@localhost/d?sslmode=require", "", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("PGHOST", c.host)
			got, _, err := postgres.PlainHosts(c.url)
			if err != nil || !slices.Equal(got, c.want) {
				t.Errorf("without TLS: %v, %v; want %v", got, err, c.want)
			}
		})
	}
}

func TestSettingsThatMakeTextStableAreNotOverruled(t *testing.T) {
	_, settings, err := postgres.PlainHosts("postgres://u@localhost/d?timezone=Europe/Berlin&datestyle=German&work_mem=1MB")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]string{}
	for name, value := range settings {
		lower := strings.ToLower(name)
		if other, twice := seen[lower]; twice {
			t.Errorf("%s is set twice, to %q and %q", name, value, other)
		}
		seen[lower] = value
	}
	for name, want := range map[string]string{"timezone": "UTC", "datestyle": "ISO", "work_mem": "1MB"} {
		if seen[name] != want {
			t.Errorf("%s = %q, want %q", name, seen[name], want)
		}
	}
}

func TestParametersOfTheURLArriveAsTheyAreWritten(t *testing.T) {
	_, settings, err := postgres.PlainHosts("postgres://u@localhost/d?options=-c%20work_mem%3D1MB&application_name=a%2Bb")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"options": "-c work_mem=1MB", "application_name": "a+b"} {
		if settings[name] != want {
			t.Errorf("%s = %q, want %q", name, settings[name], want)
		}
	}
}
