//go:build !linux

package postgres

import (
	"context"
	"net"
)

// dial is the DialFunc of connections for replication.
func dial(ctx context.Context, network, address string) (net.Conn, error) {
	return (&net.Dialer{}).DialContext(ctx, network, address)
}
