package kafka

import (
	"context"
	"net"
)

// WithDial lets a test with virtual time bring its network.
func WithDial(cfg Config, dial func(context.Context, string, string) (net.Conn, error)) Config {
	cfg.dial = dial
	return cfg
}
