package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/status"
)

const (
	adminPatience = 10 * time.Second
	maxAnswer     = 16 << 20 // bytes: there may be very many tables
)

// An adminClient asks a running daemon.
type adminClient struct {
	address string
	absent  string        // hint for when nobody answers
	http    http.Client   // without a proxy from the environment: whoever names an address means it
	wait    time.Duration // for an answer
}

// newAdminClient returns what asks the daemon that listens as admin says.
func newAdminClient(admin config.Admin, absent string) (*adminClient, error) {
	address, err := dialAddress(admin)
	if err != nil {
		return nil, err
	}
	return &adminClient{address: address, absent: absent, http: http.Client{Transport: &http.Transport{DisableKeepAlives: true}}, wait: adminPatience}, nil
}

// call sends a request, with a body of JSON unless it is nil, and returns the answer
// as it came. Its error is of the class Usage: nobody answers who could.
func (c *adminClient) call(ctx context.Context, method, page string, body any) (code int, text []byte, err error) {
	var in io.Reader
	if body != nil {
		sent, err := json.Marshal(body)
		if err != nil {
			return 0, nil, fmt.Errorf("write the request: %w", err)
		}
		in = bytes.NewReader(sent)
	}
	ctx, cancel := context.WithTimeout(ctx, c.wait)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, "http://"+c.address+page, in)
	if err != nil {
		return 0, nil, failure.Usage("", "admin.listen: %s is no address", c.address)
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := c.http.Do(request)
	if err != nil {
		return 0, nil, c.noAnswer(ctx, err)
	}
	defer func() { _ = response.Body.Close() }()
	if text, err = io.ReadAll(io.LimitReader(response.Body, maxAnswer)); err != nil {
		return 0, nil, c.noAnswer(ctx, err)
	}
	return response.StatusCode, text, nil
}

// noAnswer is the error for an address whose answer was err. A daemon that is
// frozen is connected to, and says nothing.
func (c *adminClient) noAnswer(ctx context.Context, err error) error {
	var request *url.Error
	if errors.As(err, &request) {
		err = request.Err // without the page
	}
	var dial *net.OpError
	dialing := errors.As(err, &dial) && dial.Op == "dial"
	switch {
	case ctx.Err() != nil:
		err = errors.New("not within " + status.Span(c.wait))
	case dialing:
		err = dial.Err
	default:
		return failure.Usage("give the address of the daemon's admin.listen with --admin", "what answers at %s is not tailrace run (%v)", c.address, err)
	}
	return failure.Usage(c.absent, "nobody answers at %s: %v", c.address, err)
}

// stranger is the error for an answer that is none of tailrace run.
func (c *adminClient) stranger(code int) error {
	return failure.Usage("give the address of the daemon's admin.listen with --admin", "what answers at %s is not tailrace run (HTTP %d %s)", c.address, code, http.StatusText(code))
}

// dialAddress is where a daemon that listens as admin says is asked from this
// machine.
func dialAddress(admin config.Admin) (string, error) {
	host, port, err := net.SplitHostPort(admin.Listen)
	switch {
	case admin.Listen == "" || err != nil:
		return "", failure.Usage("give an address there, and start the daemon anew", "admin.listen is off, so the daemon does not tell what it does")
	case port == "0":
		return "", failure.Usage("give the address that the daemon's log names, with --admin", "admin.listen has port 0, so the daemon listens on whichever was free")
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port), nil
}
