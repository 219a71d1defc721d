package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	embedded "github.com/fergusstrange/embedded-postgres"
	"github.com/jackc/pgx/v5"

	"github.com/tailrace/tailrace/internal/console"
	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/internal/replay"
	"github.com/tailrace/tailrace/internal/shop"
)

const demoVersion = embedded.V18

// openPostgres starts a PostgreSQL and connects to it.
func openPostgres(ctx context.Context, own, cache string, screen *console.Screen) (*demoDatabase, error) {
	url, err := startPostgres(ctx, own, cache, screen)
	if err != nil {
		return nil, err
	}
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return nil, fmt.Errorf("connect to the shop: %w", err)
	}
	return &demoDatabase{
		url:  url,
		shop: shop.Postgres(conn),
		compare: func(ctx context.Context, events *replay.Tables, names []string) ([]replay.Result, error) {
			return events.ComparePostgres(ctx, conn, names)
		},
		close: func() { _ = conn.Close(context.WithoutCancel(ctx)) },
	}, nil
}

// startPostgres starts a PostgreSQL in own and returns its URL. The guard ends
// it. The binaries are downloaded into cache if they are not there.
func startPostgres(ctx context.Context, own, cache string, screen *console.Screen) (url string, err error) {
	password := rand.Text() // the port is open to every user of this machine
	settings := map[string]string{
		"wal_level":        "logical",
		"listen_addresses": "127.0.0.1",
		// A socket would lie in a folder that everybody shares.
		"unix_socket_directories": "",
		"timezone":                "UTC",
		"log_timezone":            "UTC",
		// The data is thrown away.
		"fsync":            "off",
		"full_page_writes": "off",
		// In the data folder, and so removed with it after a kill.
		"dynamic_shared_memory_type": "mmap",
	}
	// The library knows neither contexts nor progress, and fetches with the
	// default client: both are brought in there. This process does nothing else.
	http.DefaultClient.Transport = &download{ctx: ctx, screen: screen}
	screen.Status("starting PostgreSQL " + string(demoVersion))
	for attempt := 1; ; attempt++ {
		port, err := freePort()
		if err != nil {
			return "", err
		}
		data := filepath.Join(own, "data")
		server := embedded.NewDatabase(embedded.DefaultConfig().
			Version(demoVersion).
			Port(port).
			Database("shop").
			Password(password).
			Locale("C").
			Encoding("UTF8").
			CachePath(cache).
			BinariesPath(filepath.Join(own, "postgres")).
			RuntimePath(filepath.Join(own, "runtime")).
			DataPath(data).
			StartParameters(settings).
			StartTimeout(time.Minute).
			Logger(io.Discard))
		started := make(chan error, 1)
		go func() { started <- server.Start() }()
		select {
		case err = <-started:
		case <-ctx.Done():
			return "", errBeforeBegin
		}
		switch {
		case err == nil:
			return fmt.Sprintf("postgres://postgres:%s@127.0.0.1:%d/shop", password, port), nil
		case ctx.Err() != nil:
			return "", errBeforeBegin
		case attempt < 5 && strings.Contains(err.Error(), "listening on port"),
			attempt < 5 && strings.Contains(err.Error(), "Address already in use"):
			// Somebody was faster: another port.
			if err := os.RemoveAll(data); err != nil {
				return "", fmt.Errorf("start PostgreSQL: %w", err)
			}
		default:
			return "", failure.StopFrom(err, startHint(err), "PostgreSQL %s could not be started", demoVersion)
		}
	}
}

// startHint says what to do about the failures of the library that a user can
// mend; it knows them by their texts only.
func startHint(err error) string {
	text := err.Error()
	switch {
	case strings.Contains(text, "unable to connect to"), strings.Contains(text, "error fetching postgres"), strings.Contains(text, "download sha256"):
		return "the first demo on a machine downloads it from Maven Central, and needs the network for that"
	case strings.Contains(text, "could not look up effective user"):
		return "PostgreSQL runs only as a user who has an entry in /etc/passwd"
	}
	return ""
}

// A download is a transport that ends with a context and shows what it brings.
type download struct {
	ctx    context.Context // of the one run that it serves
	screen *console.Screen
}

// RoundTrip implements http.RoundTripper.
func (d *download) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.HasSuffix(r.URL.Path, ".jar") {
		d.screen.Status("downloading PostgreSQL " + string(demoVersion) + ", once")
	}
	resp, err := http.DefaultTransport.RoundTrip(r.WithContext(d.ctx))
	if err == nil && d.screen.Live() && strings.HasSuffix(r.URL.Path, ".jar") {
		resp.Body = &counted{ReadCloser: resp.Body, d: d, size: resp.ContentLength}
	}
	return resp, err
}

// counted shows how much of a body was read.
type counted struct {
	io.ReadCloser
	d          *download
	size, read int64
	shown      time.Time
}

func (c *counted) Read(b []byte) (int, error) {
	n, err := c.ReadCloser.Read(b)
	c.read += int64(n)
	const mega = 1e6
	switch {
	case err != nil:
		c.d.screen.Status("starting PostgreSQL " + string(demoVersion))
	case time.Since(c.shown) > 100*time.Millisecond:
		c.shown = time.Now()
		c.d.screen.Status(fmt.Sprintf("downloading PostgreSQL %s, once: %.1f of %.1f MB", demoVersion, float64(c.read)/mega, float64(c.size)/mega))
	}
	return n, err
}
