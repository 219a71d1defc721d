// Package fault is the bad network of tests: a proxy for TCP connections that
// delays, slows, stops and cuts them. It knows nothing of what they carry. The package
// kinesis in it does: it is a bad Kinesis.
package fault

import (
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"time"
)

// A Proxy passes connections on to a server, and does to them what it is told.
// Its methods may be called from any goroutine.
type Proxy struct {
	listener *net.TCPListener
	running  sync.WaitGroup

	mu      sync.Mutex
	rules   rules
	changed chan struct{} // closed when the rules change
	random  *rand.Rand
	links   map[*link]bool
	made    int
}

// rules are what is done to connections.
type rules struct {
	target      string
	delay       time.Duration
	rate        int // bytes per second; 0: as many as come
	frozen      bool
	blackhole   bool
	least, most time.Duration // how long a connection lives; 0: as long as it likes
	closed      bool
}

// Listen makes a proxy on a loopback port that leads nowhere yet: connections are
// closed until To was called. What is random follows from seed. The caller closes
// it.
func Listen(seed uint64) (*Proxy, error) {
	l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, fmt.Errorf("make a proxy: %w", err)
	}
	p := &Proxy{
		listener: l, links: make(map[*link]bool), changed: make(chan struct{}),
		random: rand.New(rand.NewPCG(seed, 2)),
	}
	p.running.Go(p.accept)
	return p, nil
}

// Address returns the host and port where the proxy listens.
func (p *Proxy) Address() string { return p.listener.Addr().String() }

// To makes new connections lead to the server at a host and port.
func (p *Proxy) To(target string) { p.rule(func(r *rules) { r.target = target }) }

// Delay holds back for so long what comes from now on, in each direction.
func (p *Proxy) Delay(d time.Duration) { p.rule(func(r *rules) { r.delay = d }) }

// Rate passes on no more bytes per second of each connection in each direction, from
// now on. 0 ends it.
func (p *Proxy) Rate(bytes int) { p.rule(func(r *rules) { r.rate = bytes }) }

// CutAfter makes each new connection end at a random time of its life within the
// two, with a reset. Zeros let them live.
func (p *Proxy) CutAfter(least, most time.Duration) {
	p.rule(func(r *rules) { r.least, r.most = least, most })
}

// Cut ends all connections with a reset, and returns how many there were.
func (p *Proxy) Cut() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	for l := range p.links {
		l.cut()
	}
	return len(p.links)
}

// Freeze passes nothing on, while connections stay open and new ones are taken:
// what is sent fills the buffers of the system. Thaw ends it, and nothing is
// missing then.
func (p *Proxy) Freeze() { p.rule(func(r *rules) { r.frozen = true }) }

// Thaw passes on what came since Freeze.
func (p *Proxy) Thaw() { p.rule(func(r *rules) { r.frozen = false }) }

// Blackhole takes what is sent and passes nothing on, if on is true. A connection
// that lost something so is cut when it ends.
func (p *Proxy) Blackhole(on bool) { p.rule(func(r *rules) { r.blackhole = on }) }

// Made returns how many connections there were so far.
func (p *Proxy) Made() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.made
}

// Close ends the proxy and all connections, and returns when nothing of them is
// left.
func (p *Proxy) Close() error {
	err := p.listener.Close()
	p.rule(func(r *rules) { r.closed = true })
	p.Cut()
	p.running.Wait()
	return err
}

func (p *Proxy) rule(change func(*rules)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	was := p.rules.blackhole
	change(&p.rules)
	if was && !p.rules.blackhole {
		for l := range p.links {
			if l.lost {
				l.cut()
			}
		}
	}
	close(p.changed)
	p.changed = make(chan struct{})
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.AcceptTCP()
		if err != nil {
			return // by Close
		}
		p.running.Go(func() { p.serve(client) })
	}
}

func (p *Proxy) serve(client *net.TCPConn) {
	now, _ := p.now()
	server, err := net.DialTimeout("tcp", now.target, 5*time.Second)
	if err != nil {
		reset(client) // a server that is away is not there for the client either
		return
	}
	l := &link{p: p, client: client, server: server.(*net.TCPConn), gone: make(chan struct{})}
	if !p.add(l) {
		l.cut()
		return
	}
	var both sync.WaitGroup
	both.Go(func() { l.pass(l.server, l.client) })
	l.pass(l.client, l.server)
	both.Wait()
	p.mu.Lock()
	delete(p.links, l)
	p.mu.Unlock()
	l.end()
}

// add counts a connection in, and has it die when it shall. It returns false when
// the proxy is closed.
func (p *Proxy) add(l *link) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.rules.closed {
		return false
	}
	p.links[l] = true
	p.made++
	if r := p.rules; r.most > 0 {
		life := r.least + time.Duration(p.random.Int64N(int64(r.most-r.least)+1))
		time.AfterFunc(life, l.cut)
	}
	return true
}

// now returns the rules, and what is closed when there are others.
func (p *Proxy) now() (rules, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.rules, p.changed
}
