package mysql_test

import (
	"bytes"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/internal/servers"
	"github.com/tailrace/tailrace/internal/servers/local"
)

// greeting is how a server of MySQL 8 begins, without TLS ("HandshakeV10").
func greeting(plugin string) string {
	return "\x0a8.0.36\x00\x01\x00\x00\x00abcdefgh\x00" + // version, connection, half of the scramble
		"\x00\xa2\x2d\x02\x00\x08\x00\x15" + strings.Repeat("\x00", 10) + "ijklmnopqrst\x00" + plugin + "\x00"
}

// A script is a server that says one packet after each of the client's.
func script(t *testing.T, packets ...string) (address string, heard func() string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	var mu sync.Mutex
	var all bytes.Buffer
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		buf := make([]byte, 4096)
		var number byte
		for i, p := range packets {
			if i > 0 {
				n, err := c.Read(buf)
				if err != nil {
					return
				}
				number = buf[3] + 1
				mu.Lock()
				all.Write(buf[:n])
				mu.Unlock()
			}
			if _, err := io.WriteString(c, string([]byte{byte(len(p)), byte(len(p) >> 8), byte(len(p) >> 16), number})+p); err != nil {
				return
			}
		}
		rest, _ := io.ReadAll(c)
		mu.Lock()
		all.Write(rest)
		mu.Unlock()
	}()
	return l.Addr().String(), func() string {
		<-gone
		mu.Lock()
		defer mu.Unlock()
		return all.String()
	}
}

func TestAPasswordIsNotGivenToWhoeverAsks(t *testing.T) {
	for _, c := range []struct {
		name    string
		remote  bool
		packets []string
		want    string
	}{
		{"in clear", false, []string{greeting("mysql_native_password"), "\xfemysql_clear_password\x00"}, "in clear"},
		{"in clear, from another host", true, []string{greeting("mysql_native_password"), "\xfemysql_clear_password\x00"}, "in clear"},
		{"for a key, from another host", true, []string{greeting("caching_sha2_password"), "\x01\x04"}, "nobody vouches for"},
		{
			"for a key of sha256_password, from another host", true,
			[]string{greeting("sha256_password"), "\x01-----BEGIN PUBLIC KEY-----\n"},
			"nobody vouches for",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			address, heard := script(t, c.packets...)
			r := replicaOf(t, "mysql://me:open-sesame@"+address+"/db")
			if c.remote {
				r.Remote()
			}
			wantError(t, r.Login(within(t)), failure.ExitStop, c.want)
			if strings.Contains(heard(), "open-sesame") {
				t.Error("the server was told the password")
			}
		})
	}
}

func TestAServerThatAsksForAFileGetsNone(t *testing.T) {
	okay, asked := "\x00\x00\x00\x02\x00\x00\x00", "\xfb/etc/hostname"
	address, heard := script(t, greeting("mysql_native_password"), okay, asked)
	wantRetry(t, replicaOf(t, "mysql://me@"+address+"/db").Login(within(t)), "connect: ")
	if n := strings.Count(heard(), "SET"); n != 1 {
		t.Errorf("the client went on after it was asked for a file: %d statements", n)
	}
}

func TestNonsenseInsteadOfALoginIsAnError(t *testing.T) {
	for _, c := range []struct {
		name    string
		packets []string
	}{
		{"an empty packet", []string{""}},
		{"a greeting cut short", []string{"\x0a8.0"}},
		{"a version of another protocol", []string{"\x09hello\x00"}},
		{"an empty answer", []string{greeting("mysql_native_password"), ""}},
		{"a switch without a name", []string{greeting("mysql_native_password"), "\xfe"}},
		{"a key that is none", []string{greeting("caching_sha2_password"), "\x01\x04", "\x01nonsense"}},
		{"an answer to a query cut short", []string{greeting("mysql_native_password"), "\x00\x00\x00\x02\x00\x00\x00", "\x00"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			address, _ := script(t, c.packets...)
			wantRetry(t, replicaOf(t, "mysql://me:secret@"+address+"/db?connect_timeout=1").Login(within(t)), "connect: ")
		})
	}
}

func TestAnEndlessGreetingIsNotRead(t *testing.T) {
	endless, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer endless.Close()
	go func() {
		c, err := endless.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		if _, err := c.Write([]byte{0xff, 0xff, 0xff, 0}); err != nil {
			return
		}
		for {
			if _, err := c.Write(bytes.Repeat([]byte{0xff}, 64<<10)); err != nil {
				return
			}
		}
	}()
	wantRetry(t, replicaOf(t, "mysql://me:secret@"+endless.Addr().String()+"/db").Login(within(t)), "not of the protocol")
}

func TestAKeyOfTheServersDoesOnThisHostAlone(t *testing.T) {
	d := servers.MySQL(t, local.MySQL97)
	user := d.User(t, "secret", "SELECT ON {db}.*")
	r := replicaOf(t, d.URLAs(user, "secret"))
	r.Remote()
	wantError(t, r.Login(within(t)), failure.ExitStop, "nobody vouches for")
	if err := replicaOf(t, d.URLAs(user, "secret")).Login(within(t)); err != nil {
		t.Fatal(err)
	}
	// Now the server knows the password's hash, and needs no more than proof.
	if err := r.Login(within(t)); err != nil {
		t.Error(err)
	}
}
