package mysql

import (
	"bytes"
	"net"
	"sync/atomic"

	"github.com/tailrace/tailrace/internal/failure"
)

const (
	// greetingMax is how much a server may say until it has let us in.
	greetingMax = 1 << 20

	clearPlugin = "mysql_clear_password"
)

// A door is a connection that looks at what comes in until the login is over,
// before the library can answer it: without TLS a server, or who poses as it,
// may ask for the password in clear, or for it encrypted with a key of its own
// ("Connection Phase", "Authentication Method"). The library would obey.
type door struct {
	net.Conn
	local     bool // what is sent does not leave this host
	encrypted bool // behind the greeting there is TLS

	open    atomic.Bool // the login is over
	err     error       // that a Read ended with
	seen    int
	packets int
	held    []byte // a packet that is not whole
}

// Read implements net.Conn.
func (d *door) Read(p []byte) (int, error) {
	n, err := d.Conn.Read(p)
	if d.open.Load() {
		return n, err
	}
	if refused := d.look(p[:n]); refused != nil {
		n, err = 0, refused
	}
	if err != nil && d.err == nil {
		d.err = err
	}
	return n, err
}

func (d *door) look(b []byte) error {
	if d.seen += len(b); d.seen > greetingMax {
		return errForeign
	}
	if d.encrypted && d.packets > 0 {
		return nil
	}
	d.held = append(d.held, b...)
	for len(d.held) >= packetHeader {
		n := packetHeader + length24(d.held)
		if len(d.held) < n {
			break
		}
		if err := d.packet(d.held[packetHeader:n]); err != nil {
			return err
		}
		d.packets++
		d.held = d.held[n:]
	}
	return nil
}

// packet looks at a packet in clear. The first one is the greeting, which asks
// for nothing yet.
func (d *door) packet(b []byte) error {
	if d.packets == 0 || len(b) < 2 {
		return nil
	}
	switch b[0] {
	case 0xfe: // AuthSwitchRequest: the plugin's name
		if name, _, _ := bytes.Cut(b[1:], []byte{0}); string(name) == clearPlugin {
			return failure.Stop("use TLS: leave tls=disable out of the source URL, or say tls=verify-full", "the server asks for the password in clear")
		}
	case 0x01: // AuthMoreData: 3 is that all is well, 4 asks for the password, else it is a key
		if !d.local && b[1] != 3 {
			return failure.Stop("use TLS: leave tls=disable out of the source URL; or give the user the plugin mysql_native_password",
				"the server asks for the password, encrypted with a key that nobody vouches for")
		}
	}
	return nil
}
